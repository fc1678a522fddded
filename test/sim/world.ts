/**
 * The simulated machine: one seeded source of chance, a list of parked I/O completions, timers
 * and a clock that can jump. Everything between two completions is deterministic in Node, so
 * the same seed gives the same run.
 * @module
 */
import type { Clock } from "../../src/clock/clock.ts";

/** Wall time of the simulation's first moment. */
export const START_MS: number = Date.UTC(2026, 2, 1);

/** A seeded source of chance (mulberry32): the same seed gives the same numbers. */
export class Prng {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
    for (let turn = 0; turn < 4; turn += 1) this.next();
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(values: readonly T[]): T {
    const value = values[this.below(values.length)];
    if (value === undefined) throw new Error("nothing to pick from");
    return value;
  }
}

/** How likely each kind of fault is; 0 switches it off. Each seed has its own. */
export interface Knobs {
  /** A read answers that the storage does not answer. */
  readFails: number;
  /** A write fails and was not applied. */
  writeFails: number;
  /** A write was applied, but its caller is told that it failed. */
  writeFailsApplied: number;
  /** An fsync fails: no more writes until a restart. */
  fsyncFails: number;
  /** A commit lands with a wrong byte in it. */
  damage: number;
  /** A death loses some of the newest records, as a flipped bit in LevelDB's log does. */
  lostRecords: number;
  /** The process dies, at each step. */
  crash: number;
  /** The process is stopped and started again, at each step. */
  restart: number;
  /** The wall clock jumps by seconds, or back, at each step. */
  clockJump: number;
  /** The wall clock drifts a little, at each step. */
  clockDrift: number;
  /** An I/O takes long. */
  stall: number;
}

/** Knobs of one seed: some kinds of fault are off (swarm). */
export function drawKnobs(random: Prng): Knobs {
  const draw = (highest: number): number =>
    random.chance(0.45) ? 0 : highest * (0.1 + 0.9 * random.next());
  return {
    readFails: draw(0.01),
    writeFails: draw(0.08),
    writeFailsApplied: draw(0.08),
    fsyncFails: draw(0.03),
    damage: draw(0.05),
    lostRecords: draw(0.3),
    crash: draw(0.03),
    restart: draw(0.006),
    clockJump: draw(0.02),
    clockDrift: draw(0.02),
    stall: draw(0.05),
  };
}

/** No faults at all. */
export const CALM: Knobs = {
  readFails: 0,
  writeFails: 0,
  writeFailsApplied: 0,
  fsyncFails: 0,
  damage: 0,
  lostRecords: 0,
  crash: 0,
  restart: 0,
  clockJump: 0,
  clockDrift: 0,
  stall: 0,
};

interface Parked {
  readonly label: string;
  /** Performs the I/O and tells its caller. */
  readonly release: () => void;
  /** What is left of it if the process dies first. */
  readonly die: () => void;
}

interface Timer {
  readonly dueMs: number;
  readonly run: () => void;
}

/** One machine; processes on it come and go. */
export class World {
  readonly random: Prng;
  knobs: Knobs;
  /** Steady time, and true wall time less `START_MS`. */
  steadyMs = 0;
  /** By how much a jump put the wall clock wrong; 0 while it is right. */
  skewMs = 0;
  /** Small drifts, summed up. */
  driftMs = 0;
  /** The skew that the running process was started with: its operator confirmed it. */
  confirmedSkewMs = 0;
  stepCount = 0;
  /** Called with each line of the trace. */
  trace: (line: string) => void = () => {};
  #parked: Parked[] = [];
  #timers: Timer[] = [];

  constructor(seed: number, knobs?: Knobs) {
    this.random = new Prng(seed);
    this.knobs = knobs ?? drawKnobs(this.random);
  }

  get wallMs(): number {
    return Math.floor(START_MS + this.steadyMs + this.skewMs + this.driftMs);
  }

  /** The clock of the process that is started now; dies with it. */
  clock(): Clock {
    return {
      nowMs: () => this.wallMs,
      monotonicMs: () => this.steadyMs,
      after: (delayMs, run) => {
        const timer = { dueMs: this.steadyMs + delayMs, run };
        this.#timers.push(timer);
        return () => {
          this.#timers = this.#timers.filter((other) => other !== timer);
        };
      },
    };
  }

  /** Parks one I/O until the driver releases it. `act` runs at that moment. */
  io<T>(label: string, act: () => Promise<T>, die: () => void = () => {}): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#parked.push({ label, release: () => void act().then(resolve, reject), die });
    });
  }

  /** Lets one thing happen: an I/O completes, or a timer fires. */
  advance(): void {
    this.steadyMs += this.random.chance(this.knobs.stall)
      ? this.random.below(3_000)
      : this.random.below(4);
    const due = this.#timers.filter((timer) => timer.dueMs <= this.steadyMs);
    if (this.#parked.length === 0 && due.length === 0) {
      const [next] = this.#timers.toSorted((a, b) => a.dueMs - b.dueMs);
      if (next === undefined) return;
      this.steadyMs = Math.max(this.steadyMs, next.dueMs);
      due.push(next);
    }
    const choice = this.random.below(this.#parked.length + due.length);
    const parked = this.#parked[choice];
    if (parked !== undefined) {
      this.#parked.splice(choice, 1);
      this.trace(`${this.steadyMs} ${parked.label}`);
      parked.release();
      return;
    }
    const timer = due[choice - this.#parked.length];
    if (timer === undefined) return;
    this.#timers = this.#timers.filter((other) => other !== timer);
    this.trace(`${this.steadyMs} timer`);
    timer.run();
  }

  /** The process dies: nothing of it ever runs again, its writes in flight land or not. */
  kill(): void {
    this.trace(`${this.steadyMs} the process dies (${this.#parked.map((io) => io.label)})`);
    const parked = this.#parked;
    this.#parked = [];
    this.#timers = [];
    for (const io of parked) io.die();
  }

  jumpClock(): void {
    if (this.skewMs !== 0) this.skewMs = 0;
    else this.skewMs = (this.random.chance(0.6) ? 1 : -1) * (3_000 + this.random.below(20_000));
    this.trace(`${this.steadyMs} the clock is wrong by ${this.skewMs} ms`);
  }

  driftClock(): void {
    this.driftMs += this.random.below(400) - 200;
  }

  /** Lets everything run that waits for no I/O and no timer. */
  settle(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }
}
