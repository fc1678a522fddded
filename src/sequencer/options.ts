/**
 * What a sequencer is made of.
 * @module
 */
import type { ShardDates } from "../base/shard-life.ts";
import type { Clock } from "../clock/clock.ts";
import type { Sha256 } from "../merkle/hash.ts";
import type { SignedTreeHead } from "../rfc6962/tree-head.ts";
import type { Signer } from "../signer/signer.ts";
import type { Store } from "../storage/store.ts";
import type { Observer } from "../telemetry/observer.ts";
import type { PoolLimits } from "./pool.ts";
import type { CheckEntry } from "./verify.ts";

/** Group commit: when a group is taken, and how large it may be. */
export interface BatchLimits extends PoolLimits {
  /** No two heads are closer than this; milliseconds. */
  readonly intervalMs: number;
  /** An idle shard renews its head this often; milliseconds. */
  readonly idleRefreshMs: number;
}

/** What a sequencer works with; it owns neither store nor signer. */
export interface SequencerOptions {
  readonly shard: string;
  readonly store: Store;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly sha256: Sha256;
  readonly observer: Observer;
  readonly batch: BatchLimits;
  readonly pool: PoolLimits;
  readonly checkEntry: CheckEntry;
  /** How long frontends are busy with what they have read and not judged; absent: not at all. */
  readonly unjudgedMs?: () => number;
  /** See `ClockWatch`. */
  readonly clockSteadyMs: number | undefined;
  /** Absent: the shard neither opens, closes nor retires. */
  readonly dates?: ShardDates;
  /** Makes a signed head the one snapshot that every read answers from. */
  readonly publish: (head: SignedTreeHead) => void;
  /** Called after state, refusal or pool may have changed. */
  readonly changed: () => void;
}
