import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { UnavailableError } from "../../src/base/errors.ts";
import { ok } from "../../src/http/answer.ts";
import {
  CLIENT_WAITERS_MAX,
  HeadFeed,
  WAITERS_CONNECTIONS_SHARE,
  WAITERS_MAX,
} from "../../src/http/head-feed.ts";
import { FakeLog } from "../support/fake-log.ts";
import { ManualClock, settle } from "../support/manual-clock.ts";

/** A feed, a log, and requests that wait for it to grow. */
class World {
  readonly clock = new ManualClock();
  readonly log = new FakeLog("nimbus2026");
  readonly feed: HeadFeed;
  readonly answers: unknown[] = [];

  constructor(connectionsMax = 100_000) {
    this.feed = new HeadFeed(this.clock, connectionsMax);
  }

  wait(client?: string, log: FakeLog = this.log): EventEmitter {
    const response = Object.assign(new EventEmitter(), { destroyed: false });
    const size = log.publishedSize();
    const waiting = this.feed.wait(log, response as unknown as ServerResponse, {
      isNews: () => log.publishedSize() > size,
      answer: () => ok([], String(log.publishedSize())),
      waitMs: 60_000,
      client,
    });
    waiting.then(
      (answer) => this.answers.push(answer?.body),
      (thrown) => this.answers.push(thrown),
    );
    return response;
  }
}

test("HeadFeed watches a log once, however many wait for it, and only while they do", async () => {
  const world = new World();
  const other = new FakeLog("nimbus2027");
  for (let count = 0; count < 10; count += 1) world.wait();
  world.wait(undefined, other);
  assert.deepEqual([world.log.watchers.size, other.watchers.size, world.feed.count], [1, 1, 11]);
  world.log.fill(1);
  await settle();
  assert.deepEqual(world.answers, Array(10).fill("1"));
  assert.deepEqual([world.log.watchers.size, other.watchers.size, world.feed.count], [0, 1, 1]);
});

test("HeadFeed answers many in steps, each with the head of its own instant", async () => {
  const world = new World();
  for (let count = 0; count < 150; count += 1) world.wait();
  world.log.fill(1);
  await settle();
  assert.equal(world.answers.length, 64, "the others wait for another turn");
  world.log.fill(1);
  await world.clock.advance(0);
  assert.equal(world.answers.length, 150);
  assert.deepEqual(new Set(world.answers.slice(64)), new Set(["2"]));
  assert.equal(world.feed.count, 0);
});

test("HeadFeed refuses what would wait beside WAITERS_MAX others", async () => {
  const world = new World();
  for (let count = 0; count < WAITERS_MAX; count += 1) world.wait(`client ${count % 64}`);
  const refused = world.wait();
  await settle();
  const [error] = world.answers;
  assert(error instanceof UnavailableError);
  assert.equal(error.code, "UNAVAILABLE_OVERLOADED");
  assert.equal(refused.listenerCount("close"), 0);
  world.feed.close();
  await settle();
  assert.equal(world.answers.length, 1 + WAITERS_MAX);
});

test("HeadFeed leaves most connections to others", async () => {
  const world = new World(8 * WAITERS_CONNECTIONS_SHARE);
  for (let count = 0; count < 9; count += 1) world.wait();
  await settle();
  assert.equal(world.feed.count, 8);
  assert(world.answers[0] instanceof UnavailableError);
});

test("HeadFeed refuses one client's more than CLIENT_WAITERS_MAX, and nobody else's", async () => {
  const world = new World();
  const responses = Array.from({ length: CLIENT_WAITERS_MAX }, () => world.wait("a"));
  world.wait("a");
  world.wait("b");
  await settle();
  const [error] = world.answers;
  assert(error instanceof UnavailableError);
  assert.equal(error.code, "UNAVAILABLE_RATE_LIMITED");
  assert.equal(world.feed.count, CLIENT_WAITERS_MAX + 1);
  Object.assign(responses[0] ?? {}, { destroyed: true });
  responses[0]?.emit("close");
  world.wait("a");
  await settle();
  assert.equal(world.answers.length, 2, "the one that left was forgotten, and its place taken");
  assert.equal(world.answers[1], undefined);
});

test("HeadFeed lets nobody wait once it is closed", async () => {
  const world = new World();
  world.wait();
  world.feed.close();
  world.wait();
  await settle();
  assert.deepEqual(world.answers, ["0", "0"]);
  assert.equal(world.log.watchers.size, 0);
});
