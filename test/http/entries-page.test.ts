import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { entryLength } from "../../src/http/entries.ts";
import {
  EntriesPage,
  PAGE_ALIGNED_BYTES_MAX,
  PAGE_BYTES_MAX,
  PAGE_HELD_BYTES_MAX,
} from "../../src/http/entries-page.ts";
import { formatEntriesJson } from "../../src/rfc6962/json.ts";
import { record } from "../support/arbitrary.ts";
import { FakeLog } from "../support/fake-log.ts";
import { largeEntry, showLargeEntries } from "../support/large-entries.ts";

/** The whole page in parts of `bytes`, and how many entries it has. */
async function readPage(
  bytesOf: (index: number) => number,
  [start, end]: readonly [number, number],
  bytes: number = PAGE_HELD_BYTES_MAX,
) {
  const log = new FakeLog("nimbus2026");
  const reads = showLargeEntries(log, 5_000, bytesOf);
  const page = new EntriesPage(log, start, end);
  const pieces: Uint8Array[] = [];
  while (!page.isDone) pieces.push(...(await page.read(bytes)));
  const text = Buffer.concat(pieces).toString("latin1");
  return { text, count: text.split("leaf_input").length - 1, reads };
}

/** Bytes of each entry, the range asked for, and where the page ends. */
const PAGES: readonly (readonly [
  bytes: number,
  range: readonly [number, number],
  end: number,
  why: string,
])[] = [
  [100, [0, 1_024], 1_024, "small entries are not cut"],
  [20_000, [0, 1_024], 768, "at the multiple of 256 after 16 MB"],
  [20_000, [3, 1_024], 768, "off the grid, at the same one"],
  [46_000, [0, 1_024], 512, "16 MB are passed within the second tile"],
  [46_000, [256, 1_024], 768, "and so from the next"],
  [62_000, [200, 1_024], 512, "a start off the grid ends on it"],
  [94_000, [0, 1_024], 255, "where a tile has more than 32 MB, at 32 MB"],
  [400_000, [0, 1_024], 59, "the largest ones"],
  [30_000_000, [7, 9], 8, "one that takes more than a page is given alone"],
];

for (const [bytes, [start, end], cut, why] of PAGES) {
  test(`EntriesPage of ${bytes} bytes an entry, [${start}, ${end}), ends at ${cut}: ${why}`, async () => {
    const { text, count } = await readPage(() => bytes, [start, end]);
    assert.equal(start + count, cut);
    if (count > 1) assert(text.length <= PAGE_BYTES_MAX);
    const length = entryLength(largeEntry(0, bytes));
    const isFull = text.length + length > PAGE_BYTES_MAX || text.length >= PAGE_ALIGNED_BYTES_MAX;
    assert(cut === end || isFull, "a page is not cut without need");
  });
}

test("property: EntriesPage is the same page in parts of any size, and never empty", async () => {
  await fc.assert(
    fc.asyncProperty(
      record({
        start: fc.integer({ min: 0, max: 600 }),
        count: fc.integer({ min: 1, max: 300 }),
        seed: fc.integer({ min: 8, max: 6_000 }),
        part: fc.integer({ min: 1, max: 1_000_000 }),
      }),
      async ({ start, count, seed, part }) => {
        const bytesOf = (index: number) => 8 + ((index * 7_919) % seed);
        const { text, count: shown } = await readPage(bytesOf, [start, start + count], part);
        assert(shown >= 1 && shown <= count);
        const entries = Array.from({ length: shown }, (_, at) =>
          largeEntry(start + at, bytesOf(start + at)),
        );
        assert.equal(text, formatEntriesJson(entries));
      },
    ),
    { numRuns: 20 },
  );
});

test("EntriesPage reads no further than it was asked to, but for a step", async () => {
  const log = new FakeLog("nimbus2026");
  const reads = showLargeEntries(log, 1_024, () => 4_000);
  const page = new EntriesPage(log, 0, 1_024);
  await page.read(PAGE_HELD_BYTES_MAX);
  const held = Math.ceil(PAGE_HELD_BYTES_MAX / entryLength(largeEntry(0, 4_000)));
  assert(reads.entryCount < held + 128, `${reads.entryCount} entries were read`);
});

test("EntriesPage pauses between its steps, and lends what it reads for one step", async () => {
  const log = new FakeLog("nimbus2026");
  const reads = showLargeEntries(log, 600, () => 100);
  const events: string[] = [];
  const page = new EntriesPage(log, 0, 512, {
    take: (length) => new Uint8Array(Math.max(length, 4_096)),
    borrow: async (act) => {
      events.push(`reads from ${reads.entryCount}`);
      const result = await act((length) => new Uint8Array(length));
      events.push("done");
      return result;
    },
    pause: async () => {
      events.push("pauses");
    },
  });
  await page.read(PAGE_HELD_BYTES_MAX);
  assert.ok(page.isDone);
  const steps = [0, 128, 256, 384].map((from) => [`reads from ${from}`, "done"]);
  assert.deepEqual(
    events,
    steps.flatMap((step, at) => (at === 0 ? step : ["pauses", ...step])),
  );
});
