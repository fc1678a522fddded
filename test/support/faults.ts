/**
 * Logs that are put into a fault, for the alerts that must tell of it: real processes where a
 * signal, a limit or a damaged file does it, the composed log of this process where a disk, a
 * clock or the memory must be made to fail.
 * @module
 */
import assert from "node:assert/strict";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "../../src/clock/clock.ts";
import { systemClock } from "../../src/clock/system.ts";
import { REAL_SEAM } from "../../src/storage/level/real.ts";
import type { Seam } from "../../src/storage/level/seam.ts";
import { chainOf, makeCa, type TestCa } from "./certificates.ts";
import { freePort } from "./deploy.ts";
import { INSPECTED, Inspector } from "./inspector.ts";
import { LogFolder, StratusProcess, shardReady, type TestShard, until } from "./process.ts";
import { FailingDisk, type Here, initHere, serveHere } from "./running.ts";
import { chainJson } from "./running-log.ts";

/** A log under Prometheus's eyes. */
export interface FaultyLog {
  /** `127.0.0.1:port` of its operations server. */
  readonly address: string;
  /** Which of Prometheus's jobs it belongs to; default `stratus`. */
  readonly job?: "stratus" | "stratus-probe";
  /** Puts it into the fault; done, or going on until the stack is disposed of. */
  readonly strike: () => Promise<void>;
}

/** A fault, and the alerts that it must set off. */
export interface Fault {
  readonly name: string;
  readonly alerts: readonly (readonly [alert: string, shard: string])[];
  /** Starts a log that is well, or as it is found after the fault; `stack` ends it. */
  readonly start: (stack: AsyncDisposableStack) => Promise<FaultyLog>;
}

/** Its root is accepted by every log here. */
export const CA: TestCa = makeCa();
const STRANGER = makeCa();
/** The shard of a fault with one. */
export const SHARD = "test2027";
/** Lines of shards whose fault is no damage; a busy machine is no reason to refuse a submission. */
export const NO_AUDIT: string = "audit: { entriesPerSecond: 0 }\n    answerWithinMs: 60000";
const QUIET = "logLevel: fatal";
/** What is overridden is so in the main thread alone: it serves. */
const SERVES_HERE = "frontends: 0";

/** A chain that the shards take. */
export function chain(ca: typeof CA = CA): Uint8Array[] {
  return chainOf(ca.issue({ notAfter: new Date("2027-03-01T00:00:00Z") }), ca);
}

async function post(url: string, body: string): Promise<number> {
  const answer = await fetch(`${url}/ct/v1/add-chain`, { method: "POST", body });
  await answer.arrayBuffer();
  return answer.status;
}

/** `127.0.0.1:port` of a URL. */
export function addressOf(url: string): string {
  return new URL(url).host;
}

/** A folder with shards that exist, and with so many entries in the first one. */
export async function prepare(
  stack: AsyncDisposableStack,
  shards: readonly TestShard[],
  entries: number,
  frontends: string = SERVES_HERE,
  more: readonly string[] = [],
): Promise<LogFolder> {
  const folder = stack.use(await LogFolder.make(CA, shards, [QUIET, frontends, ...more]));
  await initHere(folder);
  if (entries === 0) return folder;
  await using here = await serveHere(folder);
  const log = here.logs.get(shards[0]!.name) ?? assert.fail("no shard");
  await Promise.all(Array.from({ length: entries }, () => log.submit("add-chain", chain())));
  return folder;
}

/** Starts a real process. */
async function startProcess(
  stack: AsyncDisposableStack,
  args: readonly string[],
  options: ConstructorParameters<typeof StratusProcess>[1] = {},
): Promise<{ readonly log: StratusProcess; readonly url: string; readonly address: string }> {
  const log = stack.use(new StratusProcess(["serve", ...args], options));
  const { url, operationsUrl } = await log.listening();
  return { log, url, address: addressOf(operationsUrl) };
}

const WELL: Fault = {
  name: "none",
  alerts: [],
  async start(stack) {
    const folder = await prepare(stack, [{ name: SHARD, more: NO_AUDIT }], 5);
    // Other tests use the disk of this machine: its trend over seconds says nothing.
    const readSpace = async () => ({ freeBytes: 900e9, totalBytes: 1000e9 });
    const here = stack.use(await serveHere(folder, { readSpace }));
    const url = `${here.listenUrl}/${SHARD}`;
    return {
      address: addressOf(here.operationsUrl),
      async strike() {
        for (let index = 0; index < 5; index += 1) {
          assert.equal(await post(url, chainJson(chain())), 200);
          await delay(300);
        }
      },
    };
  },
};

const FILES: Fault = {
  name: "files at rest were damaged, taken away, or are too few",
  alerts: [
    ["StratusDamage", "damaged2027"],
    ["StratusGuardRefuses", "guardless2027"],
    ["StratusShardNotReady", "guardless2027"],
    ["StratusShardFailed", "unopened2027"],
    ["StratusShardNotReady", "unopened2027"],
    ["StratusRejections", "refusing2027"],
    ["StratusRootsRefused", "refusing2027"],
  ],
  async start(stack) {
    const more = "audit: { entriesPerSecond: 100000 }";
    const names = ["damaged2027", "guardless2027", "unopened2027", "refusing2027"];
    const shards = names.map((name) => ({ name, more }));
    const folder = await prepare(stack, shards, 40);
    const segment = folder.shardPath("damaged2027", "entries", "00000000");
    const bytes = await readFile(segment);
    bytes[bytes.length - 20] = bytes[bytes.length - 20]! ^ 1;
    await writeFile(segment, bytes);
    const { logId } = await folder.key("guardless2027");
    const guard = join(folder.path, "guard", Buffer.from(logId).toString("hex"));
    for (const slot of ["slot-0", "slot-1"]) await rm(join(guard, slot));
    const current = folder.shardPath("unopened2027", "db", "CURRENT");
    await rename(current, `${current}.away`);
    const { log, url, address } = await startProcess(stack, ["--config", folder.config]);
    return {
      address,
      async strike() {
        await writeFile(join(folder.path, "roots.pem"), "");
        log.signal("SIGHUP");
        for (let index = 0; index < 8; index += 1) {
          assert.equal(await post(`${url}/refusing2027`, chainJson(chain(STRANGER))), 400);
          await delay(200);
        }
      },
    };
  },
};

const CLOCK: Fault = {
  name: "the clock jumps",
  alerts: [
    ["StratusClockHeld", SHARD],
    ["StratusClockDrift", ""],
    ["StratusHeadOld", SHARD],
    ["StratusShardNotReady", SHARD],
  ],
  async start(stack) {
    const folder = await prepare(stack, [{ name: SHARD, more: NO_AUDIT }], 0);
    let offsetMs = 0;
    const clock: Clock = { ...systemClock, nowMs: () => Date.now() + offsetMs };
    const here = stack.use(await serveHere(folder, { clock }));
    return {
      address: addressOf(here.operationsUrl),
      async strike() {
        offsetMs = 120_000;
      },
    };
  },
};

const OLD_ROOTS: Fault = {
  name: "the roots were read hours ago",
  alerts: [["StratusRootsOld", SHARD]],
  async start(stack) {
    const folder = await prepare(stack, [{ name: SHARD, more: NO_AUDIT }], 0);
    const clock: Clock = { ...systemClock, nowMs: () => Date.now() - 4 * 3_600_000 };
    const here = stack.use(await serveHere(folder, { clock }));
    return { address: addressOf(here.operationsUrl), strike: async () => {} };
  },
};

const ROOM: Fault = {
  name: "the disk fills up",
  alerts: [
    ["StratusSpaceSoonShort", SHARD],
    ["StratusSpaceShort", SHARD],
    ["StratusUnavailable", SHARD],
    ["StratusShardNotReady", SHARD],
  ],
  async start(stack) {
    const folder = await prepare(stack, [{ name: SHARD, more: NO_AUDIT }], 0);
    let freeBytes = 300e9;
    const readSpace = async () => {
      freeBytes -= 1e9;
      return { freeBytes, totalBytes: 1000e9 };
    };
    const here = stack.use(await serveHere(folder, { readSpace }));
    const url = `${here.listenUrl}/${SHARD}`;
    return {
      address: addressOf(here.operationsUrl),
      async strike() {
        // Two looks, two seconds apart, show where it goes.
        await delay(4_500);
        freeBytes = 1e9;
        await until("it is refused", async () => {
          const status = await post(url, chainJson(chain()));
          return status === 503 ? true : undefined;
        });
        for (let index = 0; index < 12; index += 1) {
          assert.equal(await post(url, chainJson(chain())), 503);
          await delay(200);
        }
      },
    };
  },
};

/** How long the slow disk takes for a commit. */
export const COMMIT_MS = 1_300;

/** The real seam, but each batch waits for {@link COMMIT_MS} while `isSlow` says so. */
export function slowSeam(isSlow: () => boolean): Seam {
  return {
    ...REAL_SEAM,
    poisoned: new Set(),
    async openDatabase(path, options) {
      const database = await REAL_SEAM.openDatabase(path, options);
      return {
        ...database,
        async write(...write) {
          if (isSlow()) await delay(COMMIT_MS);
          await database.write(...write);
        },
      };
    },
  };
}

const SLOW_DISK: Fault = {
  name: "the disk is slow",
  alerts: [
    ["StratusSubmissionsSlow", SHARD],
    ["StratusPoolNearlyFull", SHARD],
  ],
  async start(stack) {
    const more = `pool: { entriesMax: 16 }\n    ${NO_AUDIT}`;
    const folder = await prepare(stack, [{ name: SHARD, more }], 0);
    let isSlow = false;
    const seam = slowSeam(() => isSlow);
    const here = stack.use(await serveHere(folder, { seam: () => seam }));
    const url = `${here.listenUrl}/${SHARD}`;
    const submit = async () => assert.equal(await post(url, chainJson(chain())), 200);
    return {
      address: addressOf(here.operationsUrl),
      async strike() {
        isSlow = true;
        for (let round = 0; round < 3; round += 1) {
          const first = submit();
          // It is being committed: those that follow fill the pool, to 13 of 16.
          await delay(300);
          await Promise.all([first, ...Array.from({ length: 13 }, submit)]);
        }
        isSlow = false;
      },
    };
  },
};

const BROKEN_DISK: Fault = {
  name: "the disk fails",
  alerts: [
    ["StratusShardFailed", SHARD],
    ["StratusShardNotReady", SHARD],
  ],
  async start(stack) {
    const folder = await prepare(stack, [{ name: SHARD, more: NO_AUDIT }], 0);
    const disk = new FailingDisk();
    const seam = disk.seam();
    const here = stack.use(await serveHere(folder, { seam: () => seam }));
    return {
      address: addressOf(here.operationsUrl),
      async strike() {
        disk.failing = "batch";
        assert.equal(await post(`${here.listenUrl}/${SHARD}`, chainJson(chain())), 503);
      },
    };
  },
};

const BUG: Fault = {
  name: "the program has a bug",
  alerts: [["StratusBugs", SHARD]],
  async start(stack) {
    const folder = await prepare(stack, [{ name: SHARD, more: NO_AUDIT }], 0);
    const here = stack.use(
      await serveHere(folder, {
        observer: (event) => {
          if (event.type === "submission-answered") throw new TypeError("planted by a test");
        },
      }),
    );
    return {
      address: addressOf(here.operationsUrl),
      async strike() {
        assert.equal(await post(`${here.listenUrl}/${SHARD}`, chainJson(chain())), 500);
      },
    };
  },
};

const MEMORY: Fault = {
  name: "memory shows what the disk does not",
  alerts: [["StratusUnconfirmedDamage", SHARD]],
  async start(stack) {
    const shard = { name: SHARD, more: "audit: { entriesPerSecond: 100000 }" };
    const folder = await prepare(stack, [shard], 40);
    // Files that are open when the shard has opened show a flipped bit from then on.
    let isBad = false;
    const seam: Seam = {
      ...REAL_SEAM,
      poisoned: new Set(),
      files: {
        ...REAL_SEAM.files,
        async openFile(path, mode) {
          const file = await REAL_SEAM.files.openFile(path, mode);
          const isOld = !isBad;
          const show = (bytes: Uint8Array): Uint8Array => {
            if (!(isBad && isOld) || bytes.length < 400) return bytes;
            const flipped = Uint8Array.from(bytes);
            flipped[200] = flipped[200]! ^ 1;
            return flipped;
          };
          return {
            ...file,
            read: async (...args) => show(await file.read(...args)),
            readQuickly: async (...args) => show(await file.readQuickly(...args)),
          };
        },
      },
    };
    const here = stack.use(
      await serveHere(folder, {
        seam: () => seam,
        observer: (event) => {
          if (event.type === "shard-state" && event.state === "open") isBad = true;
        },
      }),
    );
    return { address: addressOf(here.operationsUrl), strike: async () => {} };
  },
};

const STALLED: Fault = {
  name: "the self-audit does not get on",
  alerts: [["StratusAuditStalled", SHARD]],
  async start(stack) {
    const shard = { name: SHARD, more: "audit: { entriesPerSecond: 1 }" };
    const folder = await prepare(stack, [shard], 40);
    const here: Here = stack.use(await serveHere(folder));
    return { address: addressOf(here.operationsUrl), strike: async () => {} };
  },
};

const SEALING: Fault = {
  name: "sealed entries have no place to go",
  alerts: [
    ["StratusSealingFails", SHARD],
    ["StratusSealingLags", SHARD],
  ],
  async start(stack) {
    const folder = await prepare(stack, [{ name: SHARD, more: NO_AUDIT }], 300);
    const seam: Seam = {
      ...REAL_SEAM,
      poisoned: new Set(),
      files: {
        ...REAL_SEAM.files,
        async makeFolder(path) {
          if (!path.endsWith("/sealed")) return REAL_SEAM.files.makeFolder(path);
          throw Object.assign(new Error("EACCES: made by a test"), { code: "EACCES" });
        },
      },
    };
    const here = stack.use(await serveHere(folder, { seam: () => seam }));
    return { address: addressOf(here.operationsUrl), strike: async () => {} };
  },
};

const THREADS: Fault = {
  name: "a thread dies, another is kept busy",
  alerts: [
    ["StratusFrontendsEnded", ""],
    ["StratusEventLoopSlow", ""],
  ],
  async start(stack) {
    const shard = { name: SHARD, more: NO_AUDIT };
    const folder = await prepare(stack, [shard], 0, "frontends: 1");
    const started = await startProcess(stack, ["--config", folder.config], { env: INSPECTED });
    const { log, address } = started;
    return {
      address,
      async strike() {
        using inspector = await Inspector.connect(log.stderr);
        await inspector.runInWorker("process.exit(1)");
        for (let round = 0; round < 12; round += 1) {
          inspector.run("{ const end = Date.now() + 250; while (Date.now() < end); }");
          await delay(350);
        }
      },
    };
  },
};

const DESCRIPTORS: Fault = {
  name: "open files run out",
  alerts: [["StratusFilesNearlyOut", ""]],
  async start(stack) {
    const folder = await prepare(stack, [{ name: SHARD, more: NO_AUDIT }], 0);
    const wrapper = ["prlimit", "--nofile=160:160"];
    const { url, address } = await startProcess(stack, ["--config", folder.config], { wrapper });
    return {
      address,
      async strike() {
        const { hostname, port } = new URL(url);
        for (let index = 0; index < 100; index += 1) {
          const socket = connect(Number(port), hostname);
          socket.on("error", () => {});
          stack.defer(() => void socket.destroy());
        }
      },
    };
  },
};

const RESTARTS: Fault = {
  name: "it starts again and again, and is gone at last",
  alerts: [
    ["StratusRestarts", ""],
    ["StratusDown", ""],
  ],
  async start(stack) {
    const folder = await prepare(stack, [{ name: SHARD, more: NO_AUDIT }], 0);
    const address = `127.0.0.1:${await freePort()}`;
    const args = ["--config", folder.config, "--operations", address];
    let { log } = await startProcess(stack, args);
    return {
      address,
      async strike() {
        for (let start = 0; start < 3; start += 1) {
          log.signal("SIGKILL");
          await log.end();
          ({ log } = await startProcess(stack, args));
          await shardReady(`http://${address}`, SHARD);
          // Long enough to be scraped, and to start in another second than before.
          await delay(1_200);
        }
        log.signal("SIGKILL");
      },
    };
  },
};

/** All but those outside of the log; the first is none. */
export const FAULTS: readonly Fault[] = [
  WELL,
  FILES,
  CLOCK,
  OLD_ROOTS,
  ROOM,
  SLOW_DISK,
  BROKEN_DISK,
  BUG,
  MEMORY,
  STALLED,
  SEALING,
  THREADS,
  DESCRIPTORS,
  RESTARTS,
];
