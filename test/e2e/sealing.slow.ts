/**
 * A served shard whose entries are sealed while it runs: every public read of them is what it
 * was, the data tiles are the stored bytes, and fsck finds it whole, with and without frontend
 * threads.
 * @module
 */
import assert from "node:assert/strict";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { fsck } from "../../src/cli/fsck.ts";
import { makeCa } from "../support/certificates.ts";
import { type Filled, fillShard } from "../support/fill-shard.ts";
import { type RunningLog, startRunningLog } from "../support/running-log.ts";
import { sha256 } from "../support/sha256.ts";

/** Two segments of 16 tiles, and some entries more. */
const SIZE = 8_300;
const SEALED = 8_192;
const GZIP = { headers: { "accept-encoding": "gzip" } };

for (const frontends of [0, 2]) {
  test(`reads of sealed entries are what they were, with ${frontends} frontends`, async () => {
    let filled: Filled | undefined;
    await using log = await startRunningLog(
      [{ name: "a", roots: [makeCa()] }],
      {},
      async (config) => {
        filled = await fillShard(config, [4_096, 4_096, SIZE - SEALED]);
      },
      frontends,
    );
    assert.ok(filled !== undefined);
    await untilSealed(log);
    const folder = log.config.shards[0]?.folder ?? assert.fail();
    // What the sealer does after its grace, at once: open files of threads stay open.
    await requireReads(log, filled);
    for (const name of ["00000000", "00000001"]) await rm(join(folder, "entries", name));
    await requireReads(log, filled);
    await requireStoredTiles(log, folder);
    await log.stop();
    const lines: string[] = [];
    const io = { out: (line: string) => lines.push(line), err: (line: string) => lines.push(line) };
    const progress = { isTerminal: false, write: () => {}, nowMs: () => performance.now() };
    // The entries of fillShard are no certificates: nothing but that may be found.
    await fsck({ folder, guard: log.config.guard }, io, progress);
    const wrong = lines.filter((line) => /sealed|entries \[|checksum|missing/.test(line));
    assert.deepEqual(wrong, []);
  });
}

async function untilSealed(log: RunningLog): Promise<void> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const text = await (await fetch(`${log.operationsUrl}/metrics`)).text();
    if (/^stratus_unsealed_entries\{shard="a"\} 0$/m.test(text)) {
      assert.doesNotMatch(text, /^stratus_sealing_errors_total\{/m);
      return;
    }
    assert.ok(performance.now() < deadline, "it is sealed in time");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function requireReads(log: RunningLog, { leafHashes }: Filled): Promise<void> {
  const hashOf = (leafInput: unknown) =>
    Buffer.from(sha256(Buffer.concat([Buffer.of(0), Buffer.from(String(leafInput), "base64")])));
  for (const [start, end] of [
    [0, 255],
    [17, 40],
    [4_000, 4_200],
    [8_100, 8_299],
  ] as const) {
    const page = await log.json(`/a/ct/v1/get-entries?start=${start}&end=${end}`, { fresh: true });
    const entries = page["entries"] as readonly { readonly leaf_input: string }[];
    assert.ok(entries.length > 0);
    for (const [position, entry] of entries.entries()) {
      assert.deepEqual(hashOf(entry.leaf_input), leafHashes[start + position]);
    }
  }
  for (const index of [0, 300, 4_095, 4_096, 8_191, 8_299]) {
    const target = `/a/ct/v1/get-entry-and-proof?leaf_index=${index}&tree_size=${SIZE}`;
    const { leaf_input } = await log.json(target, { fresh: true });
    assert.deepEqual(hashOf(leaf_input), leafHashes[index]);
  }
}

/** Each full tile is the stored gzip; without gzip, and in part, it is what that holds. */
async function requireStoredTiles(log: RunningLog, folder: string): Promise<void> {
  const files = await Promise.all(
    ["00000000", "00000001"].map((name) => readFile(join(folder, "sealed", name))),
  );
  for (let tile = 0; tile < SEALED / 256; tile += 1) {
    const path = `/a/tile/data/${tile.toString().padStart(3, "0")}`;
    const zipped = await log.call(path, { ...GZIP, fresh: tile % 4 === 0 });
    assert.equal(zipped.status, 200);
    assert.equal(zipped.headers["content-encoding"], "gzip");
    assert.ok(files[Math.floor(tile / 16)]?.includes(zipped.body), `${path} is as stored`);
    const plain = await log.call(path, { headers: { "accept-encoding": "identity" }, fresh: true });
    assert.equal(plain.headers["content-encoding"], undefined);
    assert.deepEqual(plain.body, gunzipSync(zipped.body));
    const part = await log.call(`${path}.p/100`, GZIP);
    const held = gunzipSync(part.body);
    assert.deepEqual(held, plain.body.subarray(0, held.length), `${path}.p/100`);
    assert.ok(held.length > 0 && held.length < plain.body.length);
  }
}
