import assert from "node:assert/strict";
import { createHash, createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import { describe, test } from "node:test";
import { MalformedError } from "../../src/base/errors.ts";
import { decodeDigitallySigned } from "../../src/rfc6962/signature.ts";
import { EcdsaKey } from "../../src/signer/ecdsa.ts";
import { makeKeyPem } from "../support/keys.ts";

const MESSAGE = Uint8Array.of(1, 2, 3);

describe("EcdsaKey", () => {
  test("reads PKCS#8 and SEC 1, as text and as bytes, and has the log ID of its SPKI", () => {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    const spki = publicKey.export({ type: "spki", format: "der" });
    for (const type of ["pkcs8", "sec1"] as const) {
      const pem = privateKey.export({ type, format: "pem" }).toString();
      for (const key of [new EcdsaKey(pem), new EcdsaKey(Buffer.from(pem))]) {
        assert.deepEqual(Buffer.from(key.publicKey), spki);
        assert.deepEqual(Buffer.from(key.logId), createHash("sha256").update(spki).digest());
      }
    }
  });

  test("sign() makes a DigitallySigned of SHA-256 with ECDSA that its public key verifies", () => {
    const key = new EcdsaKey(makeKeyPem());
    const signed = key.sign(MESSAGE);
    assert.deepEqual([...signed.subarray(0, 2)], [4, 3]);
    const { signature } = decodeDigitallySigned(signed);
    const publicKey = createPublicKey({
      key: Buffer.from(key.publicKey),
      type: "spki",
      format: "der",
    });
    assert.ok(verify("sha256", MESSAGE, publicKey, signature));
    key.verify(MESSAGE, signed);
  });

  test("verify() of another message, key, byte or algorithm is FATAL_SIGNATURE", () => {
    const key = new EcdsaKey(makeKeyPem());
    const signed = key.sign(MESSAGE);
    const fatal = { code: "FATAL_SIGNATURE" };
    assert.throws(() => key.verify(Uint8Array.of(1, 2, 4), signed), fatal);
    assert.throws(() => new EcdsaKey(makeKeyPem()).verify(MESSAGE, signed), fatal);
    const flipped = signed.slice();
    flipped[flipped.length - 1]! ^= 1;
    assert.throws(() => key.verify(MESSAGE, flipped), fatal);
    const rsa = signed.slice();
    rsa[1] = 1;
    assert.throws(() => key.verify(MESSAGE, rsa), fatal);
  });

  test("refuses other keys with MALFORMED_KEY, and without their bytes", () => {
    const others = [
      generateKeyPairSync("ec", { namedCurve: "secp384r1" }).privateKey,
      generateKeyPairSync("ed25519").privateKey,
    ].map((key) => key.export({ type: "pkcs8", format: "pem" }).toString());
    const open = generateKeyPairSync("ec", { namedCurve: "prime256v1" }).publicKey;
    const publicPem = open.export({ type: "spki", format: "pem" }).toString();
    const cut = makeKeyPem().slice(0, 100);
    for (const pem of [...others, publicPem, cut, "", "not a key"]) {
      assert.throws(
        () => new EcdsaKey(pem),
        (error: Error) => {
          assert.ok(error instanceof MalformedError && error.code === "MALFORMED_KEY");
          const body = pem.split("\n")[1];
          if (body) assert.ok(!`${error.stack}${error.cause}`.includes(body.slice(0, 20)));
          return true;
        },
      );
    }
  });
});
