/**
 * Encoded chains for `extra_data`: few issuers sign many entries. Bounded in bytes; the chain
 * not asked for the longest goes first.
 * @module
 */
import { LinkedMap } from "../base/linked-map.ts";
import { byteAt, equalBytes } from "../encoding/bytes.ts";

/** Bytes of encoded chains in memory, of one shard in one thread; their base64 is up to four times that. */
export const CHAINS_BYTES_MAX = 4_194_304;

interface Kept {
  /** Copies. */
  readonly fingerprints: Uint8Array;
  readonly chain: Uint8Array;
}

/** Chains by the SHA-256 of their certificates. */
export class ChainCache {
  readonly #bytesMax: number;
  /** By {@link keyOf}, which two chains may share: the later one stays. Least recently used first. */
  readonly #kept = new LinkedMap<number, Kept>();
  #bytes = 0;

  constructor(bytesMax: number = CHAINS_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /** The chain. @param fingerprints 32 bytes for each certificate, one after the other. */
  get(fingerprints: Uint8Array): Uint8Array | undefined {
    const key = keyOf(fingerprints);
    const kept = this.#kept.get(key);
    if (kept === undefined || !equalBytes(kept.fingerprints, fingerprints)) return undefined;
    this.#kept.use(key);
    return kept.chain;
  }

  /** Keeps a chain, which nobody changes any more, if there is room for it at all. */
  set(fingerprints: Uint8Array, chain: Uint8Array): void {
    const key = keyOf(fingerprints);
    this.#drop(key);
    this.#kept.set(key, { fingerprints: fingerprints.slice(), chain });
    this.#bytes += fingerprints.length + chain.length;
    while (this.#bytes > this.#bytesMax) {
      const oldest = this.#kept.oldest();
      if (oldest === undefined) return;
      this.#drop(oldest[0]);
    }
  }

  #drop(key: number): void {
    const kept = this.#kept.get(key);
    if (kept === undefined) return;
    this.#kept.delete(key);
    this.#bytes -= kept.fingerprints.length + kept.chain.length;
  }
}

/** Three bytes of the first fingerprint and three of the last: an issuer and its root. */
function keyOf(fingerprints: Uint8Array): number {
  let key = 0;
  if (fingerprints.length === 0) return key;
  const last = fingerprints.length - 3;
  for (const start of [0, last]) {
    for (let index = start; index < start + 3; index += 1) {
      key = key * 256 + byteAt(fingerprints, index);
    }
  }
  return key;
}
