/**
 * The running self-audit: passes, pace, confirmation by a second look, and when signing stops.
 * @module
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { FatalError, UnavailableError } from "../../src/base/errors.ts";
import { storeAuditSource } from "../../src/client/local.ts";
import type { AuditSource } from "../../src/client/source.ts";
import type { Clock } from "../../src/clock/clock.ts";
import { SelfAudit } from "../../src/monitor/self-audit.ts";
import type { TableSource } from "../../src/monitor/tables.ts";
import { type LevelStore, openLevelStore } from "../../src/storage/level/level-store.ts";
import type { LogEvent } from "../../src/telemetry/observer.ts";
import { RotShard, SMALL_BUFFERS } from "../support/rot-shard.ts";
import { sha256 } from "../support/sha256.ts";

const ENTRIES = 300;
const RATE = 50;

let shard: RotShard;
let store: LevelStore;
before(async () => {
  shard = await RotShard.make(ENTRIES);
  store = await openLevelStore(shard.folder, SMALL_BUFFERS);
});
after(async () => {
  await store[Symbol.asyncDispose]();
  await shard[Symbol.asyncDispose]();
});

/** Time that passes by itself whenever somebody waits. */
class EagerClock implements Clock {
  #now = 0;
  readonly delaysMs: number[] = [];
  nowMs(): number {
    return this.#now;
  }
  monotonicMs(): number {
    return this.#now;
  }
  after(delayMs: number, run: () => void): () => void {
    this.delaysMs.push(delayMs);
    const handle = setImmediate(() => {
      this.#now += delayMs;
      run();
    });
    return () => clearImmediate(handle);
  }
}

const NO_TABLES: TableSource = {
  tables: async () => [],
  verify: () => assert.fail("there is none"),
};

type Change = (source: AuditSource, passNumber: number) => AuditSource;
const AS_IT_IS: Change = (source) => source;

interface Outcome {
  readonly events: readonly LogEvent[];
  readonly findings: readonly (LogEvent & { readonly type: "audit-finding" })[];
  readonly halts: readonly string[];
  /** What was told last. */
  readonly told: string | undefined;
  readonly opened: number;
  readonly closed: number;
  /** What it waited, each time. */
  readonly delaysMs: readonly number[];
}

/** Runs passes over the shard; `first` is what the audit sees, `second` what is opened afresh. */
async function runPasses(
  passes: number,
  first: Change,
  second: Change,
  tables: TableSource = NO_TABLES,
  entriesPerSecond: number = RATE,
): Promise<Outcome> {
  const source = storeAuditSource(store);
  const { committed } = await store.load();
  const clock = new EagerClock();
  const events: LogEvent[] = [];
  const halts: string[] = [];
  let told: string | undefined;
  let opened = 0;
  let closed = 0;
  let pass = 1;
  await new Promise<void>((resolve) => {
    const audit = new SelfAudit({
      shard: "test",
      source: changing(source, (method) => first(method, pass)),
      tables,
      reopen: async () => {
        opened += 1;
        return {
          source: second(source, pass),
          [Symbol.asyncDispose]: async () => {
            closed += 1;
          },
        };
      },
      head: () => committed,
      clock,
      sha256,
      observer: (event) => {
        events.push(event);
        if (event.type !== "audit-pass" && event.type !== "audit-interrupted") return;
        pass += 1;
        if (pass > passes) void audit.stop().then(resolve);
      },
      entriesPerSecond,
      halt: (reason) => halts.push(reason),
      tell: (damage) => {
        told = damage;
      },
    });
    audit.start();
  });
  const findings = events.filter((event) => event.type === "audit-finding");
  return { events, findings, halts, told, opened, closed, delaysMs: clock.delaysMs };
}

/** A source that is asked anew, in each call, what it is. */
function changing(source: AuditSource, change: (source: AuditSource) => AuditSource): AuditSource {
  return {
    nodeLevelStep: 4,
    entries: (start, end) => change(source).entries(start, end),
    nodes: (level, start, end) => change(source).nodes(level, start, end),
    frontier: (size) => change(source).frontier(size),
    issuer: (fingerprint) => change(source).issuer(fingerprint),
    indexes: {
      findDuplicates: (keys) => change(source).indexes!.findDuplicates(keys),
      findLeaf: (hash) => change(source).indexes!.findLeaf(hash),
    },
  };
}

/** Entry `index` cannot be read. */
function withoutEntry(index: number): Change {
  return (source) => ({
    ...source,
    entries: async (start, end) => {
      if (start <= index && index < end) throw new FatalError("FATAL_STORE_CORRUPT", "rot");
      return source.entries(start, end);
    },
  });
}

/** One stored hash is another. */
function withHash(level: number, index: number): Change {
  return (source) => ({
    ...source,
    nodes: async (asked, start, end) => {
      const hashes = [...(await source.nodes(asked, start, end))];
      if (asked === level && start <= index && index < end)
        hashes[index - start] = new Uint8Array(32);
      return hashes;
    },
  });
}

/** Entry 20 is not in an index. */
function withoutIndex(name: "findDuplicates" | "findLeaf"): Change {
  return (source) => {
    const indexes = source.indexes!;
    return {
      ...source,
      indexes: {
        findDuplicates: async (keys) =>
          (await indexes.findDuplicates(keys)).map((hit) =>
            name === "findDuplicates" && hit?.leafIndex === 20 ? undefined : hit,
          ),
        findLeaf: async (hash) => {
          const index = await indexes.findLeaf(hash);
          return name === "findLeaf" && index === 20 ? undefined : index;
        },
      },
    };
  };
}

test("SelfAudit goes through a whole shard at the rate it is given", async () => {
  const { events, findings, halts, opened } = await runPasses(1, AS_IT_IS, AS_IT_IS);
  assert.deepEqual([findings, halts, opened], [[], [], 0]);
  const positions = events.flatMap((event) =>
    event.type === "audit-progress" ? [event.position] : [],
  );
  assert.deepEqual(positions.slice(0, 2), [16, 32]);
  assert.equal(positions.at(-1), ENTRIES);
  const pass = events.at(-1);
  assert.ok(pass?.type === "audit-pass" && pass.damage === 0);
  assert.ok(pass.durationMs >= (ENTRIES / RATE) * 1_000, `${pass.durationMs} ms`);
});

test("SelfAudit takes some chunks in a row, then rests for as long as they may take", async () => {
  const { delaysMs } = await runPasses(1, AS_IT_IS, AS_IT_IS, NO_TABLES, 200);
  // 16 entries may take 80 ms; between two chunks of a row a turn of 1 ms passes.
  const row = [1, 1, 1, 317];
  assert.deepEqual(delaysMs.slice(0, 8), [...row, ...row]);
});

test("SelfAudit does not count what files opened afresh do not show", async () => {
  const outcome = await runPasses(1, withoutIndex("findDuplicates"), AS_IT_IS);
  assert.equal(outcome.findings.length, 1);
  assert.equal(outcome.findings[0]?.isConfirmed, false);
  assert.deepEqual([outcome.halts, outcome.told], [[], undefined]);
  assert.deepEqual([outcome.opened, outcome.closed], [1, 1]);
});

/** One table of 4 MB, which takes as long as 512 entries; `problems` of its looks, in order. */
function tableWith(...problems: readonly (string | undefined)[]): TableSource {
  const left = [...problems];
  return {
    tables: async () => [{ size: 4_194_304 }],
    async *verify() {
      for (let step = 0; step < 16; step += 1) yield 262_144;
      const message = left.shift();
      return message === undefined ? undefined : { where: "db/000007.ldb", message };
    },
  };
}

test("SelfAudit goes through the tables first, at a bounded rate", async () => {
  const { events, findings } = await runPasses(1, AS_IT_IS, AS_IT_IS, tableWith());
  assert.deepEqual(findings, []);
  const pass = events.at(-1);
  assert.ok(pass?.type === "audit-pass");
  assert.ok(pass.durationMs >= ((ENTRIES + 512) / RATE) * 1_000, `${pass.durationMs} ms`);
});

test("SelfAudit halts over a table that is damaged in two looks, and opens nothing", async () => {
  const rot = tableWith("rot", "rot");
  const { events, findings, halts, told, opened } = await runPasses(1, AS_IT_IS, AS_IT_IS, rot);
  assert.equal(findings.length, 1);
  const [found] = findings;
  assert.ok(found?.isConfirmed && found.isForSigning);
  assert.deepEqual([found.kind, found.where], ["table", "db/000007.ldb"]);
  assert.equal(halts.length, 1);
  assert.equal(told, "table: db/000007.ldb: rot");
  assert.equal(events.at(-1)?.type, "audit-interrupted");
  assert.equal(opened, 0);
});

test("SelfAudit does not count a table that is damaged in one look only", async () => {
  const { findings, halts, events } = await runPasses(1, AS_IT_IS, AS_IT_IS, tableWith("rot"));
  assert.deepEqual([findings.length, findings[0]?.isConfirmed, halts], [1, false, []]);
  assert.equal(events.at(-1)?.type, "audit-pass");
});

test("SelfAudit looks at the tables again before it has LevelDB open them anew", async () => {
  // Whole at the beginning of the pass; damaged once an entry cannot be read.
  const rot = tableWith(undefined, "rot", "rot");
  const change = withoutIndex("findLeaf");
  const { findings, halts, opened } = await runPasses(1, change, change, rot);
  assert.deepEqual(
    findings.map(({ kind, isConfirmed }) => [kind, isConfirmed]),
    [["table", true]],
  );
  assert.deepEqual([halts.length, opened], [1, 0]);
});

test("SelfAudit tells that the list of tables is damaged, and goes on", async () => {
  const tables = {
    ...NO_TABLES,
    tables: () => Promise.reject(new FatalError("FATAL_STORE_CORRUPT", "CURRENT is missing")),
  };
  const { events, findings, halts, told } = await runPasses(1, AS_IT_IS, AS_IT_IS, tables);
  assert.deepEqual([findings[0]?.kind, findings[0]?.isConfirmed], ["database-log", true]);
  assert.deepEqual([halts, told], [[], "database-log: db: CURRENT is missing"]);
  assert.equal(events.at(-1)?.type, "audit-pass");
});

const CASES: readonly {
  readonly what: string;
  readonly change: Change;
  readonly kind: string;
  readonly halts: boolean;
}[] = [
  { what: "an entry", change: withoutEntry(20), kind: "entry", halts: false },
  { what: "a leaf hash", change: withHash(0, 20), kind: "level-0", halts: true },
  { what: "a dedup key", change: withoutIndex("findDuplicates"), kind: "dedup", halts: true },
  { what: "a leaf index", change: withoutIndex("findLeaf"), kind: "leaf-index", halts: true },
  { what: "a hash off the edge", change: withHash(4, 3), kind: "inner-hash", halts: false },
  { what: "a hash on the edge", change: withHash(4, 17), kind: "inner-hash", halts: true },
  { what: "a tile on the edge", change: withHash(8, 0), kind: "tile", halts: true },
  {
    what: "an issuer",
    change: (source) => ({ ...source, issuer: async () => Uint8Array.of(1) }),
    kind: "issuer",
    halts: false,
  },
];

for (const { what, change, kind, halts } of CASES) {
  test(`SelfAudit tells of ${what} that is damaged; signing ${halts ? "stops" : "goes on"}`, async () => {
    const outcome = await runPasses(1, change, change);
    const kinds = new Set(outcome.findings.map((found) => found.kind));
    assert.deepEqual([...kinds], [kind]);
    for (const found of outcome.findings) {
      assert.ok(found.isConfirmed);
      assert.equal(found.isForSigning, halts);
    }
    assert.equal(outcome.halts.length > 0, halts);
    assert.match(outcome.told ?? "", new RegExp(`^${kind}: `));
  });
}

test("SelfAudit tells damage once for as long as it stands, and when it is gone", async () => {
  const until: (last: number) => Change = (last) => (source, pass) =>
    pass <= last ? withoutEntry(20)(source, pass) : source;
  const standing = await runPasses(3, until(3), until(3));
  assert.equal(standing.findings.length, 1);
  assert.match(standing.told ?? "", /^entry: entry 20: rot$/);
  const gone = await runPasses(3, until(2), until(2));
  assert.equal(gone.findings.length, 1);
  assert.equal(gone.told, undefined);
  const passes = gone.events.filter((event) => event.type === "audit-pass");
  assert.deepEqual(
    passes.map(({ damage }) => damage),
    [1, 1, 0],
  );
});

test("SelfAudit begins again where the store does not answer, and finds nothing in that", async () => {
  const away: Change = (source, pass) =>
    pass === 1
      ? {
          ...source,
          entries: () => Promise.reject(new UnavailableError("UNAVAILABLE_STORE", "reloading")),
        }
      : source;
  const { events, findings } = await runPasses(2, away, away);
  assert.deepEqual(findings, []);
  assert.equal(events[0]?.type, "audit-interrupted");
  assert.equal(events.at(-1)?.type, "audit-pass");
});

test("Shard.halt() stops signing for good; reads and the head stay", async () => {
  await using copy = await shard.copy();
  const running = await copy.serve();
  // The refresh that a start begins with is over once this is answered.
  await running.submit(5_000);
  const head = running.shard.published;
  running.shard.halt("damage");
  await assert.rejects(running.submit(5_001), { code: /^UNAVAILABLE_/ });
  await assert.rejects(running.submit(0), { code: "UNAVAILABLE_SHARD_NOT_READY" });
  const { state, reason, isReady } = running.shard.status();
  assert.deepEqual([state, reason, isReady], ["failed", "FATAL_AUDIT: damage", false]);
  assert.deepEqual(running.shard.published, head);
  assert.equal(running.shard.head(), head);
  assert.equal((await running.shard.readEntries(0, 10)).length, 10);
  await running[Symbol.asyncDispose]();
});
