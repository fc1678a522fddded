/**
 * RFC 6962, section 2.1, written down as the RFC has it: recursion over lists of leaves,
 * nothing remembered but subtrees seen before. Shares no code with `src/merkle`.
 * @module
 */
import { createHash } from "node:crypto";

/** `D[n]` as hashes of its leaves. */
export class ReferenceTree {
  readonly #leafHashes: readonly Uint8Array[];
  readonly #memory = new Map<string, Uint8Array>();

  constructor(leafHashes: readonly Uint8Array[]) {
    this.#leafHashes = leafHashes;
  }

  /** `MTH(D[start:end])`. */
  root(start: number, end: number): Uint8Array {
    if (start === end) return sha256();
    if (end - start === 1) return this.#leafHashes[start]!;
    const name = `${start}:${end}`;
    const known = this.#memory.get(name);
    if (known !== undefined) return known;
    const k = split(end - start);
    const one = Uint8Array.of(1);
    const root = sha256(one, this.root(start, start + k), this.root(start + k, end));
    this.#memory.set(name, root);
    return root;
  }

  /** `PATH(m, D[start:end])`: RFC 6962, section 2.1.1. */
  path(m: number, start: number, end: number): readonly Uint8Array[] {
    const n = end - start;
    if (n === 1) return [];
    const k = split(n);
    return m < k
      ? [...this.path(m, start, start + k), this.root(start + k, end)]
      : [...this.path(m - k, start + k, end), this.root(start, start + k)];
  }

  /** `PROOF(m, D[0:n])`: RFC 6962, section 2.1.2. */
  proof(m: number, n: number): readonly Uint8Array[] {
    return m === 0 || m === n ? [] : this.#subproof(m, 0, n, true);
  }

  #subproof(m: number, start: number, end: number, isWhole: boolean): readonly Uint8Array[] {
    const n = end - start;
    if (m === n) return isWhole ? [] : [this.root(start, end)];
    const k = split(n);
    return m <= k
      ? [...this.#subproof(m, start, start + k, isWhole), this.root(start + k, end)]
      : [...this.#subproof(m - k, start + k, end, false), this.root(start, start + k)];
  }
}

/** `SHA-256(0x00 || leaf)`. */
export function referenceLeafHash(leaf: Uint8Array): Uint8Array {
  return sha256(Uint8Array.of(0), leaf);
}

/** The largest power of two smaller than n. */
function split(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}
