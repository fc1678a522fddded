/**
 * One shard in the thread that holds its key: the sequencer, its store and its signer, and a
 * frontend beside them. Frontends of other threads bring their groups to `sequencing` and read
 * `cell`.
 * @module
 */

import type { RejectedError, UnavailableError } from "../base/errors.ts";
import { closesAtMs, type ShardDates } from "../base/shard-life.ts";
import type { Clock } from "../clock/clock.ts";
import type { Sha256 } from "../merkle/hash.ts";
import type { Sct } from "../rfc6962/sct.ts";
import type { SignedTreeHead, TreeHead } from "../rfc6962/tree-head.ts";
import type { Sequencing } from "../sequencer/message.ts";
import type { BatchLimits } from "../sequencer/options.ts";
import type { PoolLimits } from "../sequencer/pool.ts";
import { Sequencer } from "../sequencer/sequencer.ts";
import type { Signer } from "../signer/signer.ts";
import type { ShardIdentity, Store } from "../storage/store.ts";
import type { Observer } from "../telemetry/observer.ts";
import { checkEntry } from "./check-entry.ts";
import { Frontend, NO_ROOM } from "./frontend.ts";
import { HeadCell, type ShardView } from "./head-cell.ts";
import type { Judge } from "./judge.ts";
import type { LogStatus, SubmitEndpoint } from "./log.ts";
import type { Verdict } from "./validate.ts";

/** What a shard is made of. It takes over store and signer: `stop` closes both. */
export interface ShardOptions {
  readonly identity: ShardIdentity;
  readonly store: Store;
  readonly signer: Signer;
  readonly judge: Judge;
  readonly clock: Clock;
  readonly sha256: Sha256;
  readonly observer: Observer;
  readonly batch: BatchLimits;
  readonly pool: PoolLimits;
  readonly answerWithinMs: number;
  /** See `ClockWatch`. */
  readonly clockSteadyMs: number | undefined;
  /** Absent: those of its window. */
  readonly dates?: ShardDates;
  /** See `SequencerOptions`. */
  readonly unjudgedMs?: () => number;
  /** Tells when room is short; taken over, too. Absent: there is always room. */
  readonly space?: Space;
}

/** See `ShardOptions`. */
type Space = Disposable & { readonly shortage: string | undefined };

/** The engine of one shard, and its frontend in the same thread. */
export class Shard extends Frontend {
  /** The one snapshot; the head is set by the sequencer, after the guard recorded it. */
  readonly cell: HeadCell;
  readonly #signer: Signer;
  readonly #store: Store;
  readonly #space: Space | undefined;
  readonly #sequencer: Sequencer;
  #head: SignedTreeHead | undefined;
  /** What the cell was last given. */
  #shown: ShardView | undefined;
  /** Set by the self-audit. */
  #damage: string | undefined;

  constructor(options: ShardOptions) {
    const { identity, store, signer, batch } = options;
    const cell = HeadCell.make();
    const dates = options.dates ?? { closesAtMs: closesAtMs(identity) };
    const sequencer = new Sequencer({
      ...options,
      dates,
      shard: identity.name,
      checkEntry,
      publish: (head) => {
        this.#head = head;
        this.#show();
      },
      changed: () => this.#show(),
    });
    super({
      ...options,
      dates,
      publicKey: signer.publicKey,
      cell,
      sequence: (submission, settle) =>
        sequencer.sequence([submission], (_, outcome) => settle(outcome)),
      intervalMs: batch.intervalMs,
      idleRefreshMs: batch.idleRefreshMs,
    });
    this.cell = cell;
    this.#signer = signer;
    this.#store = store;
    this.#space = options.space;
    this.#sequencer = sequencer;
  }

  /** Where frontends of other threads bring their groups. */
  get sequencing(): Sequencing {
    return this.#sequencer;
  }

  /** Resolves when the shard is open, or is known not to open by itself. Never throws. */
  start(): Promise<void> {
    return this.#sequencer.start();
  }

  /** Finishes what is in the pool, then closes store and signer. */
  async stop(): Promise<void> {
    this.#space?.[Symbol.dispose]();
    await this.#sequencer.stop();
    await this.#signer[Symbol.asyncDispose]();
    await this.#store[Symbol.asyncDispose]();
  }

  /** Signs nothing more: the self-audit found damage that an answer would rest on. */
  halt(reason: string): void {
    this.#sequencer.halt(reason);
  }

  /** Makes damage that was found part of the status; undefined if there is none any more. */
  tellDamage(damage: string | undefined): void {
    this.#damage = damage;
  }

  /** The published head without regard to the state; undefined before the first. */
  get published(): SignedTreeHead | undefined {
    return this.cell.read().head;
  }

  override refusalOf(endpoint: SubmitEndpoint): RejectedError | UnavailableError | undefined {
    this.#show();
    return super.refusalOf(endpoint);
  }

  override submit(
    endpoint: SubmitEndpoint,
    chain: readonly Uint8Array[],
    bodyKey?: string,
  ): Promise<Sct> {
    this.#show();
    return super.submit(endpoint, chain, bodyKey);
  }

  override validate(
    endpoint: SubmitEndpoint | undefined,
    chain: readonly Uint8Array[],
  ): Promise<Verdict> {
    this.#show();
    return super.validate(endpoint, chain);
  }

  override status(): LogStatus {
    this.#show();
    return { ...super.status(), guardHead: guardHeadOf(this.#signer), damage: this.#damage };
  }

  /**
   * Shows every thread what the sequencer says of itself, and whether there is room: other
   * threads learn of that with the next group or head.
   */
  #show(): void {
    const { state, pool, waitingSinceMs } = this.#sequencer;
    let { reason } = this.#sequencer;
    let refusal = this.#sequencer.refusal?.code;
    const shortage = this.#space?.shortage;
    if (refusal === undefined && shortage !== undefined) {
      refusal = NO_ROOM;
      reason = shortage;
    }
    this.cell.writePool(pool, waitingSinceMs);
    const shown = this.#shown;
    const isSame =
      shown !== undefined &&
      shown.head === this.#head &&
      shown.state === state &&
      shown.reason === reason &&
      shown.refusal === refusal;
    if (isSame) return;
    this.#shown = { head: this.#head, state, reason, refusal };
    this.cell.write(this.#shown);
  }
}

/** A signer whose guard did not open throws: nobody knows what was signed. */
function guardHeadOf(signer: Signer): TreeHead | undefined {
  try {
    return signer.lastHead;
  } catch {
    return undefined;
  }
}
