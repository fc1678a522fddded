import assert from "node:assert/strict";
import { test } from "node:test";
import { FrontendThread, mainThread } from "../../src/channel/thread.ts";

const SCRIPT = new URL("../support/echo-thread.ts", import.meta.url);
const TIMEOUT_MS = 20_000;

test("FrontendThread carries messages both ways, whole; their buffers change hands", async () => {
  const thread = new FrontendThread(SCRIPT, { answer: 42 });
  const came = new Promise<Uint8Array>((resolve) => {
    thread.onBytes = resolve;
  });
  const bytes = Uint8Array.of(1, 2, 250);
  thread.wire.post(bytes);
  assert.equal(bytes.length, 0);
  assert.deepEqual(await came, Uint8Array.of(254, 253, 5));
  assert.deepEqual(await thread.ask({ type: "metrics" }, TIMEOUT_MS), { answer: 42 });
  await assert.rejects(thread.ask({ type: "drain" }, TIMEOUT_MS), /^Error: no$/);
  await assert.rejects(thread.ask({ type: "release", shard: 0 }, 20), /within 20 ms/);
  await thread.terminate();
  assert.equal(await thread.ended, "exit code 1");
});

test("FrontendThread that dies says why, and leaves no question open", async () => {
  const thread = new FrontendThread(SCRIPT, undefined);
  const asked = thread.ask({ type: "resume", shard: 0 }, TIMEOUT_MS);
  await assert.rejects(asked, /a bug/);
  assert.match(await thread.ended, /a bug/);
  await assert.rejects(thread.ask({ type: "metrics" }, TIMEOUT_MS), /a bug/);
});

test("mainThread() is for frontend threads", () => {
  assert.throws(() => mainThread(), TypeError);
});
