/**
 * Crash points of the real thing: strace records what a process that makes a shard, opens it
 * and submits to it does to its disk; at each flush the machine is taken to die, with what was
 * not flushed lost, landed, reordered or torn; each time the shard is opened and audited.
 * `STRATUS_CRASH_STATES` is how many random outcomes are tried at each flush; `STRATUS_SEED`
 * replays a run's choices, though not its recording.
 * @module
 */
import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { messageOf } from "../../src/base/errors.ts";
import { makeCa, type TestCa } from "../support/certificates.ts";
import {
  addTold,
  auditCrash,
  type CrashSubmission,
  crashSubmission,
  type Told,
} from "../support/crash-audit.ts";
import {
  allOrNothing,
  anyLuck,
  CrashDisk,
  hashImage,
  type Image,
  writeImage,
} from "../support/crash-disk.ts";
import type { DriverPlan } from "../support/crash-driver.ts";
import { GUARD_FOLDER, SHARD_FOLDER } from "../support/crash-shard.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/level.ts";
import { type Operation, recordCalls, whyNoStrace } from "../support/strace.ts";

/** Groups of the shard's two lives: a segment and a tile end at 256 entries. */
const LIVES = [
  [240, 1, 3, 1, 10, 2, 5],
  [1, 2, 60, 1, 1, 4, 1],
];

const SUBMISSION_COUNT = LIVES.flat().reduce((sum, count) => sum + count, 0);
const RANDOM_STATES = Number(process.env["STRATUS_CRASH_STATES"] ?? 6);
const SEED = Number(process.env["STRATUS_SEED"] ?? Date.now() % 1_000_000);

/** LevelDB's folders: see CrashDisk. */
const isJournaled = (name: string) => name === "db" || name === "db.new";

/** A state that a crash may leave, and what had been told by then. */
interface CrashState {
  readonly name: string;
  readonly image: Image;
  readonly told: Told;
}

const obstacle = whyNoStrace();

describe("a machine that dies", { skip: obstacle ?? false }, () => {
  let folder: TemporaryFolder;
  let ca: TestCa;
  let submissions: readonly CrashSubmission[];
  let recorded: readonly Operation[];
  let root: string;
  let copies = 0;

  before(async () => {
    folder = await temporaryFolder();
    ca = makeCa();
    submissions = Array.from({ length: SUBMISSION_COUNT + 1 }, (_, at) => crashSubmission(ca, at));
    root = join(folder.path, "recorded");
    await mkdir(root);
    const planPath = join(folder.path, "plan.json");
    await writeFile(planPath, JSON.stringify(planOf(ca, submissions)));
    const driver = fileURLToPath(new URL("../support/crash-driver.ts", import.meta.url));
    const command = [process.execPath, driver, root, planPath];
    recorded = await recordCalls(command, join(folder.path, "strace.log"));
  });
  after(() => folder[Symbol.asyncDispose]());

  /** What is wrong with a state; undefined if nothing. */
  async function violationOf(state: CrashState): Promise<string | undefined> {
    copies += 1;
    const path = join(folder.path, `copy-${copies}`);
    await mkdir(path);
    await writeImage(state.image, path);
    try {
      await auditCrash(path, ca, submissions, state.told);
      return undefined;
    } catch (error) {
      return `${state.name}: ${messageOf(error)}`;
    } finally {
      await rm(path, { recursive: true, force: true });
    }
  }

  test("the model of the disk holds what the process left", async () => {
    const disk = new CrashDisk(root, isJournaled);
    for (const operation of recorded) disk.apply(operation);
    const image = disk.image(allOrNothing(true));
    const real = await readTree(root, "");
    assert.deepEqual([...image.keys()].sort(), [...real.keys()].sort());
    for (const [path, bytes] of real) assert.deepEqual(image.get(path), bytes, path);
    const told = toldBy(recorded);
    assert.equal(told.scts.length, SUBMISSION_COUNT);
    assert.ok(real.has(`${SHARD_FOLDER}/entries/00000001`), "a segment's end was crossed");
    assert.ok(real.has(`${SHARD_FOLDER}/sealed/00000000`), "a segment was sealed");
    assert.ok(!real.has(`${SHARD_FOLDER}/entries/00000000`), "and removed after that");
  });

  test("at any flush, or just after it, leaves all that was told, and goes on", async (context) => {
    const states = statesOf(recorded, root, RANDOM_STATES, SEED);
    const violations = await collect(states, violationOf, Number.POSITIVE_INFINITY);
    assert.deepEqual(violations.found, [], `seed ${SEED}`);
    context.diagnostic(`${violations.count} states, seed ${SEED}`);
    assert.ok(violations.count > 200);
  });

  /** Flushes that the process is taken not to have made, and what the audit says then. */
  const REMOVED: readonly (readonly [string, RegExp, RegExp])[] = [
    ["the entries'", below(SHARD_FOLDER, "/entries/[0-9]{8}"), /another header|is missing|ends at/],
    ["the folder's of a new segment", below(SHARD_FOLDER, "/entries"), /is missing/],
    [
      "the sealed entries'",
      below(SHARD_FOLDER, "/sealed/[0-9]{8}\\.new"),
      /sealed segment 0 (?:has another header|ends)|tile 0 of sealed segment 0/,
    ],
    ["the folder's of sealed entries", below(SHARD_FOLDER, "/sealed"), /is missing/],
    ["LevelDB's log's", below(SHARD_FOLDER, "/db/[0-9]+\\.log"), /FATAL_ROLLED_BACK/],
    ["the guard's slots'", below(GUARD_FOLDER, "/[0-9a-f]{64}/slot-[01]"), /two signatures/],
    ["the shard folder's", below(SHARD_FOLDER, ""), /no key at|there is no store|ENOENT/],
    ["the guard folder's", below(GUARD_FOLDER, ""), /cannot read the guard/],
    ["the data folder's", /^disk\/data$/, /no key at|there is no store/],
    ["the folder's above the data folder", /^disk$/, /no key at|there is no store/],
  ];

  for (const [name, path, message] of REMOVED) {
    test(`without ${name} flush is found`, async () => {
      const operations = without(recorded, root, path);
      assert.ok(operations.length < recorded.length, "there is such a flush");
      const states = statesOf(operations, root, 1, SEED);
      const violations = await collect(states, violationOf, 1);
      assert.match(violations.found[0] ?? `nothing was found, seed ${SEED}`, message);
    });
  }
});

function below(folder: string, pattern: string): RegExp {
  return new RegExp(`^${folder}${pattern}$`);
}

function planOf(ca: TestCa, submissions: readonly CrashSubmission[]): DriverPlan {
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
  return {
    rootDer: base64(ca.der),
    submissions: submissions.map(({ endpoint, chain }) => ({
      endpoint,
      chain: chain.map(base64),
    })),
    lives: LIVES,
    sealedSegments: 1,
  };
}

function emptyTold(): Told {
  return { isInitialized: false, heads: [], scts: [] };
}

function toldBy(operations: readonly Operation[]): Told {
  const told = emptyTold();
  for (const operation of operations) {
    if (operation.type === "say") addTold(told, operation.text);
  }
  return told;
}

/**
 * At the end of each flush the state before it counts, where the least is durable for the most
 * that was told; beside it what a killed process leaves, and some of all that lies between.
 */
function* statesOf(
  operations: readonly Operation[],
  root: string,
  randomCount: number,
  seed: number,
): Generator<CrashState> {
  const disk = new CrashDisk(root, isJournaled);
  const random = mulberry32(seed);
  const told = emptyTold();
  const seen = new Set<string>();
  for (const [at, operation] of operations.entries()) {
    if (operation.type === "say") addTold(told, operation.text);
    const isLast = at === operations.length - 1;
    const isFlush = operation.type === "sync ends" && disk.pathOf(operation.fd) !== undefined;
    if (isFlush || isLast) {
      const path = operation.type === "sync ends" ? disk.pathOf(operation.fd) : "the end";
      const lucks = [
        ["nothing landed", allOrNothing(false)] as const,
        ["all landed", allOrNothing(true)] as const,
        ...Array.from({ length: randomCount }, (_, n) => [`luck ${n}`, anyLuck(random)] as const),
      ];
      for (const [luckName, luck] of lucks) {
        const image = disk.image(luck);
        const key = `${hashImage(image)} ${told.heads.length} ${told.scts.length}`;
        if (seen.has(key)) continue;
        seen.add(key);
        const copy = { ...told, heads: [...told.heads], scts: [...told.scts] };
        yield { name: `operation ${at}, before ${path}, ${luckName}`, image, told: copy };
      }
    }
    disk.apply(operation);
  }
}

/** The operations without the flushes of what `path` matches. */
function without(operations: readonly Operation[], root: string, path: RegExp): Operation[] {
  const disk = new CrashDisk(root, isJournaled);
  const kept: Operation[] = [];
  for (const operation of operations) {
    const isFlush = operation.type === "sync begins" || operation.type === "sync ends";
    const isRemoved = isFlush && path.test(disk.pathOf(operation.fd) ?? "");
    if (!isRemoved) kept.push(operation);
    disk.apply(operation);
  }
  return kept;
}

/** Looks at some states at a time until `foundMax` are wrong. */
async function collect(
  states: Iterable<CrashState>,
  violationOf: (state: CrashState) => Promise<string | undefined>,
  foundMax: number,
): Promise<{ readonly found: readonly string[]; readonly count: number }> {
  const found: string[] = [];
  let count = 0;
  const left = states[Symbol.iterator]();
  const look = async (): Promise<void> => {
    while (found.length < foundMax) {
      const next = left.next();
      if (next.done) return;
      count += 1;
      const violation = await violationOf(next.value);
      if (violation !== undefined) found.push(violation);
    }
  };
  await Promise.all(Array.from({ length: 4 }, look));
  return { found: found.slice(0, Math.min(foundMax, 20)), count };
}

async function readTree(root: string, path: string): Promise<Map<string, Buffer | undefined>> {
  const tree = new Map<string, Buffer | undefined>();
  for (const name of await readdir(join(root, path))) {
    const inner = path === "" ? name : `${path}/${name}`;
    if ((await stat(join(root, inner))).isDirectory()) {
      tree.set(inner, undefined);
      for (const [key, value] of await readTree(root, inner)) tree.set(key, value);
    } else {
      tree.set(inner, await readFile(join(root, inner)));
    }
  }
  return tree;
}

/** Numbers of [0, 1); the same for the same seed. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
