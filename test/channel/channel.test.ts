/**
 * Both ends of a channel over a wire in memory, with a real sequencer behind it.
 * @module
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SequencerClient } from "../../src/channel/client.ts";
import { SequencerServer } from "../../src/channel/server.ts";
import type { Outcome, Sequencing, Submission } from "../../src/sequencer/message.ts";
import {
  decodeSubmissions,
  encodeSubmissions,
  type Group,
  type NumberedSubmission,
} from "../../src/sequencer/message-codec.ts";
import { Engine, makeSubmission } from "../support/engine.ts";
import { sha256 } from "../support/sha256.ts";

/** A client and a server; messages wait until they are carried. */
class Channel {
  readonly client: SequencerClient;
  readonly server: SequencerServer;
  /** Every group of submissions that crossed. */
  readonly groups: Group<NumberedSubmission>[] = [];
  answerMessages = 0;
  #deferred: (() => void)[] = [];

  constructor(...shards: readonly (Sequencing | undefined)[]) {
    const defer = (run: () => void) => void this.#deferred.push(run);
    this.client = new SequencerClient(
      {
        defer,
        post: (bytes) => {
          this.groups.push(decodeSubmissions(bytes));
          this.server.receive(new Uint8Array(structuredClone(bytes.buffer)));
        },
      },
      shards.length,
    );
    const post = (bytes: Uint8Array<ArrayBuffer>) => {
      this.answerMessages += 1;
      this.client.receive(new Uint8Array(structuredClone(bytes.buffer)));
    };
    this.server = new SequencerServer({ wire: { defer, post }, shards, sha256 });
  }

  /** Runs what was deferred, until nothing is. */
  carry(): void {
    for (let run = this.#deferred.shift(); run; run = this.#deferred.shift()) run();
  }

  submit(shard: number, submission: Submission): Promise<Outcome> {
    return new Promise((resolve) => this.client.sequenceOf(shard)(submission, resolve));
  }
}

async function settleAll(engine: Engine, channel: Channel): Promise<void> {
  channel.carry();
  await engine.clock.advance(200);
  channel.carry();
}

/** A sequencer of which a test decides every answer. */
class Puppet implements Sequencing {
  readonly taken: Submission[] = [];
  readonly settles: ((outcome: Outcome) => void)[] = [];
  isLacking = false;

  sequence(group: readonly Submission[], settle: (at: number, outcome: Outcome) => void): void {
    for (const [position, submission] of group.entries()) {
      this.taken.push(submission);
      this.settles.push((outcome) => settle(position, outcome));
    }
  }

  lacksIssuer(): boolean {
    return this.isLacking;
  }
}

const CLOSED: Outcome = {
  type: "unavailable",
  code: "UNAVAILABLE_CLOSING",
  message: "closing",
  retryAfterMs: 7,
};

describe("SequencerClient and SequencerServer", () => {
  test("what comes in one turn is one message each way, answered one by one", async () => {
    const engine = new Engine();
    await engine.open();
    const channel = new Channel(engine.sequencer);
    const submissions = Array.from({ length: 20 }, (_, index) => makeSubmission(index));
    const outcomes = submissions.map((submission) => channel.submit(0, submission));
    await settleAll(engine, channel);
    for (const [index, outcome] of (await Promise.all(outcomes)).entries()) {
      assert.ok(outcome.type === "logged", JSON.stringify(outcome));
      assert.deepEqual(outcome.dedupKey, submissions[index]?.dedupKey);
      assert.equal(outcome.leafIndex, index);
    }
    assert.deepEqual([channel.groups.length, channel.answerMessages], [1, 1]);
    assert.equal(channel.client.pendingCount, 0);
  });

  test("an issuer is sent until an SCT shows that it is stored, then named only", async () => {
    const engine = new Engine();
    await engine.open();
    const channel = new Channel(engine.sequencer);
    const template = makeSubmission(0);
    for (const index of [0, 2, 6]) {
      const outcome = channel.submit(0, { ...makeSubmission(index), ...issuersOf(template) });
      await settleAll(engine, channel);
      assert.equal((await outcome).type, "logged");
    }
    const sent = channel.groups.map(({ items }) => items[0]?.submission.issuers.length);
    assert.deepEqual(sent, [2, 0, 0]);
    const stored = engine.disk.entries.length;
    assert.equal(stored, 3);
  });

  test("a sequencer that lacks an issuer gets the submission again with all of them", async () => {
    const engine = new Engine();
    await engine.open();
    const channel = new Channel(engine.sequencer);
    const template = makeSubmission(0);
    const first = channel.submit(0, template);
    await settleAll(engine, channel);
    assert.equal((await first).type, "logged");
    // Another sequencer, which has stored nothing yet: the frontend cannot know.
    const fresh = new Engine();
    await fresh.open();
    const { lacksIssuer, sequence } = fresh.sequencer;
    engine.sequencer.lacksIssuer = lacksIssuer.bind(fresh.sequencer);
    engine.sequencer.sequence = sequence.bind(fresh.sequencer);
    const second = channel.submit(0, { ...makeSubmission(2), ...issuersOf(template) });
    await settleAll(fresh, channel);
    assert.equal((await second).type, "logged");
    const sent = channel.groups.map(({ items }) => items[0]?.submission.issuers.length);
    assert.deepEqual(sent, [2, 0, 2]);
    for (const { fingerprint, der } of template.issuers) {
      const key = String.fromCharCode(...fingerprint);
      assert.deepEqual(fresh.disk.issuers.get(key), der);
    }
  });

  test("an answer without an SCT says nothing of issuers", async () => {
    const puppet = new Puppet();
    const channel = new Channel(puppet);
    const template = makeSubmission(0);
    for (const index of [0, 2]) {
      const outcome = channel.submit(0, { ...makeSubmission(index), ...issuersOf(template) });
      channel.carry();
      puppet.settles.at(-1)?.(CLOSED);
      channel.carry();
      assert.deepEqual(await outcome, CLOSED);
    }
    assert.deepEqual(
      puppet.taken.map(({ issuers }) => issuers.length),
      [2, 2],
    );
  });

  test("answers in another order, and of two shards, reach those who asked", async () => {
    const puppets = [new Puppet(), new Puppet()] as const;
    const channel = new Channel(...puppets);
    const outcomes = [0, 1, 2, 3].map((index) => channel.submit(index % 2, makeSubmission(index)));
    channel.carry();
    for (const [shard, puppet] of puppets.entries()) {
      for (const [index, settle] of [...puppet.settles.entries()].reverse()) {
        settle({ ...CLOSED, message: `${shard} ${index}` } as Outcome);
      }
    }
    channel.carry();
    const said = (await Promise.all(outcomes)).map((outcome) => Reflect.get(outcome, "message"));
    assert.deepEqual(said, ["0 0", "1 0", "0 1", "1 1"]);
  });

  test("a shard that could not be opened is not ready", async () => {
    const channel = new Channel(undefined);
    const outcome = channel.submit(0, makeSubmission(0));
    channel.carry();
    assert.equal(Reflect.get(await outcome, "code"), "UNAVAILABLE_SHARD_NOT_READY");
  });

  test("after close() nothing is sent any more", () => {
    const puppet = new Puppet();
    const channel = new Channel(puppet);
    void channel.submit(0, makeSubmission(0));
    channel.carry();
    channel.server.close();
    puppet.settles[0]?.(CLOSED);
    channel.carry();
    assert.equal(channel.answerMessages, 0);
  });

  test("an issuer under another's name, an unknown shard and an unasked answer are refused", () => {
    const puppet = new Puppet();
    const channel = new Channel(puppet);
    const good = makeSubmission(0);
    const [issuer] = good.issuers;
    assert.ok(issuer !== undefined);
    const wrong = { ...good, issuers: [{ ...issuer, der: Uint8Array.of(1) }] };
    const send = (shard: number, submission: Submission) =>
      channel.server.receive(encodeSubmissions({ shard, items: [{ id: 1, submission }] }));
    assert.throws(() => send(0, wrong), /fingerprint/);
    assert.throws(() => send(1, good), RangeError);
    assert.equal(puppet.taken.length, 0);
    send(0, good);
    puppet.settles[0]?.(CLOSED);
    assert.throws(() => channel.carry(), /not asked/);
  });
});

function issuersOf({ chainFingerprints, issuers }: Submission) {
  return { chainFingerprints, issuers };
}
