/**
 * The frontend's end of a channel: gathers submissions into groups, and brings the answers back
 * to those who wait.
 *
 * A certificate of a chain is sent until a submission that names it was answered with an SCT.
 * That is a guess (the SCT may be a duplicate's, whose entry has another chain): a sequencer
 * that lacks one says so, and gets the submission again with all of them.
 * @module
 */
import { LinkedMap } from "../base/linked-map.ts";
import type { Sequence, Submission } from "../sequencer/message.ts";
import {
  decodeAnswers,
  encodeSubmissions,
  type NumberedAnswer,
  type NumberedSubmission,
} from "../sequencer/message-codec.ts";
import type { Wire } from "./wire.ts";

/** Submissions of one message at most. */
const GROUP_ITEMS_MAX = 1_024;

const ID_LIMIT = 2 ** 32;

interface Pending {
  readonly submission: Submission;
  readonly settle: Parameters<Sequence>[1];
}

interface ShardEnd {
  /** Submissions of the next message. */
  waiting: NumberedSubmission[];
  /** Fingerprints of issuers that are stored, by identity: the judge's cache hands out one array. */
  readonly stored: WeakSet<Uint8Array>;
}

/** The sequencers of all shards, as a frontend sees them. */
export class SequencerClient {
  readonly #wire: Wire;
  readonly #shards: readonly ShardEnd[];
  readonly #pending = new LinkedMap<number, Pending>();
  #lastId = 0;
  #isFlushDue = false;

  /** @param shardCount Shards of the configuration. */
  constructor(wire: Wire, shardCount: number) {
    this.#wire = wire;
    this.#shards = Array.from({ length: shardCount }, () => ({
      waiting: [],
      stored: new WeakSet(),
    }));
  }

  /** Submissions that wait for their answers. */
  get pendingCount(): number {
    return this.#pending.size;
  }

  /** The way to the sequencer of shard `shard`, by its position in the configuration. */
  sequenceOf(shard: number): Sequence {
    const end = this.#end(shard);
    return (submission, settle) => {
      const id = this.#nextId();
      this.#pending.set(id, { submission, settle });
      const issuers = submission.issuers.filter(({ fingerprint }) => !end.stored.has(fingerprint));
      this.#send(end, id, { ...submission, issuers });
    };
  }

  /** Takes a message of answers. @throws MalformedError if it is none. */
  receive(bytes: Uint8Array): void {
    const { shard, items } = decodeAnswers(bytes);
    const end = this.#end(shard);
    for (const item of items) this.#settle(end, item);
  }

  #settle(end: ShardEnd, { id, answer }: NumberedAnswer): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) throw new RangeError(`an answer to ${id}, which was not asked`);
    const { submission, settle } = pending;
    if (answer.type === "issuers-unknown") {
      for (const fingerprint of submission.chainFingerprints) end.stored.delete(fingerprint);
      this.#send(end, id, submission);
      return;
    }
    this.#pending.delete(id);
    if (answer.type === "logged") {
      for (const fingerprint of submission.chainFingerprints) end.stored.add(fingerprint);
    }
    settle(answer);
  }

  #send(end: ShardEnd, id: number, submission: Submission): void {
    end.waiting.push({ id, submission });
    if (end.waiting.length >= GROUP_ITEMS_MAX) {
      this.#flush();
    } else if (!this.#isFlushDue) {
      this.#isFlushDue = true;
      this.#wire.defer(() => this.#flush());
    }
  }

  #flush(): void {
    this.#isFlushDue = false;
    for (const [shard, end] of this.#shards.entries()) {
      if (end.waiting.length === 0) continue;
      const items = end.waiting;
      end.waiting = [];
      this.#wire.post(encodeSubmissions({ shard, items }));
    }
  }

  #end(shard: number): ShardEnd {
    const end = this.#shards[shard];
    if (end === undefined) throw new RangeError(`no shard ${shard}`);
    return end;
  }

  #nextId(): number {
    do this.#lastId = (this.#lastId + 1) % ID_LIMIT;
    while (this.#pending.has(this.#lastId));
    return this.#lastId;
  }
}
