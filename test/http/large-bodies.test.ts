import assert from "node:assert/strict";
import { test } from "node:test";
import {
  LARGE_BODIES_AT_ONCE_MAX,
  LargeBodies,
  TURN_MS_MAX,
  TURN_REST_MS,
} from "../../src/http/large-bodies.ts";
import { RawClient, startTestServer } from "../support/http-server.ts";

/** Timers that a test fires. */
class Timers {
  readonly #waiting = new Map<() => void, number>();
  readonly clock = {
    nowMs: () => 0,
    monotonicMs: () => 0,
    after: (delayMs: number, run: () => void) => {
      this.#waiting.set(run, delayMs);
      return () => this.#waiting.delete(run);
    },
  };

  /** Fires those of this delay that are set now. @returns How many. */
  fire(delayMs: number): number {
    const due = [...this.#waiting].filter(([, delay]) => delay === delayMs);
    for (const [run] of due) {
      this.#waiting.delete(run);
      run();
    }
    return due.length;
  }
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
  assert.equal(turns.length, LARGE_BODIES_AT_ONCE_MAX, "its place rests");
  assert.equal(timers.fire(TURN_REST_MS), 1, "ending twice frees one turn");
  await settle();
  assert.equal(turns.length, LARGE_BODIES_AT_ONCE_MAX + 1);
  assert.equal(timers.fire(TURN_MS_MAX), LARGE_BODIES_AT_ONCE_MAX, "a turn ends with time");
  assert.equal(timers.fire(TURN_REST_MS), LARGE_BODIES_AT_ONCE_MAX);
  await settle();
  assert.equal(turns.length, LARGE_BODIES_AT_ONCE_MAX + 2);
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
