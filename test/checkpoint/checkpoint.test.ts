import assert from "node:assert/strict";
import { generateKeyPairSync, sign, verify } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import {
  type Checkpoint,
  checkpointKeyId,
  formatCheckpoint,
  parseCheckpoint,
} from "../../src/checkpoint/checkpoint.ts";
import { formatNote, parseNote } from "../../src/checkpoint/note.ts";
import {
  formatVerifierKey,
  logVerifierKey,
  parseVerifierKey,
} from "../../src/checkpoint/verifier-key.ts";
import { formatHex } from "../../src/encoding/hex.ts";
import { decodeDigitallySigned, encodeDigitallySigned } from "../../src/rfc6962/signature.ts";
import { encodeTreeHeadToSign } from "../../src/rfc6962/tree-head.ts";
import { bytes, record, timestampMs } from "../support/arbitrary.ts";
import { throwsMalformed } from "../support/malformed.ts";
import { sha256 } from "../support/sha256.ts";

const LOG_ID = new Uint8Array(32).fill(0x11);
const ORIGIN = "ct.example.org/2026";
const LOG = { origin: ORIGIN, logId: LOG_ID };

const checkpoint: fc.Arbitrary<Checkpoint> = record({
  origin: fc.constant(ORIGIN),
  treeSize: fc.integer({ min: 0, max: 2 ** 40 }),
  rootHash: bytes(32),
  timestampMs,
  signature: fc.uint8Array({ minLength: 1, maxLength: 80 }),
});

test("property: parseCheckpoint() reads what formatCheckpoint() writes", () => {
  fc.assert(
    fc.property(checkpoint, (value) => {
      assert.deepEqual(
        parseCheckpoint(sha256, formatCheckpoint(sha256, value, LOG_ID), LOG),
        value,
      );
    }),
  );
});

test("property: parseCheckpoint() refuses every changed character or changes what it reads", () => {
  fc.assert(
    fc.property(checkpoint, fc.nat(), fc.constantFrom(..."0Aa/+=\n \u2014"), (value, at, other) => {
      const text = formatCheckpoint(sha256, value, LOG_ID);
      const index = at % text.length;
      const changed = text.slice(0, index) + other + text.slice(index + 1);
      if (changed === text) return;
      let read: Checkpoint;
      try {
        read = parseCheckpoint(sha256, changed, LOG);
      } catch (thrown) {
        assert.match(String(thrown), /^MalformedError/);
        return;
      }
      assert.notDeepEqual(read, value);
    }),
    { numRuns: 500 },
  );
});

test("formatCheckpoint() is the document of static-ct-api, to the byte", () => {
  const rootHash = sha256(new Uint8Array(0));
  const value = {
    origin: ORIGIN,
    treeSize: 0,
    rootHash,
    timestampMs: 1,
    signature: Uint8Array.of(4),
  };
  const signed = `${formatHex(checkpointKeyId(sha256, ORIGIN, LOG_ID))}000000000000000104`;
  assert.equal(
    formatCheckpoint(sha256, value, LOG_ID),
    `${ORIGIN}\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n\u2014 ${ORIGIN} ${Buffer.from(signed, "hex").toString("base64")}\n`,
  );
});

test("a checkpoint carries the very signature of the RFC 6962 tree head", () => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const spki = new Uint8Array(publicKey.export({ format: "der", type: "spki" }));
  const head = { treeSize: 7, timestampMs: 1_700_000_000_000, rootHash: sha256(spki) };
  const der = new Uint8Array(sign("sha256", encodeTreeHeadToSign(head), privateKey));
  const signature = encodeDigitallySigned({ algorithm: "ecdsa", signature: der });
  const log = { origin: ORIGIN, logId: sha256(spki) };
  const text = formatCheckpoint(sha256, { origin: ORIGIN, ...head, signature }, log.logId);
  const read = parseCheckpoint(sha256, text, log);
  const { signature: readDer } = decodeDigitallySigned(read.signature);
  assert.ok(verify("sha256", encodeTreeHeadToSign(read), publicKey, readDer));
  throwsMalformed(() => parseCheckpoint(sha256, text, LOG), "MALFORMED_CHECKPOINT");
});

test("checkpointKeyId() depends on origin and log ID", () => {
  const id = formatHex(checkpointKeyId(sha256, ORIGIN, LOG_ID));
  assert.equal(id.length, 8);
  assert.notEqual(formatHex(checkpointKeyId(sha256, "ct.example.org/2027", LOG_ID)), id);
  assert.notEqual(formatHex(checkpointKeyId(sha256, ORIGIN, new Uint8Array(32))), id);
});

const SIGNATURE = { name: "k", keyId: Uint8Array.of(1, 2, 3, 4), signature: Uint8Array.of(5) };

for (const [name, note] of Object.entries({
  "a text without newline at the end": { text: "a", signatures: [SIGNATURE] },
  "no text": { text: "", signatures: [SIGNATURE] },
  "a control character": { text: "a\tb\n", signatures: [SIGNATURE] },
  "no signature": { text: "a\n", signatures: [] },
  "a name with a space": { text: "a\n", signatures: [{ ...SIGNATURE, name: "a b" }] },
  "a name with a plus": { text: "a\n", signatures: [{ ...SIGNATURE, name: "a+b" }] },
  "an empty name": { text: "a\n", signatures: [{ ...SIGNATURE, name: "" }] },
  "a key ID of 3 bytes": {
    text: "a\n",
    signatures: [{ ...SIGNATURE, keyId: Uint8Array.of(1, 2, 3) }],
  },
  "an empty signature": {
    text: "a\n",
    signatures: [{ ...SIGNATURE, signature: new Uint8Array(0) }],
  },
})) {
  test(`formatNote() refuses ${name} with a RangeError`, () => {
    assert.throws(() => formatNote(note), RangeError);
  });
}

test("property: parseNote() reads what formatNote() writes", () => {
  const line = fc.string({ unit: "grapheme", maxLength: 20 });
  const signature = record({
    name: fc.stringMatching(/^[a-z0-9./\u00e9-]{1,20}$/),
    keyId: bytes(4),
    signature: fc.uint8Array({ minLength: 1, maxLength: 80 }),
  });
  fc.assert(
    fc.property(
      fc.array(line, { minLength: 1, maxLength: 5 }),
      fc.array(signature, { minLength: 1, maxLength: 5 }),
      (lines, signatures) => {
        const text = `${lines.join("\n")}\n`;
        fc.pre(Array.from(text).every((character) => character >= " " || character === "\n"));
        const note = { text, signatures };
        assert.deepEqual(parseNote(formatNote(note)), note);
      },
    ),
  );
});

test("logVerifierKey() goes round and carries the ID of the log's checkpoints", () => {
  const publicKey = Uint8Array.of(0x30, 1, 2);
  const key = logVerifierKey(sha256, ORIGIN, publicKey);
  assert.deepEqual(parseVerifierKey(formatVerifierKey(key)), key);
  assert.deepEqual(key.keyId, checkpointKeyId(sha256, ORIGIN, sha256(publicKey)));
  assert.match(formatVerifierKey(key), /^ct\.example\.org\/2026\+[0-9a-f]{8}\+BTABAg==$/);
});

for (const change of [
  { name: "a b" },
  { name: "" },
  { keyId: new Uint8Array(3) },
  { key: new Uint8Array(0) },
]) {
  test(`formatVerifierKey() refuses ${JSON.stringify(change)} with a RangeError`, () => {
    const key = logVerifierKey(sha256, ORIGIN, Uint8Array.of(1));
    assert.throws(() => formatVerifierKey({ ...key, ...change }), RangeError);
  });
}
