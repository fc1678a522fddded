/**
 * SHA-256 of Node's own OpenSSL: what composition roots and commands pass into the core.
 * @module
 */
import { hash } from "node:crypto";
import type { Sha256 } from "../merkle/hash.ts";

/** 2.8 us for 1,500 bytes (*measured*: bench/stages.bench.ts). */
export const sha256: Sha256 = (bytes) => new Uint8Array(hash("sha256", bytes, "buffer"));
