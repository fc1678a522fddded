import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parseHex } from "../../src/encoding/hex.ts";
import {
  decodeGuardRecord,
  encodeGuardRecord,
  type GuardRecord,
  SLOT_BYTES,
} from "../../src/signer/guard-record.ts";

interface Vector {
  readonly name: string;
  readonly expect: string;
  readonly record?: { readonly sequence: number; readonly head: boolean };
  readonly bytes: string;
}

const vectors = JSON.parse(
  readFileSync(new URL("../vectors/signer/guard-record.json", import.meta.url), "utf8"),
) as { readonly source: string; readonly vectors: readonly Vector[] };

/** The record that the vectors hold. */
const RECORD: GuardRecord = {
  sequence: 258,
  logId: new Uint8Array(32).fill(0xa1),
  head: {
    timestampMs: Date.UTC(2026, 2, 1),
    treeSize: 2 ** 33 + 5,
    rootHash: new Uint8Array(32).fill(0xb2),
    signature: Uint8Array.of(4, 3, 0, 4, 1, 2, 3, 4),
  },
};
const EMPTY: GuardRecord = { ...RECORD, head: undefined };

for (const { name, expect, record, bytes } of vectors.vectors) {
  test(`decodeGuardRecord() of the vector ${name}: ${expect}`, () => {
    const slot = pad(parseHex(bytes));
    if (expect === "success") {
      const value = record?.head ? RECORD : EMPTY;
      assert.deepEqual(decodeGuardRecord(slot), value);
      assert.deepEqual(encodeGuardRecord(value), slot);
    } else if (expect === "torn") {
      assert.equal(decodeGuardRecord(slot), undefined);
    } else {
      assert.throws(() => decodeGuardRecord(slot), { code: expect });
    }
  });
}

test("decodeGuardRecord() of a whole record without sense is FATAL_STORE_FORMAT", () => {
  // Whole by its checksum: the older slot must not be taken in its place.
  for (const [offset, value] of [
    [5, 0xff],
    [46, 0xff],
    [54, 0xff],
    [94, 0xff],
  ] as const) {
    const body = encodeGuardRecord(RECORD).slice(0, SLOT_BYTES - 32);
    body[offset] = value;
    const sealed = Buffer.concat([body, createHash("sha256").update(body).digest()]);
    assert.throws(() => decodeGuardRecord(new Uint8Array(sealed)), {
      code: "FATAL_STORE_FORMAT",
      message: /makes no sense/,
    });
  }
});

test("decodeGuardRecord() sees every flipped bit", () => {
  const slot = encodeGuardRecord(RECORD);
  for (let index = 0; index < SLOT_BYTES; index += 1) {
    for (let bit = 1; bit < 256; bit *= 2) {
      const flipped = slot.slice();
      flipped[index]! ^= bit;
      assert.equal(decodeGuardRecord(flipped), undefined, `byte ${index}, bit ${bit}`);
    }
  }
});

test("decodeGuardRecord() sees a write of any length over the record before", () => {
  const before = encodeGuardRecord({ ...RECORD, sequence: 256 });
  const after = encodeGuardRecord(RECORD);
  for (let end = 0; end <= SLOT_BYTES; end += 1) {
    const torn = before.slice();
    torn.set(after.subarray(0, end));
    const found = decodeGuardRecord(torn)?.sequence;
    assert.ok(found === undefined || found === 256 || found === 258, `torn at ${end}: ${found}`);
    assert.equal(decodeGuardRecord(after.subarray(0, end)) === undefined, end < SLOT_BYTES);
  }
});

test("encodeGuardRecord() refuses a signature that the slot cannot hold", () => {
  const head = { ...RECORD.head!, signature: new Uint8Array(400) };
  assert.throws(() => encodeGuardRecord({ ...RECORD, head }), RangeError);
});

/** The vectors leave out the zeros before the checksum, which they end with. */
function pad(bytes: Uint8Array): Uint8Array {
  const slot = new Uint8Array(SLOT_BYTES);
  slot.set(bytes.subarray(0, bytes.length - 32));
  slot.set(bytes.subarray(bytes.length - 32), SLOT_BYTES - 32);
  return slot;
}

test("the vectors' checksums are SHA-256 of the body, computed here without the codec", () => {
  for (const { expect, bytes } of vectors.vectors.filter((vector) => vector.expect !== "torn")) {
    const slot = pad(parseHex(bytes));
    const sum = createHash("sha256")
      .update(slot.subarray(0, SLOT_BYTES - 32))
      .digest();
    assert.deepEqual(sum, Buffer.from(slot.subarray(SLOT_BYTES - 32)), expect);
  }
});
