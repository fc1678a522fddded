/**
 * A real shard on a disk, made of real chains: for audits, and for damage done to copies of it.
 * @module
 */
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../src/clock/clock.ts";
import { systemClock } from "../../src/clock/system.ts";
import { lockFolder } from "../../src/lock/folder-lock.ts";
import { Judge } from "../../src/log/judge.ts";
import { Shard } from "../../src/log/shard.ts";
import { GuardedSigner } from "../../src/signer/guard.ts";
import { createGuardFolder, openGuardFolder } from "../../src/signer/guard-folder.ts";
import { createKeyFile, readKeyFile } from "../../src/signer/key-file.ts";
import { createLevelStore, type LevelStoreOptions } from "../../src/storage/level/folder.ts";
import { LevelStore, openLevelStore } from "../../src/storage/level/level-store.ts";
import type { ShardIdentity, Store } from "../../src/storage/store.ts";
import type { LogEvent } from "../../src/telemetry/observer.ts";
import { RootSet } from "../../src/x509/roots.ts";
import { verifySignature } from "../../src/x509/verify.ts";
import { chainOf, makeCa, type TestCa } from "./certificates.ts";
import { TEST_IDENTITY } from "./commits.ts";
import { LEVEL_OPTIONS } from "./level.ts";
import { sealSegments } from "./sealing.ts";
import { sha256 } from "./sha256.ts";

const ROOT: TestCa = makeCa();
const INTERMEDIATES: readonly TestCa[] = [ROOT.intermediate(), ROOT.intermediate()];

/** Small write buffers, so that older records are beyond what a start checks again. */
export const SMALL_BUFFERS: LevelStoreOptions = { ...LEVEL_OPTIONS, writeBufferBytes: 65_536 };

/** Submission number `index`: the same chain in one process; every second is a precertificate. */
export function submissionOf(index: number): {
  readonly endpoint: "add-chain" | "add-pre-chain";
  readonly chain: readonly Uint8Array[];
} {
  const known = submissions.get(index);
  if (known !== undefined) return known;
  const isPrecert = index % 2 === 1;
  const issuer = INTERMEDIATES[Math.floor(index / 2) % INTERMEDIATES.length] ?? ROOT;
  const chain = chainOf(issuer.issue({ precert: isPrecert }), issuer);
  const made = { endpoint: isPrecert ? "add-pre-chain" : "add-chain", chain } as const;
  submissions.set(index, made);
  return made;
}

const submissions = new Map<number, ReturnType<typeof submissionOf>>();

/** Folders of a shard. */
export class RotShard implements AsyncDisposable {
  readonly parent: string;
  readonly identity: ShardIdentity;

  private constructor(parent: string, identity: ShardIdentity) {
    this.parent = parent;
    this.identity = identity;
  }

  /** Makes a shard of `count` entries and stops it. */
  static async make(
    count: number,
    options: {
      readonly groupEntries?: number;
      readonly segmentTiles?: number;
      /** Segments [first, end) are sealed. */
      readonly sealed?: readonly [first: number, end: number];
    } = {},
  ): Promise<RotShard> {
    const parent = await mkdtemp(join(tmpdir(), "stratus-rot-"));
    const key = await createKeyFile(join(parent, "data", "key.pem"));
    // A window that does not close while these tests are of use.
    const notAfterLimitMs = Date.UTC(2100, 0, 1);
    const identity = { ...TEST_IDENTITY, logId: key.logId, notAfterLimitMs };
    await createGuardFolder(join(parent, "guard"), key.logId);
    const { segmentTiles = 1 } = options;
    await createLevelStore(join(parent, "data"), identity, SMALL_BUFFERS, segmentTiles);
    const shard = new RotShard(parent, identity);
    await using running = await shard.serve();
    const groupEntries = options.groupEntries ?? 64;
    for (let start = 0; start < count; start += groupEntries) {
      const indices = Array.from(
        { length: Math.min(groupEntries, count - start) },
        (_, position) => start + position,
      );
      await Promise.all(indices.map((index) => running.submit(index)));
    }
    const { store } = running;
    if (options.sealed !== undefined && store instanceof LevelStore) {
      const [first, end] = options.sealed;
      await sealSegments(store, end, first);
    }
    return shard;
  }

  get folder(): string {
    return join(this.parent, "data");
  }

  get guard(): string {
    return join(this.parent, "guard");
  }

  /** Another shard with the same bytes. */
  async copy(): Promise<RotShard> {
    const parent = await mkdtemp(join(tmpdir(), "stratus-rot-"));
    await cp(this.parent, parent, { recursive: true });
    return new RotShard(parent, this.identity);
  }

  /** Starts its engine. */
  async serve(
    options: { readonly clock?: Clock; readonly wrapStore?: (store: Store) => Store } = {},
  ): Promise<RunningShard> {
    const { clock = systemClock, wrapStore = (store) => store } = options;
    const key = await readKeyFile(join(this.folder, "key.pem"));
    const store = wrapStore(await openLevelStore(this.folder, SMALL_BUFFERS));
    const events: LogEvent[] = [];
    try {
      const folder = await openGuardFolder(this.guard, key.logId, lockFolder);
      const shard = new Shard({
        identity: this.identity,
        store,
        signer: new GuardedSigner({ key, folder, sha256 }),
        judge: new Judge({
          roots: new RootSet([ROOT.der], sha256),
          policy: {
            ...this.identity,
            extendedKeyUsages: [],
            acceptPrecertificateSigningCertificates: true,
          },
          otherShards: [],
          lowPriorityAfterMs: Number.MAX_SAFE_INTEGER,
          verifySignature,
          sha256,
          clock,
        }),
        clock,
        sha256,
        observer: (event) => events.push(event),
        batch: { intervalMs: 0, entriesMax: 4_096, bytesMax: 2 ** 25, idleRefreshMs: 60_000 },
        pool: { entriesMax: 20_000, bytesMax: 2 ** 27 },
        answerWithinMs: 10_000,
        clockSteadyMs: undefined,
      });
      await shard.start();
      return new RunningShard(shard, store, events);
    } catch (error) {
      await store[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.parent, { recursive: true, force: true });
  }
}

/** A shard whose engine runs. */
export class RunningShard implements AsyncDisposable {
  readonly shard: Shard;
  readonly store: Store;
  readonly events: readonly LogEvent[];

  constructor(shard: Shard, store: Store, events: readonly LogEvent[]) {
    this.shard = shard;
    this.store = store;
    this.events = events;
  }

  /** Submits number `index`. */
  submit(index: number): ReturnType<Shard["submit"]> {
    const { endpoint, chain } = submissionOf(index);
    return this.shard.submit(endpoint, chain);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shard.stop();
  }
}
