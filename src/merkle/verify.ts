/**
 * Checking proofs without the tree: the algorithms of RFC 9162, sections 2.1.3.2 and
 * 2.1.4.2, which hold for the trees of RFC 6962 as well.
 * @module
 */
import { MalformedError } from "../base/errors.ts";
import { half, isOdd } from "../base/integers.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { emptyRoot, HASH_BYTES, hashChildren, type Sha256 } from "./hash.ts";

/** What an audit path claims. */
export interface InclusionClaim {
  /** 0-based. */
  readonly leafIndex: number;
  readonly treeSize: number;
  /** 32 bytes. */
  readonly leafHash: Uint8Array;
  /** Sibling hashes from the leaf's level upwards. */
  readonly path: readonly Uint8Array[];
}

/** What a consistency proof claims: that the first tree is a prefix of the second. */
export interface ConsistencyClaim {
  readonly firstSize: number;
  readonly firstRoot: Uint8Array;
  readonly secondSize: number;
  readonly secondRoot: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

/**
 * The root that an audit path leads to: RFC 9162, section 2.1.3.2.
 * @throws MalformedError `MALFORMED_PROOF` if the path has the wrong length for its tree.
 */
export function rootOfInclusion(sha256: Sha256, claim: InclusionClaim): Uint8Array {
  const { leafIndex, treeSize, path } = claim;
  requireHashes([claim.leafHash, ...path]);
  if (!isSize(leafIndex) || !isSize(treeSize) || leafIndex >= treeSize) {
    throw malformed(`no leaf ${leafIndex} in a tree of size ${treeSize}`);
  }
  let position = leafIndex;
  let last = treeSize - 1;
  let root = claim.leafHash;
  for (const sibling of path) {
    if (last === 0) throw malformed("the audit path is too long");
    if (isOdd(position) || position === last) {
      root = hashChildren(sha256, sibling, root);
      while (!isOdd(position) && position !== 0) {
        position = half(position);
        last = half(last);
      }
    } else {
      root = hashChildren(sha256, root, sibling);
    }
    position = half(position);
    last = half(last);
  }
  if (last !== 0) throw malformed("the audit path is too short");
  return root;
}

/** @throws MalformedError `MALFORMED_PROOF` unless the audit path leads to `root`. */
export function verifyInclusion(sha256: Sha256, claim: InclusionClaim, root: Uint8Array): void {
  if (!equalBytes(rootOfInclusion(sha256, claim), root)) {
    throw malformed("the audit path does not lead to the root");
  }
}

/**
 * RFC 9162, section 2.1.4.2. From size 0, and between equal sizes, only the empty proof holds.
 * @throws MalformedError `MALFORMED_PROOF` unless the first tree is a prefix of the second.
 */
export function verifyConsistency(sha256: Sha256, claim: ConsistencyClaim): void {
  const { firstSize, secondSize, firstRoot, secondRoot, proof } = claim;
  requireHashes([firstRoot, secondRoot, ...proof]);
  if (!isSize(firstSize) || !isSize(secondSize) || firstSize > secondSize) {
    throw malformed(`size ${firstSize} is no prefix of size ${secondSize}`);
  }
  if (firstSize === secondSize && !equalBytes(firstRoot, secondRoot)) {
    throw malformed("two roots for one size");
  }
  if (firstSize === 0 && !equalBytes(firstRoot, emptyRoot(sha256))) {
    throw malformed("a root of size 0 that is not the empty tree's");
  }
  if (firstSize === 0 || firstSize === secondSize) {
    if (proof.length > 0) throw malformed("expected an empty proof");
    return;
  }
  const roots = rootsOfConsistency(sha256, claim);
  if (!equalBytes(roots.first, firstRoot)) throw malformed("the proof misses the first root");
  if (!equalBytes(roots.second, secondRoot)) throw malformed("the proof misses the second root");
}

function rootsOfConsistency(
  sha256: Sha256,
  claim: ConsistencyClaim,
): { readonly first: Uint8Array; readonly second: Uint8Array } {
  let position = claim.firstSize - 1;
  let last = claim.secondSize - 1;
  while (isOdd(position)) {
    position = half(position);
    last = half(last);
  }
  // A first size that is a power of two is itself the first node of the path.
  const path = position === 0 ? [claim.firstRoot, ...claim.proof] : claim.proof;
  const [start, ...rest] = path;
  if (start === undefined) throw malformed("the consistency proof is too short");
  let first = start;
  let second = start;
  for (const sibling of rest) {
    if (last === 0) throw malformed("the consistency proof is too long");
    if (isOdd(position) || position === last) {
      first = hashChildren(sha256, sibling, first);
      second = hashChildren(sha256, sibling, second);
      while (!isOdd(position) && position !== 0) {
        position = half(position);
        last = half(last);
      }
    } else {
      second = hashChildren(sha256, second, sibling);
    }
    position = half(position);
    last = half(last);
  }
  if (last !== 0) throw malformed("the consistency proof is too short");
  return { first, second };
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function requireHashes(hashes: readonly Uint8Array[]): void {
  for (const hash of hashes) {
    if (hash.length !== HASH_BYTES) throw malformed(`expected 32 bytes, got ${hash.length}`);
  }
}

function malformed(message: string): MalformedError {
  return new MalformedError("MALFORMED_PROOF", message);
}
