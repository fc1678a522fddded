import assert from "node:assert/strict";
import { test } from "node:test";
import { listen } from "../../src/http/listen.ts";
import { buildTestServer, startTestServer } from "../support/http-server.ts";

test("listen() gives the address bound, and throws where the port is taken", async () => {
  await using server = await startTestServer();
  assert.ok(server.port > 0);
  await using second = buildTestServer();
  await assert.rejects(listen(second.app, { host: "127.0.0.1", port: server.port }), {
    code: "EADDRINUSE",
  });
});

test("listen() with reusePort shares a port between servers", async () => {
  await using first = buildTestServer();
  await using second = buildTestServer();
  const bound = await listen(first.app, { host: "127.0.0.1", port: 0, reusePort: true });
  assert.equal(bound.host, "127.0.0.1");
  const address = { host: "127.0.0.1", port: bound.port, reusePort: true };
  assert.deepEqual(await listen(second.app, address), bound);
});
