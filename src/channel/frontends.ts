/**
 * The frontend threads of a process: started, replaced when they die, asked for what they
 * counted, drained. A thread that dies takes its connections with it; what it had handed to the
 * sequencers goes on, unanswered.
 * @module
 */
import { messageOf } from "../base/errors.ts";
import type { Clock } from "../clock/clock.ts";
import type { Observer } from "../telemetry/observer.ts";
import { SequencerServer, type SequencerServerOptions } from "./server.ts";
import type { FrontendThread, Question } from "./thread.ts";

/** Deaths within {@link DEATHS_WINDOW_MS} that are too many. */
const DEATHS_MAX = 5;
const DEATHS_WINDOW_MS = 60_000;

/** Until a thread has loaded its program and listens. */
const START_MS_MAX = 60_000;
const METRICS_MS_MAX = 1_000;
const RELEASE_MS_MAX = 5_000;
const ROOTS_MS_MAX = 10_000;

/** Beyond the drain itself, until a thread says that it is through. */
const DRAIN_EXTRA_MS = 2_000;

/** What is asked of a thread. */
export type Thread = Pick<FrontendThread, "ended" | "wire" | "onBytes" | "ask" | "terminate">;

/** An address. */
export interface Bound {
  readonly host: string;
  readonly port: number;
}

/** What the frontends are made of. */
export interface FrontendsOptions<Metrics> {
  /** At least 1. */
  readonly count: number;
  readonly start: () => Thread;
  readonly sequencers: Omit<SequencerServerOptions, "wire">;
  /** What is left of `b` once its thread is gone, added to `a`. */
  readonly addMetrics: (a: Metrics | undefined, b: Metrics) => Promise<Metrics>;
  readonly drainMs: number;
  readonly clock: Clock;
  readonly observer: Observer;
}

interface Running<Metrics> {
  readonly thread: Thread;
  readonly server: SequencerServer;
  /** What it counted when it was last asked. */
  metrics: Metrics | undefined;
}

/** See the module. `Metrics` passes between threads as a structured clone. */
export class Frontends<Metrics> {
  /** Resolves with the reason once frontends die faster than they should be replaced. */
  readonly failed: Promise<string>;
  readonly #options: FrontendsOptions<Metrics>;
  readonly #running = new Set<Running<Metrics>>();
  readonly #deathsMs: number[] = [];
  /** What those counted that are gone: totals never go back. */
  #retired: Promise<Metrics | undefined> = Promise.resolve(undefined);
  #bound: Bound | undefined;
  #isStopping = false;
  /** The end of the last start or release: one at a time. */
  #turn: Promise<unknown> = Promise.resolve();
  #fail: (reason: string) => void = () => {};

  constructor(options: FrontendsOptions<Metrics>) {
    this.#options = options;
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
  }

  /**
   * Starts all of them.
   * @param address Port 0 lets the system choose one, for all.
   * @returns What was bound. @throws Error if one of them does not start or cannot listen.
   */
  async start(address: Bound): Promise<Bound> {
    const all = Array.from({ length: this.#options.count }, () => this.#spawn());
    let bound = address;
    for (const running of all) bound = await this.#listen(running, bound);
    this.#bound = bound;
    for (const running of all) this.#replaceWhenOver(running);
    return bound;
  }

  /** What each has counted, as far as it answers in time, and those that are gone. */
  async metrics(): Promise<readonly Metrics[]> {
    await Promise.all([...this.#running].map((running) => this.#readMetrics(running)));
    const retired = await this.#retired;
    const counted = [...this.#running].map(({ metrics }) => metrics);
    return [retired, ...counted].filter((metrics) => metrics !== undefined);
  }

  /**
   * Makes every frontend let go of a shard's database. One that does not is ended.
   * @returns Lets them open it again.
   */
  release(shard: number): Promise<() => void> {
    return new Promise((released) => {
      // In one turn: no frontend starts, and would open it, before it is open again.
      void this.#inTurn(async () => {
        await this.#askAll({ type: "release", shard }, RELEASE_MS_MAX);
        await new Promise<void>((resume) => released(resume));
        await this.#askAll({ type: "resume", shard }, RELEASE_MS_MAX);
      });
    });
  }

  /**
   * Makes every frontend go by other roots. One that does not is ended; what is started from now
   * on must be started with them.
   * @param roots What the threads' script takes.
   */
  replaceRoots(roots: unknown): Promise<void> {
    return this.#askAll({ type: "roots", roots }, ROOTS_MS_MAX);
  }

  /** What each answers to a question; one that does not in time is left out. */
  async askEach(question: Question): Promise<readonly unknown[]> {
    const asked = [...this.#running].map(({ thread }) => thread.ask(question, METRICS_MS_MAX));
    const answers = await Promise.allSettled(asked);
    return answers.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  }

  /** Drains all frontends and ends them. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const { drainMs } = this.#options;
    const all = [...this.#running];
    await Promise.all(
      all.map(async ({ thread }) => {
        // Whatever it says, it ends.
        await thread.ask({ type: "drain" }, drainMs + DRAIN_EXTRA_MS).catch(() => {});
        await thread.terminate();
      }),
    );
  }

  #spawn(): Running<Metrics> {
    const thread = this.#options.start();
    const { wire } = thread;
    const server = new SequencerServer({ ...this.#options.sequencers, wire });
    const running: Running<Metrics> = { thread, server, metrics: undefined };
    this.#running.add(running);
    thread.onBytes = (bytes) => {
      try {
        server.receive(bytes);
      } catch (error) {
        this.#report(`a frontend sent what is no message: ${messageOf(error)}`);
        void thread.terminate();
      }
    };
    void thread.ended.then(() => {
      server.close();
      this.#running.delete(running);
      this.#retired = this.#retired.then((sum) => this.#add(sum, running.metrics));
    });
    return running;
  }

  async #listen({ thread }: Running<Metrics>, { host, port }: Bound): Promise<Bound> {
    return (await thread.ask({ type: "listen", host, port }, START_MS_MAX)) as Bound;
  }

  #replaceWhenOver({ thread }: Running<Metrics>): void {
    void thread.ended.then(async (reason) => {
      if (this.#isStopping) return;
      this.#report(reason);
      if (this.#isTooOften()) {
        this.#fail(`${DEATHS_MAX} frontends died within a minute; the last one: ${reason}`);
        return;
      }
      await this.#inTurn(async () => {
        const { port, host } = this.#bound ?? { host: "", port: 0 };
        if (this.#isStopping) return;
        const next = this.#spawn();
        this.#replaceWhenOver(next);
        try {
          await this.#listen(next, { host, port });
        } catch {
          await next.thread.terminate();
        }
      });
    });
  }

  #isTooOften(): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    const deathsMs = this.#deathsMs;
    deathsMs.push(nowMs);
    while (nowMs - (deathsMs[0] ?? nowMs) > DEATHS_WINDOW_MS) deathsMs.shift();
    return deathsMs.length >= DEATHS_MAX;
  }

  async #askAll(question: Question, timeoutMs: number): Promise<void> {
    const ask = async ({ thread }: Running<Metrics>): Promise<void> => {
      try {
        await thread.ask(question, timeoutMs);
      } catch {
        await thread.terminate();
      }
    };
    await Promise.all([...this.#running].map(ask));
  }

  async #readMetrics(running: Running<Metrics>): Promise<void> {
    try {
      running.metrics = (await running.thread.ask({ type: "metrics" }, METRICS_MS_MAX)) as Metrics;
    } catch {
      // What it last said stands.
    }
  }

  async #add(a: Metrics | undefined, b: Metrics | undefined): Promise<Metrics | undefined> {
    if (b === undefined) return a;
    return this.#options.addMetrics(a, b);
  }

  #report(message: string): void {
    this.#options.observer({ type: "frontend-ended", message });
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(act);
    this.#turn = result.catch(() => {});
    return result;
  }
}
