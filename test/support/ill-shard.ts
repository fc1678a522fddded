/**
 * A process with one ill shard and two well ones: made ill by a cause, looked at through every
 * endpoint, healed by a restart.
 * @module
 */
import assert from "node:assert/strict";
import { cp, rm } from "node:fs/promises";
import { Agent } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import type { Overrides } from "../../src/compose.ts";
import { makeCa, type TestCa } from "./certificates.ts";
import { Ledger, Prover } from "./ledger.ts";
import { LogFolder, shardReady, type TestShard, until } from "./process.ts";
import {
  FailingDisk,
  HEAD_PATHS,
  type Here,
  initHere,
  issuerPath,
  provenPaths,
  serveHere,
  statusesOf,
} from "./running.ts";

/** The one root that all shards accept. */
export const ROOT: TestCa = makeCa();
/** The shard that falls ill. */
export const ILL = "a2027";
const WELL = ["b2027", "c2027"];
const BATCH = "batch: { idleRefreshMs: 100 }";
/** All shards; the ill one first. */
export const SHARDS: readonly TestShard[] = [
  { name: ILL, more: BATCH },
  { name: "b2027", more: BATCH },
  { name: "c2027", type: "static-ct-api", more: BATCH },
];

/** A world with a ledger for each shard. */
export class World implements AsyncDisposable {
  readonly folder: LogFolder;
  readonly ledgers: ReadonlyMap<string, Ledger>;
  readonly disk: FailingDisk = new FailingDisk();
  readonly #agent = new Agent({ keepAlive: false });

  private constructor(folder: LogFolder) {
    this.folder = folder;
    this.ledgers = new Map(SHARDS.map(({ name }) => [name, new Ledger(ROOT)]));
  }

  static async make(): Promise<World> {
    // Frontend threads would read past the failing disk.
    const more = ["logLevel: fatal", "frontends: 0"];
    const world = new World(await LogFolder.make(ROOT, SHARDS, more));
    await initHere(world.folder);
    return world;
  }

  /** Starts with a disk that can fail below the ill shard. */
  serve(overrides: Overrides = {}): Promise<Here> {
    const seam = this.disk.seam();
    const others = new FailingDisk().seam();
    return serveHere(this.folder, {
      seam: (shard) => (shard === ILL ? seam : others),
      ...overrides,
    });
  }

  /** Submits `count` to each shard named; each must be accepted. */
  async submit(here: Here, shards: readonly string[], count: number): Promise<void> {
    for (const shard of shards) {
      const ledger = this.ledgers.get(shard)!;
      const all = Array.from({ length: count }, () => ledger.next());
      const url = `${here.listenUrl}/${shard}`;
      const answers = await Promise.all(all.map((sent) => ledger.submit(url, sent, this.#agent)));
      for (const { status, text } of answers) assert.equal(status, 200, `${shard}: ${text}`);
    }
  }

  async prover(here: Here, shard: string): Promise<Prover> {
    return new Prover(`${here.listenUrl}/${shard}`, await this.folder.key(shard));
  }

  /** The other shards answer 200 everywhere and take submissions; the process is ready. */
  async requireOthersWell(here: Here): Promise<void> {
    assert.equal((await fetch(`${here.operationsUrl}/readyz`)).status, 200);
    assert.equal((await fetch(`${here.operationsUrl}/livez`)).status, 200);
    for (const shard of WELL) {
      const ready = await fetch(`${here.operationsUrl}/readyz/${shard}`);
      assert.equal(ready.status, 200, await ready.text());
      await this.submit(here, [shard], 3);
      const prover = await this.prover(here, shard);
      const { treeSize } = await prover.head();
      const proven = await provenPaths(prover, treeSize);
      const paths = [...proven, ...HEAD_PATHS, issuerPath(ROOT.der)];
      const statuses = await statusesOf(`${here.listenUrl}/${shard}`, paths);
      for (const [path, status] of Object.entries(statuses)) assert.equal(status, 200, path);
    }
  }

  /** Everything ever promised by `shard` is proven. */
  async requireKept(here: Here, shard: string): Promise<void> {
    const prover = await this.prover(here, shard);
    await prover.requireAllProven(this.ledgers.get(shard)!.answered, await prover.head());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy();
    await this.folder[Symbol.asyncDispose]();
  }
}

/** One cause. */
export interface Cause {
  readonly name: string;
  /** Before the start; the log is stopped, and every shard has 20 entries. */
  readonly spoil?: (world: World) => Promise<unknown>;
  /** After the start. */
  readonly strike?: (world: World, here: Here) => Promise<unknown>;
  /** What /readyz/<shard> says. */
  readonly reason: RegExp;
  /** What stays readable: nothing, what is proven but no head, the tree alone, or everything. */
  readonly reads: "nothing" | "proven" | "tree" | "all";
  /** Before the next start, after which all must be well. */
  readonly mend: (world: World) => Promise<unknown>;
}

/** Keeps the data as they are. */
export const keep = async (world: World): Promise<void> => {
  await cp(join(world.folder.path, "data"), join(world.folder.path, "kept"), { recursive: true });
};

/** Puts the shard's folder as it was kept in the place of what is there. */
export const restore = async (world: World): Promise<void> => {
  const path = world.folder.shardPath(ILL);
  await rm(path, { recursive: true });
  await cp(join(world.folder.path, "kept", ILL), path, { recursive: true });
};

/** The folder of the ill shard's guard. */
export const guardPath = async ({ folder }: World): Promise<string> => {
  const { logId } = await folder.key(ILL);
  return join(folder.path, "guard", Buffer.from(logId).toString("hex"));
};

/** What an ill shard answers. */
function expectedStatus({ reads }: Cause, path: string): number {
  if (path === "ct/v1/get-roots" || path === "log.v3.json") return 200;
  if (reads === "nothing") return 503;
  return reads === "tree" && /get-entr|tile\/data/.test(path) ? 503 : 200;
}

/** One cause, one test. */
export function testCause(cause: Cause): void {
  test(`a shard fails alone: ${cause.name}`, async () => {
    await using world = await World.make();
    let size: number;
    let paths: readonly string[];
    {
      await using here = await world.serve();
      await world.submit(here, [ILL, ...WELL], 20);
      const prover = await world.prover(here, ILL);
      size = (await prover.head()).treeSize;
      paths = [...(await provenPaths(prover, size)), issuerPath(ROOT.der)];
    }
    await cause.spoil?.(world);
    {
      await using here = await world.serve();
      if (cause.strike !== undefined) {
        await shardReady(here.operationsUrl, ILL);
        await cause.strike(world, here);
      }
      const reason = await until(`${ILL} is not ready`, async () => {
        const response = await fetch(`${here.operationsUrl}/readyz/${ILL}`);
        const text = await response.text();
        return response.status === 503 ? text : undefined;
      });
      assert.match(reason, cause.reason);
      await world.requireOthersWell(here);
      const url = `${here.listenUrl}/${ILL}`;
      for (const [path, status] of Object.entries(await statusesOf(url, paths))) {
        assert.equal(status, expectedStatus(cause, path), `${path}: ${reason}`);
      }
      const head = cause.reads === "all" || cause.reads === "tree" ? 200 : 503;
      for (const [path, status] of Object.entries(await statusesOf(url, HEAD_PATHS))) {
        assert.equal(status, head, `${path}: ${reason}`);
      }
      const sent = world.ledgers.get(ILL)!.next();
      const agent = new Agent();
      const answer = await world.ledgers.get(ILL)!.submit(url, sent, agent);
      agent.destroy();
      assert.equal(answer.status, 503, answer.text);
      assert.match(answer.retryAfter ?? "", /^[1-9][0-9]*$/);
      await world.requireOthersWell(here);
    }
    await cause.mend(world);
    await using here = await world.serve();
    for (const { name } of SHARDS) {
      await shardReady(here.operationsUrl, name);
      await world.submit(here, [name], 2);
      await world.requireKept(here, name);
    }
  });
}
