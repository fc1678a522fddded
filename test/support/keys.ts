/**
 * Log keys for tests.
 * @module
 */
import { generateKeyPairSync } from "node:crypto";

/** PKCS#8 PEM of a fresh P-256 key. */
export function makeKeyPem(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}
