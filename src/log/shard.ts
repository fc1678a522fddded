/**
 * One shard in one process: judge, sequencer and reader behind the `Log` facade, around one
 * published head.
 * @module
 */
import { CtError, UnavailableError } from "../base/errors.ts";
import { formatCheckpoint } from "../checkpoint/checkpoint.ts";
import type { Clock } from "../clock/clock.ts";
import type { Sha256 } from "../merkle/hash.ts";
import { ADD_CHAIN_FULLNESS_MAX } from "../policy/limits.ts";
import type { JsonEntry } from "../rfc6962/json.ts";
import type { Sct } from "../rfc6962/sct.ts";
import type { SignedTreeHead } from "../rfc6962/tree-head.ts";
import type { PoolLimits } from "../sequencer/pool.ts";
import { type BatchLimits, Sequencer } from "../sequencer/sequencer.ts";
import type { Signer } from "../signer/signer.ts";
import type { ShardIdentity, Store } from "../storage/store.ts";
import type { Observer } from "../telemetry/observer.ts";
import { checkEntry } from "./check-entry.ts";
import type { Judge } from "./judge.ts";
import { closesAtMs, requireNotClosed } from "./lifecycle.ts";
import type { Log, LogStatus, SubmitEndpoint } from "./log.ts";
import { Reader } from "./read.ts";
import { submitChain } from "./submit.ts";

/** A head older than this many idle refreshes and a second makes a shard not ready. */
const HEAD_AGE_REFRESHES = 3;

/** Room is made by people: when a submission refused for want of it makes sense again. */
const NO_ROOM_RETRY_MS = 30_000;

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
  /** Tells when room is short; taken over, too. Absent: there is always room. */
  readonly space?: Disposable & { readonly shortage: string | undefined };
}

/** The engine of one shard. */
export class Shard implements Log {
  readonly #options: ShardOptions;
  readonly #sequencer: Sequencer;
  readonly #reader: Reader;
  /** The one snapshot; set by the sequencer, after the guard recorded it. */
  #published: SignedTreeHead | undefined;
  /** Set by the self-audit. */
  #damage: string | undefined;
  /** The checkpoint of `#published`, made when it is first asked for. */
  #checkpoint: { readonly head: SignedTreeHead; readonly text: string } | undefined;

  constructor(options: ShardOptions) {
    this.#options = options;
    this.#reader = new Reader(options.store, options.sha256);
    this.#sequencer = new Sequencer({
      ...options,
      shard: options.identity.name,
      checkEntry,
      publish: (head) => {
        this.#published = head;
      },
    });
  }

  /** Resolves when the shard is open, or is known not to open by itself. Never throws. */
  start(): Promise<void> {
    return this.#sequencer.start();
  }

  /** Finishes what is in the pool, then closes store and signer. */
  async stop(): Promise<void> {
    this.#options.space?.[Symbol.dispose]();
    await this.#sequencer.stop();
    await this.#options.signer[Symbol.asyncDispose]();
    await this.#options.store[Symbol.asyncDispose]();
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
    return this.#published;
  }

  get identity(): ShardIdentity {
    return this.#options.identity;
  }

  get publicKey(): Uint8Array {
    return this.#options.signer.publicKey;
  }

  roots(): readonly Uint8Array[] {
    return this.#options.judge.roots.ders;
  }

  requireOpen(endpoint: SubmitEndpoint): void {
    requireNotClosed(this.identity, this.#options.clock.nowMs());
    const { refusal, poolNormalFullness } = this.#sequencer;
    if (refusal !== undefined) {
      const { code, message, retryAfterMs } = refusal;
      throw new UnavailableError(code, message, { retryAfterMs });
    }
    this.#requireRoom();
    if (endpoint === "add-chain" && poolNormalFullness >= ADD_CHAIN_FULLNESS_MAX) {
      const message = "the pool is nearly full, and what is left is for precertificates";
      throw new UnavailableError("UNAVAILABLE_POOL_FULL", message);
    }
  }

  /**
   * New entries are refused while there is room for what was taken before. Heads go on: an idle
   * refresh writes some hundred bytes, and a head that grows old ends a log sooner than a full
   * disk, which a commit survives.
   */
  #requireRoom(): void {
    const shortage = this.#options.space?.shortage;
    if (shortage === undefined) return;
    throw new UnavailableError("UNAVAILABLE_STORE", shortage, { retryAfterMs: NO_ROOM_RETRY_MS });
  }

  recall(
    endpoint: SubmitEndpoint,
    body: Uint8Array,
  ): { readonly bodyKey: string; readonly sct: Sct | undefined } {
    const { clock, observer, judge } = this.#options;
    const shard = this.identity.name;
    const startMs = clock.monotonicMs();
    const bodyKey = judge.known.keyOf(endpoint, body);
    try {
      const sct = judge.known.recall(bodyKey);
      if (sct !== undefined) {
        const durationMs = clock.monotonicMs() - startMs;
        observer({ type: "submission-answered", shard, endpoint, isDuplicate: true, durationMs });
      }
      return { bodyKey, sct };
    } catch (error) {
      this.#reportRefusal(endpoint, startMs, error);
      throw error;
    }
  }

  async submit(
    endpoint: SubmitEndpoint,
    chain: readonly Uint8Array[],
    bodyKey?: string,
  ): Promise<Sct> {
    const { clock, observer, judge, answerWithinMs, signer } = this.#options;
    const shard = this.identity.name;
    const startMs = clock.monotonicMs();
    try {
      requireNotClosed(this.identity, clock.nowMs());
      this.#requireRoom();
      const submitter = {
        judge,
        clock,
        answerWithinMs,
        logId: signer.logId,
        poolFullness: this.#sequencer.poolFullness,
        sequence: this.#sequencer.sequence.bind(this.#sequencer),
      };
      const { sct, isDuplicate } = await submitChain(submitter, endpoint, chain, bodyKey);
      const durationMs = clock.monotonicMs() - startMs;
      observer({ type: "submission-answered", shard, endpoint, isDuplicate, durationMs });
      return sct;
    } catch (error) {
      this.#reportRefusal(endpoint, startMs, error);
      throw error;
    }
  }

  #reportRefusal(endpoint: SubmitEndpoint, startMs: number, error: unknown): void {
    const { clock, observer } = this.#options;
    const shard = this.identity.name;
    const durationMs = clock.monotonicMs() - startMs;
    const code = error instanceof CtError ? error.code : "BUG";
    observer({ type: "submission-refused", shard, endpoint, code, durationMs });
  }

  head(): SignedTreeHead {
    if (this.#sequencer.state === "read-only") {
      throw new UnavailableError("UNAVAILABLE_SHARD_NOT_READY", this.#sequencer.reason);
    }
    if (this.#published === undefined) {
      throw new UnavailableError("UNAVAILABLE_NO_HEAD", "the shard has not published a head yet");
    }
    return this.#published;
  }

  checkpoint(): string {
    const head = this.head();
    if (this.#checkpoint?.head !== head) {
      const { sha256, identity } = this.#options;
      const checkpoint = { ...head, origin: identity.origin };
      this.#checkpoint = { head, text: formatCheckpoint(sha256, checkpoint, identity.logId) };
    }
    return this.#checkpoint.text;
  }

  publishedSize(): number {
    return this.#published?.treeSize ?? 0;
  }

  proveConsistency(first: number, second: number): Promise<readonly Uint8Array[]> {
    return this.#reader.proveConsistency(first, second, this.publishedSize());
  }

  proveByHash(
    leafHash: Uint8Array,
    treeSize: number,
  ): Promise<{ readonly leafIndex: number; readonly path: readonly Uint8Array[] }> {
    return this.#reader.proveByHash(leafHash, treeSize, this.publishedSize());
  }

  readEntries(start: number, end: number): Promise<readonly JsonEntry[]> {
    return this.#reader.readEntries(start, end, this.publishedSize());
  }

  entryAndProof(
    leafIndex: number,
    treeSize: number,
  ): Promise<JsonEntry & { readonly path: readonly Uint8Array[] }> {
    return this.#reader.entryAndProof(leafIndex, treeSize, this.publishedSize());
  }

  readTile(level: number, index: number, width: number): Promise<Uint8Array | undefined> {
    return this.#reader.readTile(level, index, width, this.publishedSize());
  }

  readDataTile(index: number, width: number): Promise<Uint8Array | undefined> {
    return this.#reader.readDataTile(index, width, this.publishedSize());
  }

  readIssuer(fingerprint: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#reader.readIssuer(fingerprint);
  }

  status(): LogStatus {
    const { clock, batch } = this.#options;
    const nowMs = clock.nowMs();
    const published = this.#published;
    const headAgeMs = published === undefined ? undefined : nowMs - published.timestampMs;
    const headAgeMsMax = HEAD_AGE_REFRESHES * batch.idleRefreshMs + 1_000;
    let { state, reason } = this.#sequencer;
    if (state === "open" && nowMs >= closesAtMs(this.identity)) state = "closed";
    if (reason === "") reason = this.#options.space?.shortage ?? "";
    if (reason === "" && (headAgeMs === undefined || headAgeMs > headAgeMsMax)) {
      reason = `the published head is ${headAgeMs} ms old, the limit is ${headAgeMsMax}`;
    }
    return {
      state,
      isReady: (state === "open" || state === "closed") && reason === "",
      reason,
      headAgeMs,
      poolEntryCount: this.#sequencer.poolEntryCount,
      poolBytes: this.#sequencer.poolBytes,
      damage: this.#damage,
    };
  }
}
