import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Deadlines } from "../../src/log/deadline.ts";
import { type SubmitterOptions, submitChain } from "../../src/log/submit.ts";
import type { Outcome, Sequence, Submission } from "../../src/sequencer/message.ts";
import { decodeLeafIndexExtension } from "../../src/static-ct/extensions.ts";
import { chainOf } from "../support/certificates.ts";
import { makeJudge, SHARD_ROOT } from "../support/log-shard.ts";
import { ManualClock } from "../support/manual-clock.ts";

const CHAIN = chainOf(SHARD_ROOT.issue(), SHARD_ROOT);
const LOG_ID = new Uint8Array(32).fill(9);

function submitter(sequence: Sequence): {
  readonly options: SubmitterOptions;
  readonly clock: ManualClock;
} {
  const clock = new ManualClock();
  const judge = makeJudge(clock);
  return {
    clock,
    options: {
      judge,
      sequence,
      logId: LOG_ID,
      deadlines: new Deadlines(clock, 100),
      poolFullness: () => 0,
    },
  };
}

function loggedAs(submission: Submission, changes: object = {}): Outcome {
  const { dedupKey } = submission;
  const signature = Uint8Array.of(1, 2);
  const place = { leafIndex: 300, timestampMs: 77, isDuplicate: true };
  return { type: "logged", ...place, signature, dedupKey, ...changes };
}

describe("submitChain()", () => {
  test("makes the SCT of what the sequencer answers", async () => {
    const { options } = submitter((submission, settle) => settle(loggedAs(submission)));
    const { sct, isDuplicate } = await submitChain(options, "add-chain", CHAIN, undefined);
    assert.deepEqual([sct.logId, sct.timestampMs, isDuplicate], [LOG_ID, 77, true]);
    assert.equal(decodeLeafIndexExtension(sct.extensions), 300);
    assert.deepEqual(sct.signature, Uint8Array.of(1, 2));
  });

  test("never takes an answer for another entry", async () => {
    const other = { dedupKey: new Uint8Array(32) };
    const { options } = submitter((submission, settle) => settle(loggedAs(submission, other)));
    const answer = submitChain(options, "add-chain", CHAIN, undefined);
    await assert.rejects(answer, { code: "FATAL_DEDUP_MISMATCH" });
  });

  test("hands the sequencer's refusal on, with its time", async () => {
    const refusal = {
      type: "unavailable",
      code: "UNAVAILABLE_POOL_FULL",
      message: "full",
    } as const;
    const { options } = submitter((_, settle) => settle({ ...refusal, retryAfterMs: 2_500 }));
    const answer = submitChain(options, "add-chain", CHAIN, undefined);
    await assert.rejects(answer, { code: "UNAVAILABLE_POOL_FULL", retryAfterMs: 2_500 });
  });

  test("gives up at the deadline, and a later answer is no harm", async () => {
    let late = (): void => {};
    const { options, clock } = submitter((submission, settle) => {
      late = () => settle(loggedAs(submission));
    });
    const answer = submitChain(options, "add-chain", CHAIN, undefined);
    answer.catch(() => {});
    await clock.advance(99);
    await clock.advance(1);
    await assert.rejects(answer, { code: "UNAVAILABLE_DEADLINE" });
    late();
  });

  test("judges before it sequences", async () => {
    const { options } = submitter(() => assert.fail("nothing to sequence"));
    await assert.rejects(submitChain(options, "add-pre-chain", CHAIN, undefined), {
      code: "REJECTED_TYPE_MISMATCH",
    });
  });
});
