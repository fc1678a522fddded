import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { MalformedError } from "../../src/base/errors.ts";
import { UNAVAILABLE_CODES } from "../../src/sequencer/message.ts";
import {
  type Answer,
  decodeAnswers,
  decodeSubmissions,
  encodeAnswers,
  encodeSubmissions,
  type Group,
  type NumberedAnswer,
  type NumberedSubmission,
} from "../../src/sequencer/message-codec.ts";
import { bytes, record, signedEntry, someBytes, text, timestampMs } from "../support/arbitrary.ts";
import { makeSubmission } from "../support/engine.ts";

const id = fc.nat({ max: 2 ** 32 - 1 });
const shard = fc.nat({ max: 65_535 });

const submission: fc.Arbitrary<NumberedSubmission> = fc
  .record({
    id,
    dedupKey: bytes(32),
    entry: signedEntry,
    precertificate: someBytes,
    chain: fc.uniqueArray(fc.tuple(bytes(32), fc.option(someBytes)), {
      maxLength: 5,
      selector: ([fingerprint]) => fingerprint.join(),
    }),
    priority: fc.constantFrom("normal" as const, "low" as const),
  })
  .map(({ id: number, precertificate, chain, ...rest }) => ({
    id: number,
    submission: {
      ...rest,
      precertificate: rest.entry.type === "precert" ? precertificate : undefined,
      chainFingerprints: chain.map(([fingerprint]) => fingerprint),
      issuers: chain.flatMap(([fingerprint, der]) => (der === null ? [] : [{ fingerprint, der }])),
    },
  }));

const answer: fc.Arbitrary<Answer> = fc.oneof(
  fc.constant({ type: "issuers-unknown" as const }),
  record({
    type: fc.constant("unavailable" as const),
    code: fc.constantFrom(...UNAVAILABLE_CODES),
    message: text,
    retryAfterMs: fc.nat(),
  }),
  record({
    type: fc.constant("logged" as const),
    leafIndex: fc.nat({ max: 2 ** 40 - 1 }),
    timestampMs,
    signature: fc.uint8Array({ maxLength: 80 }),
    dedupKey: bytes(32),
    isDuplicate: fc.boolean(),
  }),
);

const submissions: fc.Arbitrary<Group<NumberedSubmission>> = record({
  shard,
  items: fc.array(submission, { maxLength: 4 }),
});
const answers: fc.Arbitrary<Group<NumberedAnswer>> = record({
  shard,
  items: fc.array(record({ id, answer }), { maxLength: 5 }),
});

describe("encodeSubmissions()", () => {
  test("property: decodeSubmissions() gives the same group, its buffer is the message alone", () => {
    fc.assert(
      fc.property(submissions, (group) => {
        const encoded = encodeSubmissions(group);
        assert.equal(encoded.buffer.byteLength, encoded.length);
        assert.deepEqual(decodeSubmissions(encoded), group);
      }),
    );
  });

  test("refuses what it could not say", () => {
    const good = makeSubmission(1);
    const bad = [
      { ...good, precertificate: undefined },
      { ...good, dedupKey: new Uint8Array(31) },
      { ...good, chainFingerprints: [] },
      { ...good, issuers: good.issuers.map((issuer) => ({ ...issuer, der: new Uint8Array(0) })) },
    ];
    for (const wrong of bad) {
      const group = { shard: 0, items: [{ id: 1, submission: wrong }] };
      assert.throws(() => encodeSubmissions(group), RangeError);
    }
  });
});

describe("encodeAnswers()", () => {
  test("property: decodeAnswers() gives the same group, its buffer is the message alone", () => {
    fc.assert(
      fc.property(answers, (group) => {
        const encoded = encodeAnswers(group);
        assert.equal(encoded.buffer.byteLength, encoded.length);
        assert.deepEqual(decodeAnswers(encoded), group);
      }),
    );
  });

  test("a message that is too long or no text is cut and mended, never refused", () => {
    const said = (message: string): string => {
      const item = { type: "unavailable", code: "UNAVAILABLE_STORE", retryAfterMs: 1 } as const;
      const group = { shard: 0, items: [{ id: 1, answer: { ...item, message } }] };
      const [read] = decodeAnswers(encodeAnswers(group)).items;
      assert.ok(read?.answer.type === "unavailable");
      return read.answer.message;
    };
    assert.equal(said("\ud800"), "\ufffd");
    assert.equal(said("€".repeat(50_000)), "€".repeat(4_096));
  });
});

test("the numbers of codes on the wire never change", () => {
  assert.deepEqual(UNAVAILABLE_CODES, [
    "UNAVAILABLE_CLOSING",
    "UNAVAILABLE_CLOCK_HELD",
    "UNAVAILABLE_DEADLINE",
    "UNAVAILABLE_NO_HEAD",
    "UNAVAILABLE_OUTCOME_UNKNOWN",
    "UNAVAILABLE_POOL_FULL",
    "UNAVAILABLE_SHARD_NOT_READY",
    "UNAVAILABLE_STORE",
    "UNAVAILABLE_OVERLOADED",
    "UNAVAILABLE_RATE_LIMITED",
  ]);
});

const CODECS = [
  ["Submissions", submissions.map(encodeSubmissions), decodeSubmissions, encodeSubmissions],
  ["Answers", answers.map(encodeAnswers), decodeAnswers, encodeAnswers],
] as const;

for (const [name, encoded, decode, encode] of CODECS) {
  const readOrRefuse = (input: Uint8Array): void => {
    let group: ReturnType<typeof decode>;
    try {
      group = decode(input);
    } catch (error) {
      assert.ok(error instanceof MalformedError, String(error));
      assert.equal(error.code, "MALFORMED_TLS");
      return;
    }
    assert.deepEqual(encode(group as never), input, "one spelling");
  };

  test(`property: decode${name}() of any bytes is a group that is spelled so, or MALFORMED_TLS`, () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), readOrRefuse));
  });

  test(`property: decode${name}() of a changed group is spelled so, or MALFORMED_TLS`, () => {
    fc.assert(
      fc.property(encoded, fc.nat(), fc.integer({ min: 1, max: 255 }), (input, place, change) => {
        const changed = Uint8Array.from(input);
        const index = place % changed.length;
        changed[index] = ((changed[index] ?? 0) + change) % 256;
        readOrRefuse(changed);
        readOrRefuse(input.slice(0, index));
      }),
      { numRuns: 500 },
    );
  });

  test(`decode${name}() refuses another version, and bytes left over`, () => {
    const [sample] = fc.sample(encoded, { numRuns: 1, seed: 1 });
    assert.ok(sample !== undefined);
    assert.throws(() => decode(Uint8Array.of(2, ...sample.slice(1))), /message version 2/);
    assert.throws(() => decode(Uint8Array.of(...sample, 0)), MalformedError);
  });
}
