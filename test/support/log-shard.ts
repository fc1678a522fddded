/**
 * A whole shard over memory for tests: the real judge, real certificates, a clock moved by hand.
 * @module
 */
import { Judge } from "../../src/log/judge.ts";
import type { SubmitEndpoint } from "../../src/log/log.ts";
import { Shard, type ShardOptions } from "../../src/log/shard.ts";
import type { Sct } from "../../src/rfc6962/sct.ts";
import { GuardedSigner } from "../../src/signer/guard.ts";
import { MemoryDisk, openMemoryStore } from "../../src/storage/memory.ts";
import type { LogEvent } from "../../src/telemetry/observer.ts";
import { RootSet } from "../../src/x509/roots.ts";
import { verifySignature } from "../../src/x509/verify.ts";
import { OPEN_POLICY } from "./admission.ts";
import { makeCa, type TestCa } from "./certificates.ts";
import { TEST_IDENTITY } from "./commits.ts";
import { ENGINE_KEY, MemoryGuard } from "./engine.ts";
import { ManualClock, settle } from "./manual-clock.ts";
import { sha256 } from "./sha256.ts";

/** The root that every shard here accepts. */
export const SHARD_ROOT: TestCa = makeCa();

/** One shard's machine; processes on it come and go. */
export class ShardMachine {
  readonly clock: ManualClock = new ManualClock();
  readonly disk: MemoryDisk = new MemoryDisk({ ...TEST_IDENTITY, logId: ENGINE_KEY.logId });
  readonly guard: MemoryGuard = new MemoryGuard();
  readonly events: LogEvent[] = [];

  /** Starts a process; the one before must be stopped or crashed. */
  async open(changes: Partial<ShardOptions> = {}): Promise<Shard> {
    const { clock, disk, guard } = this;
    const shard = new Shard({
      identity: disk.identity,
      store: changes.store ?? openMemoryStore(disk),
      signer: new GuardedSigner({ key: ENGINE_KEY, folder: guard, sha256 }),
      judge: makeJudge(clock),
      clock,
      sha256,
      observer: (event) => this.events.push(event),
      batch: { entriesMax: 100, bytesMax: 1e7, intervalMs: 100, idleRefreshMs: 10_000 },
      pool: { entriesMax: 100, bytesMax: 1e7 },
      answerWithinMs: 5_000,
      clockSteadyMs: undefined,
      ...changes,
    });
    void shard.start();
    await settle();
    return shard;
  }

  /** Submits and lets time pass until it is answered. */
  async submit(shard: Shard, endpoint: SubmitEndpoint, chain: readonly Uint8Array[]): Promise<Sct> {
    const sct = shard.submit(endpoint, chain);
    sct.catch(() => {});
    await this.clock.advance(200);
    return sct;
  }
}

/** A judge that takes what chains to {@link SHARD_ROOT}. */
export function makeJudge(clock: ManualClock): Judge {
  return new Judge({
    lowPriorityAfterMs: 86_400_000,
    roots: new RootSet([SHARD_ROOT.der], sha256),
    policy: OPEN_POLICY,
    otherShards: [],
    verifySignature,
    sha256,
    clock,
  });
}
