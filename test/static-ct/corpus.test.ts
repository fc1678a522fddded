/** A full tile of a real static log: our decoder, encoder and hashes against its own. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { concatBytes } from "../../src/encoding/bytes.ts";
import { hashLeaf } from "../../src/merkle/hash.ts";
import { decodeMerkleTreeLeaf, encodeMerkleTreeLeaf } from "../../src/rfc6962/entry.ts";
import { decodeLeafIndexExtension } from "../../src/static-ct/extensions.ts";
import { decodeDataTile, encodeTileLeaf } from "../../src/static-ct/tile-leaf.ts";
import { sha256 } from "../support/sha256.ts";
import { ROOT } from "../support/source.ts";

const CORPUS = `${ROOT}../shared/corpus`;
const DATA_TILE = `${CORPUS}/navigli2025h2-data-tile-000`;
const HASH_TILE = `${CORPUS}/navigli2025h2-hash-tile-0-000`;

const skip =
  existsSync(DATA_TILE) && existsSync(HASH_TILE)
    ? false
    : "no real tile in ../shared/corpus: see the README of the corpus";

test("corpus: a real data tile decodes, encodes to itself, and hashes to its hash tile", {
  skip,
}, () => {
  const bytes = new Uint8Array(readFileSync(DATA_TILE));
  const hashes = new Uint8Array(readFileSync(HASH_TILE));
  const leaves = decodeDataTile(bytes);
  assert.equal(leaves.length, 256);
  assert.deepEqual(concatBytes(...leaves.map((leaf) => encodeTileLeaf(leaf))), bytes);
  for (const [index, leaf] of leaves.entries()) {
    const encoded = encodeMerkleTreeLeaf(leaf);
    assert.deepEqual(hashLeaf(sha256, encoded), hashes.slice(32 * index, 32 * index + 32));
    assert.equal(decodeLeafIndexExtension(leaf.extensions), index);
    const { timestampMs, entry, extensions } = leaf;
    assert.deepEqual(decodeMerkleTreeLeaf(encoded), { timestampMs, entry, extensions });
  }
});
