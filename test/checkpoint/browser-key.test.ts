import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { describe, test } from "node:test";
import { openBrowserKey } from "../../src/checkpoint/browser-key.ts";
import { sha256 as noble } from "../../src/merkle/noble.ts";
import { decodeDigitallySigned } from "../../src/rfc6962/signature.ts";
import { EcdsaKey } from "../../src/signer/ecdsa.ts";
import { sha256 } from "../support/sha256.ts";

function makeKey(namedCurve = "prime256v1"): { pem: string; spki: Uint8Array } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve });
  return {
    pem: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    spki: new Uint8Array(publicKey.export({ type: "spki", format: "der" })),
  };
}

describe("openBrowserKey()", () => {
  test("takes what the log's own key signs, with either SHA-256", () => {
    const { pem, spki } = makeKey();
    const own = new EcdsaKey(pem);
    for (const hash of [sha256, noble]) {
      const key = openBrowserKey(hash, spki);
      assert.deepEqual(key.logId, own.logId);
      for (let index = 0; index < 20; index += 1) {
        const data = Uint8Array.from({ length: 50 }, (_, at) => at * index);
        assert.ok(key.isSignature(data, decodeDigitallySigned(own.sign(data))));
      }
    }
  });

  test("refuses a changed text, signature, algorithm and another key", () => {
    const { pem, spki } = makeKey();
    const data = Uint8Array.of(1, 2, 3);
    const signed = decodeDigitallySigned(new EcdsaKey(pem).sign(data));
    const key = openBrowserKey(sha256, spki);
    assert.equal(key.isSignature(Uint8Array.of(1, 2, 4), signed), false);
    assert.equal(key.isSignature(data, { ...signed, algorithm: "rsa" }), false);
    assert.equal(openBrowserKey(sha256, makeKey().spki).isSignature(data, signed), false);
    for (let at = 0; at < signed.signature.length; at += 1) {
      const signature = signed.signature.slice();
      signature[at] = signature[at]! ^ 1;
      assert.equal(key.isSignature(data, { ...signed, signature }), false, `byte ${at}`);
    }
    const cut = { ...signed, signature: signed.signature.slice(0, -1) };
    assert.equal(key.isSignature(data, cut), false);
  });

  test("takes signatures with a high s as OpenSSL makes them", () => {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    const spki = new Uint8Array(publicKey.export({ type: "spki", format: "der" }));
    const key = openBrowserKey(sha256, spki);
    const data = Uint8Array.of(7);
    let highs = 0;
    for (let index = 0; index < 64; index += 1) {
      const signature = new Uint8Array(sign("sha256", data, privateKey));
      const sStart = 4 + signature[3]! + 2;
      if (signature[sStart - 1] === 33) highs += 1;
      assert.ok(key.isSignature(data, { algorithm: "ecdsa", signature }));
    }
    assert.ok(highs > 0, "64 signatures without a high s");
  });

  test("refuses keys of other curves, off the curve, and other bytes", () => {
    const off = makeKey().spki.slice();
    off[90] = off[90]! ^ 1;
    for (const spki of [makeKey("secp384r1").spki, off, new Uint8Array(91), new Uint8Array(0)]) {
      assert.throws(() => openBrowserKey(sha256, spki), { code: "MALFORMED_KEY" });
    }
  });
});
