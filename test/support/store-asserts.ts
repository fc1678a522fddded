/**
 * What a store must hold, compared with the synthetic log that was committed to it.
 * @module
 */
import assert from "node:assert/strict";
import { type CtError, FatalError } from "../../src/base/errors.ts";
import { concatBytes } from "../../src/encoding/bytes.ts";
import { hashChildren } from "../../src/merkle/hash.ts";
import type { Store } from "../../src/storage/store.ts";
import { type SyntheticLog, sha256 } from "./commits.ts";

/** Entries, indexes and issuers of `store` are those of `log`. */
export async function assertHolds(store: Store, log: SyntheticLog): Promise<void> {
  for (let start = 0; start < log.entries.length; start += 4_096) {
    await assertEntries(store, log, start, Math.min(log.entries.length, start + 4_096));
  }
  const hits = await store.findDuplicates(log.entries.map((entry) => entry.dedupKey));
  for (const [leafIndex, entry] of log.entries.entries()) {
    assert.deepEqual(hits[leafIndex], { leafIndex, timestampMs: entry.timestampMs });
    assert.equal(await store.findLeaf(entry.leafHash), leafIndex);
    const der = await store.readIssuer(entry.issuer.fingerprint);
    assert.deepEqual(bytes(der), bytes(entry.issuer.der));
  }
}

/** Every tile and every node of `store` is that of the naive tree over the entries of `log`. */
export async function assertTree(store: Store, log: SyntheticLog): Promise<void> {
  let row = log.entries.map((entry) => entry.leafHash);
  for (let level = 0; row.length > 0; level += 1) {
    const nodes = await store.readNodes(row.map((_, index) => ({ level, index })));
    assert.equal(nodes.length, row.length);
    const wrong = nodes.findIndex((hash, index) => !equal(hash, row[index]!));
    assert.equal(wrong, -1, `node ${level}, ${wrong} of ${log.entries.length}`);
    for (let index = 0; level % 8 === 0 && 256 * index < row.length; index += 1) {
      const hashes = row.slice(256 * index, 256 * index + 256);
      const tile = await store.readTile(level / 8, index, hashes.length);
      assert.deepEqual(bytes(tile), bytes(concatBytes(...hashes)), `tile ${level / 8}, ${index}`);
    }
    const above: Uint8Array[] = [];
    for (let index = 0; index + 1 < row.length; index += 2) {
      above.push(hashChildren(sha256, row[index]!, row[index + 1]!));
    }
    row = above;
  }
}

/** Matches a FatalError of `code`. */
export function fatal(code: CtError["code"]): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof FatalError, `expected a FatalError, got ${error}`);
    assert.equal(error.code, code, error.message);
    return true;
  };
}

/** Entries [start, end) of `store` are those of `log`. */
export async function assertEntries(
  store: Store,
  log: SyntheticLog,
  start: number,
  end: number,
): Promise<void> {
  const run = await store.readEntries(start, end);
  assert.equal(run.start, start);
  assert.equal(run.ends.length, end - start);
  const expected = log.entries.slice(start, end).map((entry) => entry.tileLeaf);
  assert.ok(equal(run.bytes, concatBytes(...expected)), `entries [${start}, ${end})`);
  let length = 0;
  const ends = expected.map((entry) => {
    length += entry.length;
    return length;
  });
  assert.deepEqual(run.ends, ends);
}

/** For comparing: `Buffer` and `Uint8Array` of the same bytes are not deeply equal. */
export function bytes(value: Uint8Array | undefined): Buffer | undefined {
  return value === undefined ? undefined : Buffer.from(value);
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
