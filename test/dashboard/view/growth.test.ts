import assert from "node:assert/strict";
import { test } from "node:test";
import { growthOf } from "../../../src/dashboard/view/growth.ts";
import type { Log } from "../../../src/log/log.ts";
import { encodeMerkleTreeLeaf } from "../../../src/rfc6962/entry.ts";

const NOW_MS = Date.UTC(2026, 10, 28);

/** A log whose entry `index` was logged at `times[index]`, and how many were read. */
function logOf(times: readonly number[]): { readonly log: Log; readonly reads: () => number } {
  let reads = 0;
  const log = {
    publishedSize: () => times.length,
    readEntries: async (start: number) => {
      reads += 1;
      const certificate = Uint8Array.of(1);
      const entry = { type: "x509" as const, certificate };
      const timestampMs = times[start] ?? 0;
      return [{ leafInput: encodeMerkleTreeLeaf({ timestampMs, entry, extensions: certificate }) }];
    },
  };
  return { log: log as unknown as Log, reads: () => reads };
}

test("growthOf() counts the entries of the last hour and day, for every place of the border", async () => {
  for (let old = 0; old <= 12; old += 1) {
    for (let day = 0; day + old <= 12; day += 1) {
      const times = Array.from({ length: 12 }, (_, index) => {
        if (index < old) return NOW_MS - 90_000_000 + index;
        return index < old + day ? NOW_MS - 7_200_000 + index : NOW_MS - 1_000 + index;
      });
      assert.deepEqual(await growthOf(logOf(times).log, NOW_MS), {
        lastHour: 12 - old - day,
        lastDay: 12 - old,
      });
    }
  }
});

test("growthOf() reads some 30 entries of any tree, and none again within a minute", async () => {
  const { log, reads } = logOf(
    Array.from({ length: 20_000 }, (_, index) => NOW_MS - 90_000_000 + index * 4_500),
  );
  const growth = await growthOf(log, NOW_MS);
  assert.equal(growth?.lastHour, 800);
  assert.ok(reads() <= 32, String(reads()));
  const before = reads();
  assert.equal(await growthOf(log, NOW_MS + 59_000), growth);
  assert.equal(reads(), before);
  await growthOf(log, NOW_MS + 61_000);
  assert.ok(reads() > before);
});
