import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { test } from "node:test";
import { UnavailableError } from "../../src/base/errors.ts";
import { systemClock } from "../../src/clock/system.ts";
import { isStreamed, ok } from "../../src/http/answer.ts";
import { BodyStream } from "../../src/http/body-stream.ts";
import {
  CROWDED_BYTES,
  HeavyReads,
  UNSENT_BYTES_MAX,
  UNSENT_MS_MAX,
  WAITING_READS_MAX,
} from "../../src/http/heavy-reads.ts";
import { getEntriesHandler } from "../../src/http/read-rfc6962.ts";
import { TileBuffers } from "../../src/http/tile-buffers.ts";
import { FakeLog } from "../support/fake-log.ts";
import { showLargeEntries } from "../support/large-entries.ts";

/** Of a response, what `HeavyReads` looks at. */
class FakeResponse extends EventEmitter {
  destroyed = false;
  destroy(): void {
    this.destroyed = true;
    this.emit("close");
  }
}

const { soon } = systemClock;
const nextPass = () => new Promise<void>((resolve) => soon?.(resolve));

const REQUEST = {} as IncomingMessage;
/** Until all that can happen has: the end of each of two turns takes a pass of its own. */
const settle = async () => {
  for (let pass = 0; pass < 3; pass += 1) await nextPass();
};

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
    soon: (run) => soon?.(run),
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

test("HeavyReads gives way after steps of a millisecond, though none of them waits", async () => {
  const world = new World();
  let pass = 0;
  const passes: number[] = [];
  const handler = world.reads.inTurn(async () => {
    world.nowMs += 0.5;
    passes.push(pass);
    return ok([], "");
  });
  const answers = Array.from({ length: 6 }, () =>
    handler(REQUEST, new FakeResponse() as unknown as ServerResponse),
  );
  const all = Promise.all(answers);
  for (; pass < 20; pass += 1) await nextPass();
  assert.equal((await all).length, 6);
  const counts = Map.groupBy(passes, (at) => at).values();
  assert.deepEqual(
    [...counts].map(({ length }) => length),
    [2, 2, 2],
  );
});

test("HeavyReads rests as long as its steps took while submissions come", async () => {
  const clock = { nowMs: 0, rests: [] as number[] };
  const resting = new HeavyReads({
    nowMs: () => 0,
    monotonicMs: () => clock.nowMs,
    after: (delayMs, run) => {
      clock.rests.push(delayMs);
      run();
      return () => undefined;
    },
    soon: (run) => soon?.(run),
  });
  const take = async (stepMs: number) => {
    const handler = resting.inTurn(async () => {
      clock.nowMs += stepMs;
      await resting.pause();
      clock.nowMs += stepMs;
      return ok([], "");
    });
    await handler(REQUEST, new FakeResponse() as unknown as ServerResponse);
    await settle();
  };
  await take(3);
  assert.deepEqual(clock.rests, [], "nobody submits");
  resting.submissionCame();
  await take(0.4);
  assert.deepEqual(clock.rests, [], "0.8 ms are less than a timer's tick");
  await take(2.5);
  assert.deepEqual(clock.rests, [4, 3], "3.3 ms, then 2.5");
  await take(40);
  assert.deepEqual(clock.rests, [4, 3, 5, 5], "never longer than 5 ms");
  clock.nowMs += 101;
  await take(3);
  assert.deepEqual(clock.rests, [4, 3, 5, 5], "the last submission is long past");
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

test("HeavyReads counts what lies ready, and sends none of it at once where there is no room", async () => {
  const world = new World();
  const first = new FakeResponse();
  const second = new FakeResponse();
  const sends = (response: FakeResponse, bytes: number) =>
    world.reads.sends(response as unknown as ServerResponse, ok([], new Uint8Array(bytes)));
  assert(sends(first, UNSENT_BYTES_MAX));
  assert.equal(world.reads.unsentBytes, UNSENT_BYTES_MAX);
  assert(!sends(second, 1));
  world.start();
  await settle();
  assert.equal(world.running.length, 0, "what is to be made waits for it, too");
  first.emit("close");
  await settle();
  assert.equal(world.running.length, 1);
  assert(sends(second, 1));
  assert.equal(world.reads.unsentBytes, 1);
});

test("a page is held whole, but not while CROWDED_BYTES wait for their readers", async () => {
  const world = new World();
  const log = new FakeLog("nimbus2026");
  const reads = showLargeEntries(log, 1_024, () => 3_000);
  const handler = getEntriesHandler(log, { buffers: new TileBuffers(), heavy: world.reads });
  const target = "/nimbus2026/ct/v1/get-entries?start=0&end=1023";
  const answer = async () => {
    reads.entryCount = 0;
    const request = { url: target } as unknown as IncomingMessage;
    const given = await handler(request, new FakeResponse() as unknown as ServerResponse);
    return { isStream: given !== undefined && isStreamed(given), made: reads.entryCount };
  };
  assert.deepEqual(await answer(), { isStream: false, made: 1_024 });
  const slow = new FakeResponse();
  world.reads.sends(slow as unknown as ServerResponse, ok([], new Uint8Array(CROWDED_BYTES)));
  assert.deepEqual(await answer(), { isStream: true, made: 640 });
  slow.emit("close");
  assert.deepEqual(await answer(), { isStream: false, made: 1_024 });
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
