import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { test } from "node:test";
import { UnavailableError } from "../../src/base/errors.ts";
import { isStreamed, ok } from "../../src/http/answer.ts";
import { BodyStream } from "../../src/http/body-stream.ts";
import {
  HeavyReads,
  UNSENT_BYTES_MAX,
  UNSENT_MS_MAX,
  WAITING_READS_MAX,
} from "../../src/http/heavy-reads.ts";

/** Of a response, what `HeavyReads` looks at. */
class FakeResponse extends EventEmitter {
  destroyed = false;
  destroy(): void {
    this.destroyed = true;
    this.emit("close");
  }
}

const REQUEST = {} as IncomingMessage;
const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Reads whose end a test decides, and a clock that it moves. */
class World {
  nowMs = 0;
  readonly timers = new Set<() => void>();
  readonly reads = new HeavyReads({
    nowMs: () => 0,
    monotonicMs: () => this.nowMs,
    after: (_, run) => {
      this.timers.add(run);
      return () => this.timers.delete(run);
    },
  });
  readonly running: (() => void)[] = [];
  readonly answers: unknown[] = [];
  body: Uint8Array = new Uint8Array(0);

  start(): FakeResponse {
    const response = new FakeResponse();
    const handler = this.reads.inTurn(async () => {
      await new Promise<void>((resolve) => this.running.push(resolve));
      return ok([], this.body);
    });
    Promise.resolve(handler(REQUEST, response as unknown as ServerResponse)).then(
      (answer) => this.answers.push(answer),
      (thrown) => this.answers.push(thrown),
    );
    return response;
  }

  /** Ends the read that is running. */
  async finish(): Promise<void> {
    this.running.shift()?.();
    await settle();
  }
}

test("HeavyReads runs one at a time, in order, and skips clients that left", async () => {
  const world = new World();
  const [, second] = [world.start(), world.start(), world.start()];
  await settle();
  assert.equal(world.running.length, 1);
  second?.destroy();
  await world.finish();
  assert.equal(world.running.length, 1, "the third; the second left");
  await world.finish();
  assert.deepEqual(
    world.answers.map((answer) => answer !== undefined),
    [true, false, true],
  );
});

test("HeavyReads refuses what would wait behind WAITING_READS_MAX", async () => {
  const world = new World();
  for (let count = 0; count <= WAITING_READS_MAX; count += 1) world.start();
  await settle();
  assert.equal(world.answers.length, 0);
  world.start();
  await settle();
  const [refusal] = world.answers;
  assert(refusal instanceof UnavailableError);
  assert.equal(refusal.code, "UNAVAILABLE_OVERLOADED");
});

test("HeavyReads makes no more than UNSENT_BYTES_MAX for readers that do not read", async () => {
  const world = new World();
  world.body = new Uint8Array(UNSENT_BYTES_MAX);
  const stalled = world.start();
  await settle();
  await world.finish();
  world.body = new Uint8Array(1);
  const next = world.start();
  await settle();
  assert.equal(world.running.length, 0, "it waits for the first to be taken");
  world.nowMs = UNSENT_MS_MAX;
  for (const run of [...world.timers]) run();
  await settle();
  assert(stalled.destroyed, "who keeps others waiting is cut off");
  assert.equal(world.running.length, 1);
  await world.finish();
  assert.equal(world.reads.unsentBytes, 1);
  next.emit("close");
  assert.equal(world.reads.unsentBytes, 0);
});

test("HeavyReads gives each part of a stream a turn, and counts what is not taken", async () => {
  const world = new World();
  const parts = ["ab", "c"];
  const handler = world.reads.inTurn(() => ({
    status: 200,
    headers: [],
    body: new BodyStream(["abc"], async () => {
      const part = parts.shift();
      return part === undefined ? undefined : [part];
    }),
  }));
  const response = new FakeResponse();
  const answer = await handler(REQUEST, response as unknown as ServerResponse);
  assert(answer !== undefined && isStreamed(answer));
  assert.equal(world.reads.unsentBytes, 3);
  world.start();
  await settle();
  const second = answer.body.rest();
  await settle();
  assert.equal(world.reads.unsentBytes, 0, "the first part was taken");
  assert.equal(parts.length, 2, "and the next waits for its turn");
  await world.finish();
  assert.deepEqual(await second, ["ab"]);
  assert.equal(world.reads.unsentBytes, 2);
  assert.deepEqual(await answer.body.rest(), ["c"]);
  assert.equal(await answer.body.rest(), undefined);
  response.destroy();
  assert.equal(world.reads.unsentBytes, 0);
});

test("HeavyReads reads nothing more for a stream whose reader left", async () => {
  const world = new World();
  let count = 0;
  const handler = world.reads.inTurn(() => ({
    status: 200,
    headers: [],
    body: new BodyStream(["abc"], async () => {
      count += 1;
      return ["d"];
    }),
  }));
  const response = new FakeResponse();
  const answer = await handler(REQUEST, response as unknown as ServerResponse);
  response.destroy();
  assert(answer !== undefined && isStreamed(answer));
  assert.equal(await answer.body.rest(), undefined);
  assert.deepEqual([count, world.reads.unsentBytes], [0, 0]);
});
