/**
 * Keys of logs and the signatures that they accept.
 * @module
 */
import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { test } from "node:test";
import { openLogKey, parseLogKey } from "../../src/client/log-key.ts";
import { sha256 } from "../support/sha256.ts";

const P256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
const RSA = generateKeyPairSync("rsa", { modulusLength: 2048 });
const DATA = Uint8Array.of(1, 2, 3);

function spkiOf(key: KeyObject): Uint8Array {
  return Uint8Array.from(key.export({ format: "der", type: "spki" }));
}

test("openLogKey() verifies P-256 and RSA signatures of its own algorithm only", () => {
  for (const [pair, algorithm, other] of [
    [P256, "ecdsa", "rsa"],
    [RSA, "rsa", "ecdsa"],
  ] as const) {
    const key = openLogKey(spkiOf(pair.publicKey));
    const signature = sign("sha256", DATA, pair.privateKey);
    assert.ok(key.isSignature(DATA, { algorithm, signature }));
    assert.ok(!key.isSignature(DATA, { algorithm: other, signature }));
    assert.ok(!key.isSignature(Uint8Array.of(1, 2), { algorithm, signature }));
    const sha384 = sign("sha384", DATA, pair.privateKey);
    assert.ok(!key.isSignature(DATA, { algorithm, signature: sha384 }));
    for (const broken of [signature.subarray(1), Buffer.alloc(0), Buffer.alloc(70, 0xff)]) {
      assert.ok(!key.isSignature(DATA, { algorithm, signature: broken }));
    }
    assert.deepEqual(key.logId, sha256(spkiOf(pair.publicKey)));
  }
});

test("parseLogKey() reads PEM, a private key's public half, base64 and DER as one key", () => {
  const spki = spkiOf(P256.publicKey);
  const base64 = Buffer.from(spki).toString("base64");
  const files = [
    P256.publicKey.export({ format: "pem", type: "spki" }).toString(),
    P256.privateKey.export({ format: "pem", type: "pkcs8" }).toString(),
    base64,
    `\n${base64.slice(0, 40)}\n${base64.slice(40)}\r\n`,
  ];
  for (const file of files) assert.deepEqual(parseLogKey(Buffer.from(file)).publicKey, spki, file);
  assert.deepEqual(parseLogKey(spki).publicKey, spki);
});

test("parseLogKey() refuses other keys and what is none", () => {
  const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey;
  const ed25519 = generateKeyPairSync("ed25519").publicKey;
  const files = [
    spkiOf(p384),
    spkiOf(ed25519),
    Buffer.from("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"),
    Buffer.from("-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n"),
    Buffer.from("hello"),
    new Uint8Array(0),
    spkiOf(P256.publicKey).subarray(0, 60),
  ];
  for (const file of files) assert.throws(() => parseLogKey(file), { code: "MALFORMED_KEY" });
});
