import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";
import { PAYLOAD_BYTES_MAX } from "../../src/history/ring.ts";
import { decodeRow, encodeRow } from "../../src/history/row.ts";
import type { Sample } from "../../src/history/sample.ts";

const SAMPLE: Sample = {
  timeMs: 1_772_366_400_000,
  runMs: 1_772_366_000_000,
  counts: { accepted: 7, "refused REJECTED_ROOT_UNKNOWN": 2 },
  buckets: { latency: { "0.5": 3, "+Inf": 0 } },
  gauges: { "free data": 1e12 },
  issuers: { "accepted Example CA": 7 },
};

test("decodeRow() gives back what encodeRow() took", async () => {
  assert.deepEqual(await decodeRow((await encodeRow(SAMPLE)) ?? new Uint8Array(0)), SAMPLE);
});

test("encodeRow() leaves issuers out that do not fit, and gives up what does not at all", async () => {
  const noise = (count: number): Record<string, number> =>
    Object.fromEntries(
      Array.from({ length: count }, (_, index) => [randomBytes(48).toString("base64"), index]),
    );
  const row = await encodeRow({ ...SAMPLE, issuers: noise(200) });
  assert.ok(row !== undefined && row.length <= PAYLOAD_BYTES_MAX);
  assert.deepEqual(await decodeRow(row), { ...SAMPLE, issuers: undefined });
  assert.equal(await encodeRow({ ...SAMPLE, counts: noise(200) }), undefined);
});

test("decodeRow() of what is no sample is undefined", async () => {
  const texts = ["", "null", "[]", "{}", '{"timeMs":1}', '{"timeMs":"x","runMs":1}', "{"];
  for (const text of texts) assert.equal(await decodeRow(deflateRawSync(text)), undefined, text);
  assert.equal(await decodeRow(randomBytes(100)), undefined);
  const bomb = deflateRawSync(Buffer.alloc(16_777_216, 32));
  assert.equal(await decodeRow(bomb), undefined);
});

test("decodeRow() takes a row of fewer and of other fields", async () => {
  const row = deflateRawSync('{"timeMs":5,"runMs":1,"later":[1]}');
  const empty = { counts: {}, buckets: {}, gauges: {}, issuers: undefined };
  assert.deepEqual(await decodeRow(row), { timeMs: 5, runMs: 1, ...empty });
});
