/**
 * The Merkle tree of RFC 6962, section 2.1, written as its recursion stands there: slow, and
 * without any of src/merkle.
 * @module
 */
import { createHash } from "node:crypto";

/** A list of leaf hashes. */
export type Hashes = readonly Uint8Array[];

/** `MTH(D[n])` over leaf hashes. */
export function naiveRoot(hashes: Hashes): Uint8Array {
  const [only] = hashes;
  if (only === undefined) return digest();
  if (hashes.length === 1) return only;
  const split = splitOf(hashes.length);
  return digest(
    Uint8Array.of(1),
    naiveRoot(hashes.slice(0, split)),
    naiveRoot(hashes.slice(split)),
  );
}

/** `PATH(m, D[n])`. */
export function naivePath(index: number, hashes: Hashes): Uint8Array[] {
  if (hashes.length <= 1) return [];
  const split = splitOf(hashes.length);
  const left = hashes.slice(0, split);
  const right = hashes.slice(split);
  return index < split
    ? [...naivePath(index, left), naiveRoot(right)]
    : [...naivePath(index - split, right), naiveRoot(left)];
}

/** `PROOF(m, D[n])`; empty for `m` = 0. */
export function naiveConsistency(first: number, hashes: Hashes): Uint8Array[] {
  return first === 0 ? [] : subproof(first, hashes, true);
}

/** The first hashes of a hash tile. */
export function naiveTile(level: number, index: number, width: number, hashes: Hashes): Uint8Array {
  const span = 256 ** level;
  const parts: Uint8Array[] = [];
  for (let position = 256 * index; position < 256 * index + width; position += 1) {
    parts.push(naiveRoot(hashes.slice(position * span, (position + 1) * span)));
  }
  return Uint8Array.from(Buffer.concat(parts));
}

/** `SHA-256(0x00 || leaf)`. */
export function naiveLeafHash(leaf: Uint8Array): Uint8Array {
  return digest(Uint8Array.of(0), leaf);
}

function subproof(first: number, hashes: Hashes, isWhole: boolean): Uint8Array[] {
  if (first === hashes.length) return isWhole ? [] : [naiveRoot(hashes)];
  const split = splitOf(hashes.length);
  const left = hashes.slice(0, split);
  const right = hashes.slice(split);
  return first <= split
    ? [...subproof(first, left, isWhole), naiveRoot(right)]
    : [...subproof(first - split, right, false), naiveRoot(left)];
}

function splitOf(count: number): number {
  let split = 1;
  while (2 * split < count) split *= 2;
  return split;
}

function digest(...parts: readonly Uint8Array[]): Uint8Array {
  const sha = createHash("sha256");
  for (const part of parts) sha.update(part);
  return Uint8Array.from(sha.digest());
}
