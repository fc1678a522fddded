import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { UnavailableError } from "../../src/base/errors.ts";
import { systemClock } from "../../src/clock/system.ts";
import { drain } from "../../src/http/listen.ts";
import {
  buildTestServer,
  RawClient,
  startTestServer,
  type TestServer,
} from "../support/http-server.ts";
import { ManualClock, settle } from "../support/manual-clock.ts";

const PATH = "/nimbus2026/checkpoint";

/** A server whose waits end only by a test's doing. */
function stillServer(): TestServer & { readonly clock: ManualClock } {
  const clock = new ManualClock();
  return { ...buildTestServer(5, {}, clock), clock };
}

/** Asks, and says whether the answer is there yet. */
function ask(server: TestServer, query: string, headers: Record<string, string> = {}) {
  const asked = { isDone: false };
  const answer = server.app.inject({ url: PATH + query, headers }).then((got) => {
    asked.isDone = true;
    return got;
  });
  return Object.assign(asked, { answer });
}

/** Waits, a bounded number of turns, until something holds. */
async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 100_000 && !holds(); turn += 1) await settle();
}

async function quiet(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await settle();
}

describe("/checkpoint?wait=", () => {
  test("is answered with the next head, and not before", async () => {
    await using server = stillServer();
    const waiting = ask(server, "?wait=60");
    await quiet();
    assert.equal(waiting.isDone, false);
    assert.equal(server.log.watchers.size, 1);
    server.log.fill(1);
    const answer = await waiting.answer;
    assert.equal(answer.statusCode, 200);
    assert.equal(answer.body, server.log.checkpoint());
    assert.equal(answer.headers["cache-control"], "no-store");
    assert.equal(server.log.watchers.size, 0, "nobody waits, nothing is watched");
  });

  test("with size waits for a larger tree, not for a renewed head", async () => {
    await using server = stillServer();
    assert.equal((await ask(server, "?wait=60&size=4").answer).statusCode, 200);
    const waiting = ask(server, "?wait=60&size=5");
    server.log.refresh();
    await quiet();
    assert.equal(waiting.isDone, false);
    server.log.fill(2);
    assert.match((await waiting.answer).body, /^[^\n]*\n7\n/);
  });

  test("with If-None-Match waits for another head than that one", async () => {
    await using server = stillServer();
    const etag = String((await ask(server, "").answer).headers.etag);
    const stale = await ask(server, "?wait=60", { "if-none-match": '"older"' }).answer;
    assert.equal(stale.statusCode, 200, "what the client does not have is answered at once");
    const waiting = ask(server, "?wait=60", { "if-none-match": etag });
    await quiet();
    assert.equal(waiting.isDone, false);
    server.log.refresh();
    const answer = await waiting.answer;
    assert.equal(answer.statusCode, 200);
    assert.notEqual(answer.headers.etag, etag);
  });

  test("ends when its time is up: 304 for who has the head, else 200", async () => {
    await using server = stillServer();
    const etag = String((await ask(server, "").answer).headers.etag);
    const [known, plain] = [
      ask(server, "?wait=7", { "if-none-match": etag }),
      ask(server, "?wait=7"),
    ];
    await quiet();
    await server.clock.advance(6_999);
    await quiet();
    assert.deepEqual([known.isDone, plain.isDone], [false, false]);
    await server.clock.advance(1);
    assert.equal((await known.answer).statusCode, 304);
    assert.equal((await plain.answer).body, server.log.checkpoint());
  });

  test("waits for a minute at most", async () => {
    await using server = stillServer();
    const waiting = ask(server, "?wait=99999999999");
    await quiet();
    await server.clock.advance(59_999);
    await quiet();
    assert.equal(waiting.isDone, false);
    await server.clock.advance(1);
    assert.equal((await waiting.answer).statusCode, 200);
  });

  test("says 503 once the shard has no head to show", async () => {
    await using server = stillServer();
    const waiting = ask(server, "?wait=60");
    await quiet();
    server.log.headlessWith = new UnavailableError("UNAVAILABLE_SHARD_NOT_READY", "read-only");
    server.log.changed();
    const answer = await waiting.answer;
    assert.equal(answer.statusCode, 503);
    assert.equal(answer.headers["cache-control"], "no-store");
  });

  test("is counted apart from the checkpoint", async () => {
    await using server = stillServer();
    await ask(server, "?wait=0").answer;
    await ask(server, "?other").answer;
    const endpoints = server.events.flatMap((event) =>
      event.type === "request" ? [event.endpoint] : [],
    );
    assert.deepEqual(endpoints, ["checkpoint-wait", "checkpoint"]);
  });

  for (const query of [
    "?wait=",
    "?wait=1.5",
    "?wait=-1",
    "?wait=x",
    "?wait=1&size=x",
    "?wait=1;",
  ]) {
    test(`${query} is 400`, async () => {
      await using server = stillServer();
      const answer = await ask(server, query).answer;
      assert.equal(answer.statusCode, 400, answer.body);
      assert.equal(server.log.watchers.size, 0);
    });
  }

  test("ends at once when the server begins to close", async () => {
    const server = await startTestServer(5);
    using client = new RawClient(server.port);
    client.send(`GET ${PATH}?wait=60 HTTP/1.1\r\nHost: a\r\n\r\n`);
    await until(() => server.log.watchers.size > 0);
    const closed = drain(server.app, systemClock, 60_000);
    const text = await client.closed();
    await closed;
    assert.match(text, /^HTTP\/1.1 200 OK\r\n/);
    assert.match(text, /\r\nConnection: close\r\n/i);
    assert.equal(server.log.watchers.size, 0);
  });

  test("a client that leaves is forgotten", async () => {
    await using server = await startTestServer(5);
    const client = new RawClient(server.port);
    client.send(`GET ${PATH}?wait=60 HTTP/1.1\r\nHost: a\r\n\r\n`);
    await until(() => server.log.watchers.size > 0);
    client[Symbol.dispose]();
    await until(() => server.log.watchers.size === 0);
    assert.equal(server.log.watchers.size, 0);
  });
});
