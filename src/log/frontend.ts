/**
 * The frontend half of a shard: judge, deadlines and reader behind the `Log` facade. It holds
 * no key and decides nothing: the sequencer is reached by messages, and what it published is
 * read from the shard's cell. So it runs in any thread of the process.
 * @module
 */
import { CtError, type RejectedError, UnavailableError } from "../base/errors.ts";
import { phaseAt, type ShardDates, type ShardPhase } from "../base/shard-life.ts";
import { formatCheckpoint } from "../checkpoint/checkpoint.ts";
import type { Clock } from "../clock/clock.ts";
import type { Sha256 } from "../merkle/hash.ts";
import { ADD_CHAIN_FULLNESS_MAX, LOW_PRIORITY_FULLNESS_MAX } from "../policy/limits.ts";
import type { JsonEntry } from "../rfc6962/json.ts";
import type { Sct } from "../rfc6962/sct.ts";
import type { SignedTreeHead } from "../rfc6962/tree-head.ts";
import { CLOSING, POOL_FULL, type Sequence } from "../sequencer/message.ts";
import type { Into, ShardIdentity, StoreReader } from "../storage/store.ts";
import type { Observer } from "../telemetry/observer.ts";
import type { RootSet } from "../x509/roots.ts";
import { Deadlines } from "./deadline.ts";
import type { HeadCell } from "./head-cell.ts";
import { UNKNOWN } from "./issuer-labels.ts";
import type { Judge } from "./judge.ts";
import { refusalIn, requireTaking } from "./lifecycle.ts";
import type { Log, LogStatus, SubmitEndpoint } from "./log.ts";
import type { LoggedEntry } from "./logged-entry.ts";
import { Reader } from "./read.ts";
import { type SubmitterOptions, submitChain } from "./submit.ts";
import { findPublished, type Verdict, validateChain } from "./validate.ts";

/** A head older than this many idle refreshes and a second makes a shard not ready. */
const HEAD_AGE_REFRESHES = 3;

/** What a shard without room for new entries refuses with. */
export const NO_ROOM = "UNAVAILABLE_STORE";

/** Room is made by people: when a submission refused for want of it makes sense again. */
const NO_ROOM_RETRY_MS = 30_000;

/**
 * Submissions at least so many without an answer, the oldest at the sequencer for so long, the
 * shard's interval between heads besides (milliseconds): then the sequencer is behind, and no
 * other is taken.
 */
export const UNANSWERED_MIN = 512;
export const UNANSWERED_MS_MAX = 300;

/**
 * The same as this thread sees it. More than at the sequencer: a thread that is itself late reads
 * late what was answered long ago, and to refuse for that would make it no faster.
 */
export const UNHEARD_MS_MAX = 1_200;

/**
 * One for all refusals of a kind: to record where each was thrown costs an eighth of an
 * overloaded thread (measured, bench/overload.ts).
 */
const FULL: UnavailableError = new UnavailableError(POOL_FULL.code, POOL_FULL.message);
const NEARLY_FULL: UnavailableError = new UnavailableError(
  "UNAVAILABLE_POOL_FULL",
  "the pool is nearly full, and what is left is for precertificates",
);
const BEHIND: UnavailableError = new UnavailableError(
  "UNAVAILABLE_OVERLOADED",
  "the log is behind with its submissions",
);

function noRoom(reason: string): UnavailableError {
  return new UnavailableError(NO_ROOM, reason, { retryAfterMs: NO_ROOM_RETRY_MS });
}

/** What a frontend is made of; it owns none of it. */
export interface FrontendOptions {
  readonly identity: ShardIdentity;
  /** The log's SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  readonly dates: ShardDates;
  readonly judge: Judge;
  /** To the shard's sequencer. */
  readonly sequence: Sequence;
  readonly cell: HeadCell;
  readonly store: StoreReader;
  readonly clock: Clock;
  readonly sha256: Sha256;
  readonly observer: Observer;
  /** A submission not answered by then gets 503; milliseconds. */
  readonly answerWithinMs: number;
  /** No two heads are closer than this; milliseconds. */
  readonly intervalMs: number;
  /** How often the sequencer renews an idle head; milliseconds. */
  readonly idleRefreshMs: number;
}

/** One shard as one frontend serves it. */
export class Frontend implements Log {
  readonly identity: ShardIdentity;
  readonly publicKey: Uint8Array;
  readonly dates: ShardDates;
  readonly #options: FrontendOptions;
  readonly #submitter: SubmitterOptions;
  readonly #reader: Reader;
  /** The checkpoint of a head, made when it is first asked for. */
  #checkpoint: { readonly head: SignedTreeHead; readonly text: string } | undefined;

  constructor(options: FrontendOptions) {
    const { identity, judge, sequence, clock } = options;
    this.identity = identity;
    this.publicKey = options.publicKey;
    this.dates = options.dates;
    this.#options = options;
    this.#reader = new Reader(options.store, options.sha256);
    const deadlines = new Deadlines(clock, options.answerWithinMs);
    const poolFullness = () => options.cell.readPool().fullness;
    this.#submitter = { judge, sequence, poolFullness, logId: identity.logId, deadlines };
  }

  roots(): readonly Uint8Array[] {
    return this.#options.judge.roots.ders;
  }

  replaceRoots(roots: RootSet): void {
    this.#options.judge.replaceRoots(roots);
  }

  refusalOf(endpoint: SubmitEndpoint): RejectedError | UnavailableError | undefined {
    const { cell } = this.#options;
    const phase = this.#phase;
    const closed = phase && refusalIn(this.identity, this.dates, phase);
    if (closed !== undefined) return closed;
    const { refusal, reason } = cell.read();
    if (refusal === CLOSING.code) return new UnavailableError(refusal, CLOSING.message);
    if (refusal === NO_ROOM) return noRoom(reason);
    if (refusal !== undefined) return new UnavailableError(refusal, reason);
    const { isFull, normalFullness } = cell.readPool();
    if (isFull) return FULL;
    if (endpoint === "add-chain" && normalFullness >= ADD_CHAIN_FULLNESS_MAX) return NEARLY_FULL;
    return this.#isBehind(endpoint) ? BEHIND : undefined;
  }

  /** By the last head's time, as everywhere; without a head there is a refusal anyway. */
  get #phase(): ShardPhase | undefined {
    const { head } = this.#options.cell.read();
    return head && phaseAt(this.dates, head.timestampMs);
  }

  #requireTaking(): void {
    const phase = this.#phase;
    if (phase !== undefined) requireTaking(this.identity, this.dates, phase);
  }

  /** By the age of what waits and not by its number: only the sequencer knows its own speed. */
  #isBehind(endpoint: SubmitEndpoint): boolean {
    const { clock, cell, intervalMs } = this.#options;
    const { count, oldestMs } = this.#submitter.deadlines;
    if (count < UNANSWERED_MIN) return false;
    const share = endpoint === "add-chain" ? 0.5 : 1;
    const waitingMs = cell.readWaitingMs(clock.monotonicMs()) - intervalMs;
    if (waitingMs > share * UNANSWERED_MS_MAX) return true;
    return oldestMs - intervalMs > share * UNHEARD_MS_MAX;
  }

  /**
   * New entries are refused while there is room for what was taken before. Heads go on: an idle
   * refresh writes some hundred bytes, and a head that grows old ends a log sooner than a full
   * disk, which a commit survives.
   */
  #requireRoom(): void {
    const { refusal, reason } = this.#options.cell.read();
    if (refusal === NO_ROOM) throw noRoom(reason);
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
      const known = judge.known.recall(bodyKey);
      if (known !== undefined) {
        const { issuer } = known;
        const isDuplicate = true;
        const durationMs = clock.monotonicMs() - startMs;
        const answered = { shard, endpoint, isDuplicate, issuer, durationMs };
        observer({ type: "submission-answered", ...answered });
      }
      return { bodyKey, sct: known?.sct };
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
    const { clock, observer } = this.#options;
    const shard = this.identity.name;
    const startMs = clock.monotonicMs();
    try {
      this.#requireTaking();
      this.#requireRoom();
      const submitted = await submitChain(this.#submitter, endpoint, chain, bodyKey);
      const { sct, isDuplicate, issuer } = submitted;
      const durationMs = clock.monotonicMs() - startMs;
      const answered = { shard, endpoint, isDuplicate, issuer, durationMs };
      observer({ type: "submission-answered", ...answered });
      return sct;
    } catch (error) {
      this.#reportRefusal(endpoint, startMs, error);
      throw error;
    }
  }

  async validate(
    endpoint: SubmitEndpoint | undefined,
    chain: readonly Uint8Array[],
  ): Promise<Verdict> {
    const { judge, store, sha256, cell } = this.#options;
    if (cell.readPool().fullness >= LOW_PRIORITY_FULLNESS_MAX) {
      const message = "the pool is nearly full, and dry runs give way first";
      throw new UnavailableError("UNAVAILABLE_POOL_FULL", message);
    }
    return validateChain(
      {
        judge,
        sha256,
        shard: this.identity.name,
        requireTaking: () => this.#requireTaking(),
        findDuplicate: (submission) =>
          findPublished(sha256, store, submission, () => this.publishedSize()),
      },
      endpoint,
      chain,
    );
  }

  #reportRefusal(endpoint: SubmitEndpoint, startMs: number, error: unknown): void {
    const { clock, observer, judge } = this.#options;
    const shard = this.identity.name;
    const durationMs = clock.monotonicMs() - startMs;
    const isOurs = error instanceof CtError;
    const code = isOurs ? error.code : "BUG";
    const issuer = isOurs ? judge.issuers.ofRefusal(error) : UNKNOWN;
    observer({ type: "submission-refused", shard, endpoint, code, issuer, durationMs });
  }

  head(): SignedTreeHead {
    const { state, reason, head } = this.#options.cell.read();
    if (state === "read-only") throw new UnavailableError("UNAVAILABLE_SHARD_NOT_READY", reason);
    if (head === undefined) {
      throw new UnavailableError("UNAVAILABLE_NO_HEAD", "the shard has not published a head yet");
    }
    return head;
  }

  checkpoint(): string {
    const head = this.head();
    if (this.#checkpoint?.head !== head) {
      const { sha256 } = this.#options;
      const { origin, logId } = this.identity;
      this.#checkpoint = { head, text: formatCheckpoint(sha256, { ...head, origin }, logId) };
    }
    return this.#checkpoint.text;
  }

  watch(changed: () => void): () => void {
    return this.#options.cell.watch(changed);
  }

  publishedSize(): number {
    return this.#options.cell.read().head?.treeSize ?? 0;
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

  readEntries(start: number, end: number, into?: Into): Promise<readonly LoggedEntry[]> {
    return this.#reader.readEntries(start, end, this.publishedSize(), into);
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

  readSealedTile(index: number, into?: Into): Promise<Uint8Array | undefined> {
    return this.#reader.readSealedTile(index, this.publishedSize(), into);
  }

  readIssuer(fingerprint: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#reader.readIssuer(fingerprint);
  }

  status(): LogStatus {
    const { clock, cell, idleRefreshMs } = this.#options;
    const nowMs = clock.nowMs();
    const { head, ...view } = cell.read();
    const pool = cell.readPool();
    const headAgeMs = head === undefined ? undefined : nowMs - head.timestampMs;
    const headAgeMsMax = HEAD_AGE_REFRESHES * idleRefreshMs + 1_000;
    let { reason } = view;
    const { state } = view;
    const phase = this.#phase;
    const isRenewed = phase !== "retired";
    if (reason === "" && isRenewed && (headAgeMs === undefined || headAgeMs > headAgeMsMax)) {
      reason = `the published head is ${headAgeMs} ms old, the limit is ${headAgeMsMax}`;
    }
    return {
      state,
      phase,
      isReady: state === "open" && reason === "",
      reason,
      headAgeMs,
      poolEntryCount: pool.entryCount,
      poolBytes: pool.bytes,
    };
  }
}
