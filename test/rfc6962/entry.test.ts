import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { concatBytes } from "../../src/encoding/bytes.ts";
import { formatHex } from "../../src/encoding/hex.ts";
import { fresh } from "../../src/encoding/memory.ts";
import { TlsReader } from "../../src/encoding/tls-reader.ts";
import { hashLeaf } from "../../src/merkle/hash.ts";
import {
  decodeExtraData,
  decodeMerkleTreeLeaf,
  encodeExtraData,
  encodeHashedLeaf,
  encodeMerkleTreeLeaf,
  encodeSignedEntry,
  encodeTimestampedEntry,
  hashMerkleTreeLeaf,
  readTimestampedEntry,
  type TimestampedEntry,
} from "../../src/rfc6962/entry.ts";
import { decodeSct, decodeSctList, encodeSct, encodeSctList } from "../../src/rfc6962/sct.ts";
import { encodeTreeHeadToSign, isSameTreeHead } from "../../src/rfc6962/tree-head.ts";
import { sct, someBytes, timestampedEntry } from "../support/arbitrary.ts";
import { throwsMalformed } from "../support/malformed.ts";
import { sha256 } from "../support/sha256.ts";

const X509: TimestampedEntry = {
  timestampMs: 1_700_000_000_000,
  entry: { type: "x509", certificate: Uint8Array.of(0x30, 0) },
  extensions: new Uint8Array(0),
};

test("property: decodeMerkleTreeLeaf() reads what encodeMerkleTreeLeaf() writes", () => {
  fc.assert(
    fc.property(timestampedEntry, (entry) => {
      assert.deepEqual(decodeMerkleTreeLeaf(encodeMerkleTreeLeaf(entry)), entry);
      const reader = new TlsReader(encodeTimestampedEntry(entry));
      assert.deepEqual(readTimestampedEntry(reader), entry);
      reader.end();
    }),
  );
});

test("property: a MerkleTreeLeaf is two zeros, the time, the signed entry and the extensions", () => {
  fc.assert(
    fc.property(timestampedEntry, (entry) => {
      const time = Buffer.alloc(8);
      time.writeBigUInt64BE(BigInt(entry.timestampMs));
      const length = Buffer.alloc(2);
      length.writeUInt16BE(entry.extensions.length);
      const timestamped = concatBytes(
        time,
        encodeSignedEntry(entry.entry),
        length,
        entry.extensions,
      );
      assert.deepEqual(encodeTimestampedEntry(entry), timestamped);
      assert.deepEqual(encodeMerkleTreeLeaf(entry), concatBytes(new Uint8Array(2), timestamped));
    }),
  );
});

test("property: encodeSignedEntry() gives different entries different bytes", () => {
  fc.assert(
    fc.property(timestampedEntry, timestampedEntry, ({ entry: a }, { entry: b }) => {
      const isSame = formatHex(encodeSignedEntry(a)) === formatHex(encodeSignedEntry(b));
      assert.equal(isSame, JSON.stringify(a) === JSON.stringify(b));
    }),
  );
});

test("property: decodeExtraData() reads what encodeExtraData() writes", () => {
  fc.assert(
    fc.property(
      fc.option(someBytes, { nil: undefined }),
      fc.array(someBytes, { maxLength: 5 }),
      (precertificate, chain) => {
        const type = precertificate === undefined ? "x509" : "precert";
        const read = decodeExtraData(type, encodeExtraData(precertificate, chain));
        assert.deepEqual(read, { precertificate, chain });
      },
    ),
  );
});

test("property: decodeSct() and decodeSctList() read what their encoders write", () => {
  fc.assert(
    fc.property(fc.array(sct, { minLength: 1, maxLength: 4 }), (scts) => {
      for (const one of scts) assert.deepEqual(decodeSct(encodeSct(one)), one);
      assert.deepEqual(decodeSctList(encodeSctList(scts)), scts);
    }),
  );
});

const CERTIFICATE_BYTES_MAX = 2 ** 24 - 1;

test("encodeMerkleTreeLeaf() takes a certificate of 2^24 - 1 bytes and no more", () => {
  const largest = new Uint8Array(CERTIFICATE_BYTES_MAX).fill(1);
  const leaf = { ...X509, entry: { type: "x509" as const, certificate: largest } };
  const read = decodeMerkleTreeLeaf(encodeMerkleTreeLeaf(leaf));
  assert.equal(read.entry.type === "x509" && read.entry.certificate.length, CERTIFICATE_BYTES_MAX);
  const certificate = new Uint8Array(CERTIFICATE_BYTES_MAX + 1);
  const tooLarge = { ...X509, entry: { type: "x509" as const, certificate } };
  assert.throws(() => encodeMerkleTreeLeaf(tooLarge), RangeError);
});

const NOTHING = new Uint8Array(0);
const REFUSED: Readonly<Record<string, () => unknown>> = {
  "an empty certificate": () => encodeSignedEntry({ type: "x509", certificate: NOTHING }),
  "an empty TBS": () =>
    encodeSignedEntry({ type: "precert", issuerKeyHash: new Uint8Array(32), tbs: NOTHING }),
  "an issuer key hash of 31 bytes": () =>
    encodeSignedEntry({
      type: "precert",
      issuerKeyHash: new Uint8Array(31),
      tbs: Uint8Array.of(1),
    }),
  "a negative time": () => encodeMerkleTreeLeaf({ ...X509, timestampMs: -1 }),
  "a time with a fraction": () => encodeMerkleTreeLeaf({ ...X509, timestampMs: 1.5 }),
  "an unsafe time": () => encodeMerkleTreeLeaf({ ...X509, timestampMs: 2 ** 53 }),
  "extensions of 2^16 bytes": () =>
    encodeMerkleTreeLeaf({ ...X509, extensions: new Uint8Array(2 ** 16) }),
  "an empty precertificate": () => encodeExtraData(NOTHING, []),
  "an empty certificate in a chain": () => encodeExtraData(undefined, [NOTHING]),
  "a log ID of 31 bytes": () =>
    encodeSct({
      logId: new Uint8Array(31),
      timestampMs: 0,
      extensions: NOTHING,
      signature: NOTHING,
    }),
  "an empty SCT list": () => encodeSctList([]),
  "a root hash of 31 bytes": () =>
    encodeTreeHeadToSign({ treeSize: 0, timestampMs: 0, rootHash: new Uint8Array(31) }),
};

for (const [name, run] of Object.entries(REFUSED)) {
  test(`encoders of RFC 6962 refuse ${name} with a RangeError`, () => {
    assert.throws(run, RangeError);
  });
}

test("decodeMerkleTreeLeaf() returns views and copies nothing", () => {
  const bytes = encodeMerkleTreeLeaf(X509);
  const { entry } = decodeMerkleTreeLeaf(bytes);
  assert.equal(entry.type === "x509" && entry.certificate.buffer, bytes.buffer);
});

test("decodeExtraData() of the other type of entry is refused", () => {
  const x509 = encodeExtraData(undefined, [Uint8Array.of(1)]);
  throwsMalformed(() => decodeExtraData("precert", x509), "MALFORMED_TLS");
});

test("encodeTreeHeadToSign() writes the 50 bytes of RFC 6962, section 3.5", () => {
  const head = {
    treeSize: 2 ** 40 - 1,
    timestampMs: 1_700_000_000_000,
    rootHash: new Uint8Array(32).fill(0xab),
  };
  assert.equal(
    formatHex(encodeTreeHeadToSign(head)),
    `00010000018bcfe56800000000ffffffffff${"ab".repeat(32)}`,
  );
});

test("isSameTreeHead() compares size, time and root", () => {
  const head = { treeSize: 1, timestampMs: 2, rootHash: new Uint8Array(32) };
  assert.ok(isSameTreeHead(head, { ...head, rootHash: new Uint8Array(32) }));
  assert.ok(!isSameTreeHead(head, { ...head, treeSize: 2 }));
  assert.ok(!isSameTreeHead(head, { ...head, timestampMs: 3 }));
  assert.ok(!isSameTreeHead(head, { ...head, rootHash: new Uint8Array(32).fill(1) }));
});

test("hashMerkleTreeLeaf(), encodeHashedLeaf(): the encoded leaf and its leaf hash", () => {
  fc.assert(
    fc.property(timestampedEntry, (entry) => {
      const leaf = encodeMerkleTreeLeaf(entry);
      const leafHash = hashLeaf(sha256, leaf);
      assert.deepEqual(hashMerkleTreeLeaf(sha256, entry), leafHash);
      assert.deepEqual(encodeHashedLeaf(sha256, entry, fresh), { leaf, leafHash });
    }),
  );
});
