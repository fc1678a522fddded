/**
 * What every LogSource must do, whichever API it reads: each adapter's test runs this over a
 * truthful log of 600 entries.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { LogSource } from "../../src/client/source.ts";
import { verifyConsistency, verifyInclusion } from "../../src/merkle/verify.ts";
import { referenceLeafHash } from "../reference/merkle.ts";
import { NaiveLog } from "../support/naive-log.ts";
import { sha256 } from "../support/sha256.ts";

const SIZE = 600;

/** Sizes at the edges of tiles, and random ones. */
const sizes = fc.oneof(
  fc.constantFrom(1, 2, 255, 256, 257, 511, 512, 513, SIZE),
  fc.integer({ min: 1, max: SIZE }),
);

/** Runs the contract. @param open Reads this log. */
export function logSourceContract(name: string, open: (log: NaiveLog) => LogSource): void {
  test(`${name}.head() is the newest head, signature included`, async () => {
    await using log = await NaiveLog.start(3);
    const source = open(log);
    const first = await source.head();
    assert.deepEqual(first, log.head());
    log.add({ type: "x509", certificate: Uint8Array.of(0x30, 0) }, undefined, []);
    const second = await source.head();
    assert.equal(second.treeSize, 4);
    assert.deepEqual(second.rootHash, log.rootOf(4));
  });

  test(`${name}.entries() covers [start, end) page by page, never more`, async () => {
    await using log = await NaiveLog.start(SIZE);
    const source = open(log);
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), async (end, any) => {
        const start = any % end;
        const read = [];
        while (start + read.length < end) {
          const page = await source.entries(start + read.length, end);
          assert.ok(page.length > 0, "a page is not empty");
          read.push(...page);
        }
        assert.equal(read.length, end - start);
        read.forEach((entry, index) => {
          assert.deepEqual(entry, log.entryAt(start + index));
        });
      }),
      { numRuns: 20, examples: [[SIZE, 0]] },
    );
  });

  test(`${name}.entryAndProof() proves each entry in each size`, async () => {
    await using log = await NaiveLog.start(SIZE);
    const source = open(log);
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), async (treeSize, any) => {
        const leafIndex = any % treeSize;
        const { leafInput, extraData, path } = await source.entryAndProof(leafIndex, treeSize);
        assert.deepEqual({ leafInput, extraData }, log.entryAt(leafIndex));
        const leafHash = referenceLeafHash(leafInput);
        verifyInclusion(sha256, { leafIndex, treeSize, leafHash, path }, log.rootOf(treeSize));
      }),
      { numRuns: 20, examples: [[SIZE, SIZE - 1]] },
    );
  });

  test(`${name}.consistency() proves each pair of sizes, from 0 and to itself by nothing`, async () => {
    await using log = await NaiveLog.start(SIZE);
    const source = open(log);
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), async (secondSize, any) => {
        const firstSize = any % (secondSize + 1);
        const [firstRoot, secondRoot] = [log.rootOf(firstSize), log.rootOf(secondSize)];
        const proof = await source.consistency(firstSize, secondSize);
        verifyConsistency(sha256, { firstSize, firstRoot, secondSize, secondRoot, proof });
      }),
      {
        numRuns: 20,
        examples: [
          [SIZE, 0],
          [SIZE, SIZE],
          [SIZE, 512],
        ],
      },
    );
  });

  test(`${name} throws SourceError for answers that do not parse, and for refusals`, async () => {
    await using log = await NaiveLog.start(3);
    const source = open(log);
    const calls: readonly (() => Promise<unknown>)[] = [
      () => source.head(),
      () => source.entries(0, 3),
      () => source.entryAndProof(1, 3),
      () => source.consistency(2, 3),
    ];
    for (const call of calls) {
      log.lies.answer = () => ({ status: 200, headers: {}, body: "\u00ff{}" });
      await assert.rejects(call, { name: "SourceError", status: undefined });
      log.lies.answer = () => ({ status: 503, headers: { "retry-after": "3" }, body: "no" });
      await assert.rejects(call, { name: "SourceError", status: 503, retryAfter: "3" });
    }
  });
}
