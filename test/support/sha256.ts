/**
 * SHA-256 of Node for tests, as the composition root passes it on a server.
 * @module
 */
import { hash } from "node:crypto";

/** 32 fresh bytes; a plain `Uint8Array`, so that strict deep-equal compares it. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(hash("sha256", bytes, "buffer"));
}
