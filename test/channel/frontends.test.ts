/**
 * Frontends over threads that a test makes up: replaced when they die, given up when they die
 * too often, drained, added up.
 * @module
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Frontends, type Thread } from "../../src/channel/frontends.ts";
import type { Question } from "../../src/channel/thread.ts";
import type { LogEvent } from "../../src/telemetry/observer.ts";
import { ManualClock, settle } from "../support/manual-clock.ts";
import { sha256 } from "../support/sha256.ts";

/** A thread that does what a test wants. */
class FakeThread implements Thread {
  readonly ended: Promise<string>;
  readonly asked: Question[] = [];
  readonly wire = { post: () => {}, defer: (run: () => void) => run() };
  onBytes: (bytes: Uint8Array) => void = () => {};
  counted = 1;
  isOver = false;
  die: (reason: string) => void = () => {};

  constructor() {
    this.ended = new Promise((resolve) => {
      this.die = (reason) => {
        this.isOver = true;
        resolve(reason);
      };
    });
  }

  async ask(question: Question): Promise<unknown> {
    this.asked.push(question);
    if (this.isOver) throw new Error("over");
    if (question.type === "listen") {
      return { host: question.host, port: question.port || 4_567 };
    }
    return question.type === "metrics" ? this.counted : undefined;
  }

  async terminate(): Promise<void> {
    this.die("terminated");
  }

  get types(): readonly string[] {
    return this.asked.map(({ type }) => type);
  }
}

function make(count: number) {
  const threads: FakeThread[] = [];
  const events: LogEvent[] = [];
  const clock = new ManualClock();
  const frontends = new Frontends<number>({
    count,
    start: () => {
      const thread = new FakeThread();
      threads.push(thread);
      return thread;
    },
    sequencers: { shards: [undefined], sha256 },
    addMetrics: async (a, b) => (a ?? 0) + b,
    drainMs: 100,
    clock,
    observer: (event) => void events.push(event),
  });
  return { frontends, threads, events, clock };
}

const ANY = { host: "127.0.0.1", port: 0 };

describe("Frontends", () => {
  test("all listen on the port that the first was given", async () => {
    const { frontends, threads } = make(3);
    assert.deepEqual(await frontends.start(ANY), { host: "127.0.0.1", port: 4_567 });
    const ports = threads.map(({ asked }) => Reflect.get(asked[0] ?? {}, "port"));
    assert.deepEqual(ports, [0, 4_567, 4_567]);
  });

  test("one that dies is replaced on the same port, said, and its counts are kept", async () => {
    const { frontends, threads, events } = make(2);
    await frontends.start(ANY);
    threads[0]!.counted = 10;
    const sum = async () => (await frontends.metrics()).reduce((a, b) => a + b, 0);
    assert.equal(await sum(), 11);
    threads[0]!.die("a bug");
    await settle();
    assert.equal(threads.length, 3);
    assert.deepEqual(threads[2]?.asked, [{ type: "listen", host: "127.0.0.1", port: 4_567 }]);
    assert.deepEqual(events, [{ type: "frontend-ended", message: "a bug" }]);
    assert.equal(await sum(), 12);
  });

  test("the fifth death within a minute is too many; four, and one later, are not", async () => {
    const { frontends, threads, clock } = make(1);
    await frontends.start(ANY);
    let reason: string | undefined;
    void frontends.failed.then((why) => {
      reason = why;
    });
    const dieOnce = async (): Promise<void> => {
      threads.at(-1)?.die("a bug");
      await settle();
    };
    for (let death = 0; death < 4; death += 1) await dieOnce();
    await clock.advance(60_001);
    for (let death = 0; death < 4; death += 1) await dieOnce();
    assert.deepEqual([threads.length, reason], [9, undefined]);
    await dieOnce();
    assert.equal(threads.length, 9);
    assert.match(reason ?? "", /5 frontends died within a minute; the last one: a bug/);
  });

  test("bytes that are no message end the frontend that sent them", async () => {
    const { frontends, threads, events } = make(1);
    await frontends.start(ANY);
    threads[0]!.onBytes(Uint8Array.of(9, 9, 9));
    await settle();
    assert.equal(threads.length, 2);
    assert.match(String(Reflect.get(events[0] ?? {}, "message")), /no message/);
  });

  test("release() waits for all; none is started before what it returns was called", async () => {
    const { frontends, threads } = make(2);
    await frontends.start(ANY);
    const resume = await frontends.release(7);
    for (const { asked } of threads) assert.deepEqual(asked.at(-1), { type: "release", shard: 7 });
    threads[1]!.die("a bug");
    await settle();
    assert.equal(threads.length, 2);
    resume();
    await settle();
    assert.equal(threads.length, 3);
    assert.deepEqual(threads[0]?.types, ["listen", "release", "resume"]);
  });

  test("replaceRoots() waits for all; one that does not take them is replaced", async () => {
    const { frontends, threads } = make(2);
    await frontends.start(ANY);
    threads[1]!.isOver = true;
    await frontends.replaceRoots("new ones");
    await settle();
    assert.deepEqual(threads[0]?.asked.at(-1), { type: "roots", roots: "new ones" });
    assert.equal(threads.length, 3, "what is started then is started with them");
  });

  test("a frontend that does not let go is ended", async () => {
    const { frontends, threads } = make(1);
    await frontends.start(ANY);
    threads[0]!.ask = async () => {
      throw new Error("late");
    };
    const resume = await frontends.release(0);
    assert.ok(threads[0]?.isOver);
    resume();
    await settle();
    assert.deepEqual(threads[1]?.types, ["listen"], "it was not there to resume");
  });

  test("stop() drains and ends all, and replaces none", async () => {
    const { frontends, threads, events } = make(2);
    await frontends.start(ANY);
    await frontends.stop();
    await settle();
    assert.deepEqual(
      threads.map(({ types, isOver }) => [types.at(-1), isOver]),
      [
        ["drain", true],
        ["drain", true],
      ],
    );
    assert.deepEqual([threads.length, events], [2, []]);
  });
});
