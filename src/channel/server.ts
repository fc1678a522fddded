/**
 * The sequencers' end of a channel: hands a frontend's groups to them, and gathers the answers
 * of a moment into one message.
 * @module
 */
import { assert } from "../base/assert.ts";
import { equalBytes } from "../encoding/bytes.ts";
import type { Sha256 } from "../merkle/hash.ts";
import { type Sequencing, unavailable } from "../sequencer/message.ts";
import {
  type Answer,
  decodeSubmissions,
  encodeAnswers,
  type NumberedAnswer,
  type NumberedSubmission,
} from "../sequencer/message-codec.ts";
import type { Wire } from "./wire.ts";

/** What a server works with. */
export interface SequencerServerOptions {
  readonly wire: Wire;
  /** By position in the configuration; undefined: the shard could not be opened. */
  readonly shards: readonly (Sequencing | undefined)[];
  readonly sha256: Sha256;
}

/** One frontend, as the sequencers see it. */
export class SequencerServer {
  readonly #options: SequencerServerOptions;
  /** Answers of the next message, by shard. */
  readonly #waiting: NumberedAnswer[][];
  #isFlushDue = false;
  #isOver = false;

  constructor(options: SequencerServerOptions) {
    this.#options = options;
    this.#waiting = options.shards.map(() => []);
  }

  /**
   * Takes a message of submissions.
   * @throws MalformedError if it is none; AssertionError, RangeError if it is not sound: the
   *   frontend is not to be trusted any more.
   */
  receive(bytes: Uint8Array): void {
    const { shard, items } = decodeSubmissions(bytes);
    if (shard >= this.#options.shards.length) throw new RangeError(`no shard ${shard}`);
    const sequencing = this.#options.shards[shard];
    if (sequencing === undefined) {
      const refusal = unavailable("UNAVAILABLE_SHARD_NOT_READY", "the shard could not be opened");
      for (const { id } of items) this.#answer(shard, id, refusal);
      return;
    }
    const complete: NumberedSubmission[] = [];
    for (const item of items) {
      this.#requireNamed(item);
      if (!sequencing.lacksIssuer(item.submission)) complete.push(item);
      else this.#answer(shard, item.id, { type: "issuers-unknown" });
    }
    sequencing.sequence(
      complete.map(({ submission }) => submission),
      (position, outcome) => {
        const item = complete[position];
        assert(item !== undefined, "an answer to a submission of the group");
        this.#answer(shard, item.id, outcome);
      },
    );
  }

  /** The frontend is gone: its answers are dropped. */
  close(): void {
    this.#isOver = true;
    for (const waiting of this.#waiting) waiting.length = 0;
  }

  /** An issuer is stored once, under its name: it must be the right one. */
  #requireNamed({ submission }: NumberedSubmission): void {
    for (const { fingerprint, der } of submission.issuers) {
      const isRight = equalBytes(this.#options.sha256(der), fingerprint);
      assert(isRight, "an issuer's fingerprint is its SHA-256");
    }
  }

  #answer(shard: number, id: number, answer: Answer): void {
    if (this.#isOver) return;
    this.#waiting[shard]?.push({ id, answer });
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    this.#options.wire.defer(() => this.#flush());
  }

  #flush(): void {
    this.#isFlushDue = false;
    for (const [shard, items] of this.#waiting.entries()) {
      if (items.length === 0) continue;
      this.#waiting[shard] = [];
      this.#options.wire.post(encodeAnswers({ shard, items }));
    }
  }
}
