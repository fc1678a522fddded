/**
 * A log's public key: RFC 6962, section 2.1.4 (P-256 or RSA, always with SHA-256).
 * @module
 */
import { createPublicKey, hash, type KeyObject, verify } from "node:crypto";
import { MalformedError } from "../base/errors.ts";
import type { LogKey } from "../checkpoint/browser-key.ts";

/** A key from its DER. @throws MalformedError `MALFORMED_KEY` unless it is a P-256 or RSA key. */
export function openLogKey(publicKey: Uint8Array): LogKey {
  return fromKeyObject(() =>
    createPublicKey({ key: Buffer.from(publicKey), format: "der", type: "spki" }),
  );
}

/**
 * A key as it stands in a file: PEM (of a private key the public half is taken), base64 of
 * the SubjectPublicKeyInfo as in log lists, or the DER itself.
 * @throws MalformedError `MALFORMED_KEY`.
 */
export function parseLogKey(file: Uint8Array): LogKey {
  const text = Buffer.from(file).toString("latin1").trim();
  if (text.includes("-----BEGIN CERTIFICATE-----")) {
    throw new MalformedError("MALFORMED_KEY", "expected a public key, got a certificate");
  }
  if (text.includes("-----BEGIN ")) return fromKeyObject(() => createPublicKey(text));
  const isBase64 = /^[A-Za-z0-9+/\s]+=*$/.test(text);
  return openLogKey(isBase64 ? Buffer.from(text, "base64") : file);
}

function fromKeyObject(open: () => KeyObject): LogKey {
  let key: KeyObject;
  try {
    key = open();
  } catch (cause) {
    throw new MalformedError("MALFORMED_KEY", "expected a public key (PEM, DER or base64)", {
      cause,
    });
  }
  const curve = key.asymmetricKeyDetails?.namedCurve;
  const isEcdsa = key.asymmetricKeyType === "ec" && curve === "prime256v1";
  if (!isEcdsa && key.asymmetricKeyType !== "rsa") {
    const got = curve ?? key.asymmetricKeyType ?? "none";
    throw new MalformedError("MALFORMED_KEY", `expected a P-256 or RSA key, got ${got}`);
  }
  const publicKey = Uint8Array.from(key.export({ format: "der", type: "spki" }));
  return {
    publicKey,
    logId: Uint8Array.from(hash("sha256", publicKey, "buffer")),
    isSignature: (data, signed) =>
      signed.algorithm === (isEcdsa ? "ecdsa" : "rsa") &&
      verify("sha256", data, key, signed.signature),
  };
}
