import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyRoot, hashLeaf } from "../../src/merkle/hash.ts";
import { planConsistency, planInclusion } from "../../src/merkle/proof.ts";
import {
  type ConsistencyClaim,
  type InclusionClaim,
  verifyConsistency,
  verifyInclusion,
} from "../../src/merkle/verify.ts";
import { ReferenceTree } from "../reference/merkle.ts";
import { throwsMalformed } from "../support/malformed.ts";
import { sha256 } from "../support/sha256.ts";
import { TestTree, testLeaf } from "../support/tree.ts";

const SIZE_MAX = 130;
const MUTATED_SIZE_MAX = 33;
const LEAF_HASHES = Array.from({ length: SIZE_MAX + 1 }, (_, i) => hashLeaf(sha256, testLeaf(i)));
const REFERENCE = new ReferenceTree(LEAF_HASHES);
const TREE = new TestTree();
TREE.append(LEAF_HASHES);
const ROOTS = Array.from({ length: SIZE_MAX + 2 }, (_, size) => REFERENCE.root(0, size));

function inclusionOf(leafIndex: number, treeSize: number): InclusionClaim {
  const leafHash = LEAF_HASHES[leafIndex]!;
  return { leafIndex, treeSize, leafHash, path: TREE.prove(planInclusion(leafIndex, treeSize)) };
}

function consistencyOf(firstSize: number, secondSize: number): ConsistencyClaim {
  const proof = TREE.prove(planConsistency(firstSize, secondSize));
  return {
    firstSize,
    firstRoot: ROOTS[firstSize]!,
    secondSize,
    secondRoot: ROOTS[secondSize]!,
    proof,
  };
}

/** `hash` with one bit changed; another bit for another `seed`. */
function flip(hash: Uint8Array, seed: number): Uint8Array {
  const out = hash.slice();
  out[seed % 32] = out[seed % 32]! ^ (1 << (seed % 8));
  return out;
}

/** Each list that differs from `hashes` by one flipped, dropped, doubled or moved hash. */
function* mutations(hashes: readonly Uint8Array[], seed: number): Generator<Uint8Array[]> {
  for (let index = 0; index < hashes.length; index += 1) {
    yield hashes.with(index, flip(hashes[index]!, seed + index));
    yield hashes.toSpliced(index, 1);
    yield hashes.toSpliced(index, 0, hashes[index]!);
    if (index > 0) yield hashes.with(index, hashes[index - 1]!).with(index - 1, hashes[index]!);
  }
  yield [...hashes, new Uint8Array(32)];
  yield [new Uint8Array(32), ...hashes];
}

test("verifyInclusion() accepts every audit path of all sizes <= 130", () => {
  for (let size = 1; size <= SIZE_MAX; size += 1) {
    for (let index = 0; index < size; index += 1) {
      verifyInclusion(sha256, inclusionOf(index, size), ROOTS[size]!);
    }
  }
});

test("verifyInclusion() refuses every mutation for all sizes <= 33", () => {
  for (let size = 1; size <= MUTATED_SIZE_MAX; size += 1) {
    const root = ROOTS[size]!;
    for (let index = 0; index < size; index += 1) {
      const claim = inclusionOf(index, size);
      const refuse = (change: Partial<InclusionClaim>, other: Uint8Array = root): void =>
        throwsMalformed(
          () => verifyInclusion(sha256, { ...claim, ...change }, other),
          "MALFORMED_PROOF",
          `leaf ${index} of ${size}: ${JSON.stringify(Object.keys(change))}`,
        );
      for (const path of mutations(claim.path, index)) refuse({ path });
      refuse({ leafHash: flip(claim.leafHash, index) });
      refuse({}, flip(root, index));
      refuse({ leafHash: LEAF_HASHES[index + 1]! });
      for (let wrong = 0; wrong <= size; wrong += 1) {
        if (wrong !== index) refuse({ leafIndex: wrong });
      }
    }
  }
});

test("verifyInclusion() refuses every single flipped bit of one proof", () => {
  const claim = inclusionOf(5, 11);
  for (let bit = 0; bit < 256; bit += 1) {
    for (let at = 0; at < claim.path.length; at += 1) {
      const hash = claim.path[at]!.slice();
      const byte = Math.floor(bit / 8);
      hash[byte] = hash[byte]! ^ (1 << (bit % 8));
      const path = claim.path.with(at, hash);
      throwsMalformed(
        () => verifyInclusion(sha256, { ...claim, path }, ROOTS[11]!),
        "MALFORMED_PROOF",
      );
    }
  }
});

test("verifyInclusion() refuses every audit path for another tree size and its root", () => {
  for (let size = 1; size <= MUTATED_SIZE_MAX; size += 1) {
    for (let index = 0; index < size; index += 1) {
      const claim = inclusionOf(index, size);
      for (let other = 1; other <= 64; other += 1) {
        if (other === size) continue;
        const verify = (): void =>
          verifyInclusion(sha256, { ...claim, treeSize: other }, ROOTS[other]!);
        throwsMalformed(verify, "MALFORMED_PROOF", `leaf ${index} of ${size} as ${other}`);
      }
    }
  }
});

for (const [name, change] of Object.entries<Partial<InclusionClaim>>({
  "a leaf beyond the tree": { leafIndex: 11 },
  "a negative leaf": { leafIndex: -1 },
  "half a leaf": { leafIndex: 5.5 },
  "no number as leaf": { leafIndex: Number.NaN },
  "an empty tree": { treeSize: 0 },
  "half a tree": { treeSize: 11.5 },
  "an endless tree": { treeSize: Number.POSITIVE_INFINITY },
  "an unsafe size": { treeSize: 2 ** 53 },
  "a leaf hash of 31 bytes": { leafHash: new Uint8Array(31) },
  "a path of hashes of 33 bytes": { path: [new Uint8Array(33)] },
  "an endless path": { path: Array.from({ length: 10_000 }, () => new Uint8Array(32)) },
})) {
  test(`verifyInclusion() refuses ${name}`, () => {
    throwsMalformed(
      () => verifyInclusion(sha256, { ...inclusionOf(5, 11), ...change }, ROOTS[11]!),
      "MALFORMED_PROOF",
    );
  });
}

test("verifyConsistency() accepts every proof of all pairs of sizes <= 130", () => {
  for (let second = 0; second <= SIZE_MAX; second += 1) {
    for (let first = 0; first <= second; first += 1) {
      verifyConsistency(sha256, consistencyOf(first, second));
    }
  }
});

test("verifyConsistency() refuses every mutation for all pairs of sizes <= 33", () => {
  for (let second = 1; second <= MUTATED_SIZE_MAX; second += 1) {
    for (let first = 0; first <= second; first += 1) {
      const claim = consistencyOf(first, second);
      const refuse = (change: Partial<ConsistencyClaim>): void =>
        throwsMalformed(
          () => verifyConsistency(sha256, { ...claim, ...change }),
          "MALFORMED_PROOF",
          `${first} to ${second}: ${JSON.stringify(Object.keys(change))}`,
        );
      for (const proof of mutations(claim.proof, first)) refuse({ proof });
      refuse({ firstRoot: flip(claim.firstRoot, second) });
      if (first > 0) refuse({ secondRoot: flip(claim.secondRoot, second) });
      if (first > 0 && first < second) {
        for (let wrong = 1; wrong <= second; wrong += 1) {
          if (wrong !== first) refuse({ firstSize: wrong, firstRoot: ROOTS[wrong]! });
        }
      }
    }
  }
});

test("verifyConsistency() refuses a fork", () => {
  const forked = new TestTree();
  forked.append([...LEAF_HASHES.slice(0, 9), ...LEAF_HASHES.slice(10, 30)]);
  for (let first = 10; first < 29; first += 1) {
    const claim = { ...consistencyOf(first, 29), proof: forked.prove(planConsistency(first, 29)) };
    const secondRoot = new ReferenceTree(forked.levels[0]!).root(0, 29);
    throwsMalformed(
      () => verifyConsistency(sha256, { ...claim, secondRoot }),
      "MALFORMED_PROOF",
      `from ${first}`,
    );
  }
});

for (const [name, change] of Object.entries<Partial<ConsistencyClaim>>({
  "a tree that shrinks": { firstSize: 12 },
  "a negative size": { firstSize: -1 },
  "half a leaf": { firstSize: 4.5 },
  "half a leaf at the end": { secondSize: 11.5 },
  "no number": { secondSize: Number.NaN },
  "an endless tree": { secondSize: Number.POSITIVE_INFINITY },
  "a first root of 0 bytes": { firstRoot: new Uint8Array(0) },
  "a second root of 33 bytes": { secondRoot: new Uint8Array(33) },
  "an empty proof": { proof: [] },
  "size 0 with a root that is not the empty one": { firstSize: 0, proof: [] },
  "size 0 with a proof": { firstSize: 0, firstRoot: emptyRoot(sha256) },
  "two roots for one size": { firstSize: 11, proof: [] },
})) {
  test(`verifyConsistency() refuses ${name}`, () => {
    throwsMalformed(
      () => verifyConsistency(sha256, { ...consistencyOf(5, 11), ...change }),
      "MALFORMED_PROOF",
    );
  });
}

/** `SHA-256(0x01 || left || right)`, for roots that an attacker makes to fit a bad proof. */
function above(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(Uint8Array.of(1, ...left, ...right));
}

const [A, B, C, D] = LEAF_HASHES as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];

for (const [name, treeSize, path, root] of [
  ["longer than its tree is high", 1, [B], above(B, A)],
  ["longer than its tree is high, beside a right leaf", 2, [B, C], above(C, above(A, B))],
  ["shorter than its tree is high", 4, [B], above(A, B)],
  ["empty in a tree of two", 2, [], A],
] as const) {
  test(`verifyInclusion() refuses a path ${name}, though it leads to the root`, () => {
    const claim = { leafIndex: 0, treeSize, leafHash: A, path };
    throwsMalformed(() => verifyInclusion(sha256, claim, root), "MALFORMED_PROOF");
  });
}

test("verifyConsistency() refuses proofs of the wrong length, though they lead to both roots", () => {
  const short = { firstSize: 1, firstRoot: A, secondSize: 4, secondRoot: above(A, B), proof: [B] };
  throwsMalformed(() => verifyConsistency(sha256, short), "MALFORMED_PROOF");
  const long = {
    firstSize: 3,
    firstRoot: above(D, above(C, A)),
    secondSize: 4,
    secondRoot: above(D, above(C, above(A, B))),
    proof: [A, B, C, D],
  };
  throwsMalformed(() => verifyConsistency(sha256, long), "MALFORMED_PROOF");
  const right = { ...long, firstRoot: above(C, A), secondRoot: above(C, above(A, B)) };
  verifyConsistency(sha256, { ...right, proof: [A, B, C] });
});

test("verifyConsistency() of equal sizes wants equal roots and no proof", () => {
  verifyConsistency(sha256, consistencyOf(7, 7));
  const proof = [new Uint8Array(32)];
  throwsMalformed(
    () => verifyConsistency(sha256, { ...consistencyOf(7, 7), proof }),
    "MALFORMED_PROOF",
  );
  assert.deepEqual(consistencyOf(7, 7).proof, []);
});
