import assert from "node:assert/strict";
import { test } from "node:test";
import { LARGE_BODIES_AT_ONCE_MAX, LargeBodies, TURN_MS_MAX } from "../../src/http/large-bodies.ts";
import { RawClient, startTestServer } from "../support/http-server.ts";

/** Timers that a test fires. */
class Timers {
  readonly runs = new Set<() => void>();
  readonly clock = {
    nowMs: () => 0,
    monotonicMs: () => 0,
    after: (delayMs: number, run: () => void) => {
      assert.equal(delayMs, TURN_MS_MAX);
      this.runs.add(run);
      return () => this.runs.delete(run);
    },
  };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test("LargeBodies gives a few turns at once, then one for each that ends", async () => {
  const timers = new Timers();
  const bodies = new LargeBodies(timers.clock);
  const turns: (() => void)[] = [];
  for (let count = 0; count < LARGE_BODIES_AT_ONCE_MAX + 2; count += 1) {
    void bodies.turn().then((end) => turns.push(end));
  }
  await settle();
  assert.equal(turns.length, LARGE_BODIES_AT_ONCE_MAX);
  turns[0]?.();
  turns[0]?.();
  await settle();
  assert.equal(turns.length, LARGE_BODIES_AT_ONCE_MAX + 1, "ending twice frees one turn");
  assert.equal(timers.runs.size, LARGE_BODIES_AT_ONCE_MAX);
  for (const run of [...timers.runs]) run();
  await settle();
  assert.equal(turns.length, LARGE_BODIES_AT_ONCE_MAX + 2, "a turn ends with time");
});

test("large bodies that never end keep neither large nor usual ones from their answer", async () => {
  await using server = await startTestServer();
  const request = (length: number) =>
    `POST /nimbus2026/ct/v1/add-chain HTTP/1.1\r\nHost: h\r\nContent-Length: ${length}\r\n\r\n`;
  const slow = [1, 2, 3, 4].map(() => new RawClient(server.port));
  for (const client of slow) client.send(`${request(400_000)}{"chain":[`);
  try {
    const usual = JSON.stringify({ chain: ["MAA="] });
    const large = JSON.stringify({ pad: "x".repeat(100_000), chain: ["MAA="] });
    for (const body of [usual, large]) {
      using client = new RawClient(server.port);
      client.send(request(body.length) + body);
      assert.match(await client.until(/\}/), /^HTTP\/1\.1 200 /);
    }
    assert.equal(server.log.entries.length, 2);
  } finally {
    for (const client of slow) client[Symbol.dispose]();
  }
});
