/**
 * An idle log of a real process renews its head on both APIs, from one signature.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { parseCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { verifyHead } from "../../src/client/check.ts";
import { parseTreeHeadJson } from "../../src/rfc6962/json.ts";
import type { SignedTreeHead } from "../../src/rfc6962/tree-head.ts";
import { makeCa } from "../support/certificates.ts";
import { LogFolder, shardReady } from "../support/process.ts";
import { sha256 } from "../support/sha256.ts";

const SHARD = "idle2027";
const REFRESH_MS = 300;
const WATCH_MS = 4_000;

test(`an idle static-ct-api shard renews its head every ${REFRESH_MS} ms on both APIs`, async (context) => {
  const more = `batch: { idleRefreshMs: ${REFRESH_MS} }`;
  const shards = [{ name: SHARD, type: "static-ct-api" as const, more }];
  await using folder = await LogFolder.make(makeCa(), shards);
  await folder.init();
  const key = await folder.key(SHARD);
  await using log = folder.serve();
  const { url, operationsUrl } = await log.listening();
  await shardReady(operationsUrl, SHARD);
  const origin = { origin: `127.0.0.1:1/${SHARD}`, logId: key.logId };
  const seen = new Map<string, SignedTreeHead>();
  const kinds = { sth: new Set<number>(), checkpoint: new Set<number>() };
  let last = 0;
  const look = (kind: keyof typeof kinds, head: SignedTreeHead): void => {
    verifyHead(key, head, Date.now(), kind);
    assert(head.timestampMs >= last, `${kind}: from ${last} back to ${head.timestampMs}`);
    last = head.timestampMs;
    assert.equal(head.treeSize, 0);
    assert.deepEqual(head.rootHash, sha256(new Uint8Array(0)));
    const id = `${head.treeSize}/${head.timestampMs}`;
    const known = seen.get(id);
    if (known !== undefined) {
      assert.deepEqual(head.signature, known.signature, `one signature for ${id}`);
    }
    seen.set(id, head);
    kinds[kind].add(head.timestampMs);
  };
  const endMs = performance.now() + WATCH_MS;
  while (performance.now() < endMs) {
    const sth = await (await fetch(`${url}/${SHARD}/ct/v1/get-sth`)).text();
    look("sth", parseTreeHeadJson(sth));
    const text = await (await fetch(`${url}/${SHARD}/checkpoint`)).text();
    const { treeSize, timestampMs, rootHash, signature } = parseCheckpoint(sha256, text, origin);
    look("checkpoint", { treeSize, timestampMs, rootHash, signature });
    await delay(20);
  }
  const both = [...kinds.sth].filter((timestampMs) => kinds.checkpoint.has(timestampMs));
  context.diagnostic(`${seen.size} heads in ${WATCH_MS} ms, ${both.length} of them on both APIs`);
  // At most one each refresh; at least a third of them, however busy the machine is.
  assert(seen.size <= WATCH_MS / REFRESH_MS + 2, `${seen.size} heads`);
  assert(both.length >= WATCH_MS / REFRESH_MS / 3, `${both.length} heads on both`);
  assert.equal((await log.stop()).code, 0);
});
