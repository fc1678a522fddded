/**
 * SHA-256 of Node, as commands pass it into the core.
 * @module
 */
import { hash } from "node:crypto";
import type { Sha256 } from "../merkle/hash.ts";

/** SHA-256 of `bytes`: 32 fresh bytes. */
export const sha256: Sha256 = (bytes) => Uint8Array.from(hash("sha256", bytes, "buffer"));
