/**
 * A small fuzzer: inputs made from a seed, kept or mutated from samples; a target may return
 * or throw what it documents, and nothing else, in time that grows with the length only.
 * @module
 */
import { MalformedError } from "../../src/base/errors.ts";

/** One reader under test. */
export interface FuzzTarget {
  readonly name: string;
  /** Well-formed inputs, to mutate. */
  readonly samples: readonly Uint8Array[];
  /** Reads, and checks what it read; throws a refusal where the input is not well-formed. */
  readonly run: (input: Uint8Array) => void | Promise<void>;
  /** The errors that are documented; default MalformedError alone. */
  readonly refusals?: readonly (abstract new (
    ...args: never[]
  ) => Error)[];
  /** One change of an input; default {@link mutateBytes}. */
  readonly mutate?: (
    random: Random,
    input: Uint8Array,
    samples: readonly Uint8Array[],
  ) => Uint8Array;
}

/** What a run of one target did. */
export interface FuzzResult {
  readonly inputCount: number;
  /** How many inputs and samples were read; none means that mutations never reach the inner parts. */
  readonly acceptedCount: number;
}

/** Bytes of one input at most: a chain of real certificates, and then some. */
const INPUT_BYTES_MAX = 16_384;

/** An input that takes longer than this is a find, in milliseconds. */
const INPUT_MS_MAX = 1_000;

/** Numbers from a seed: the same in every run (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 to `limit - 1`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}

/** Lengths and values at which readers go wrong. */
export const ODD_BYTES: readonly number[] = [
  0, 1, 2, 0x1f, 0x20, 0x7f, 0x80, 0xbf, 0xc0, 0xfe, 0xff,
];

/** `input` after one change; a fresh array. @param samples To splice from; at least one. */
export function mutateBytes(
  random: Random,
  input: Uint8Array,
  samples: readonly Uint8Array[],
): Uint8Array {
  const at = random.below(input.length + 1);
  const out = Array.from(input);
  switch (random.below(8)) {
    case 0:
      return input.slice(0, at);
    case 1:
      if (at < out.length) out[at] = out[at]! ^ (1 << random.below(8));
      break;
    case 2:
      out[at] = random.pick(ODD_BYTES);
      break;
    case 3:
      out.splice(at, 0, ...random.bytes(1 + random.below(4)));
      break;
    case 4:
      out.splice(at, 1 + random.below(4));
      break;
    case 5:
      out.splice(at, 0, ...out.slice(at, at + random.below(64)));
      break;
    case 6: {
      const other = random.pick(samples);
      out.splice(at, out.length, ...other.slice(random.below(other.length + 1)));
      break;
    }
    default:
      for (let index = at; index < Math.min(at + 4, out.length); index += 1) out[index] = 0xff;
  }
  return Uint8Array.from(out.slice(0, INPUT_BYTES_MAX));
}

/** One target on its way: the same inputs from the same seed and samples. */
export class FuzzRun implements FuzzResult {
  readonly target: FuzzTarget;
  readonly #seed: number;
  readonly #random: Random;
  /** Samples that were read: most mutations start from these. */
  readonly #accepted: Uint8Array[] = [];
  inputCount = 0;
  acceptedCount = 0;

  constructor(target: FuzzTarget, seed: number) {
    this.target = target;
    this.#seed = seed;
    this.#random = new Random(seed);
  }

  /** Runs the samples. @throws Error that names target, seed and input if the target misbehaves. */
  async start(): Promise<void> {
    for (const sample of this.target.samples) {
      if (!(await this.#isAccepted(sample))) continue;
      this.#accepted.push(sample);
      this.acceptedCount += 1;
    }
  }

  /** Runs one input more. @throws as {@link start}. */
  async step(): Promise<void> {
    this.inputCount += 1;
    if (await this.#isAccepted(this.#nextInput())) this.acceptedCount += 1;
  }

  #nextInput(): Uint8Array {
    const random = this.#random;
    const { samples, mutate = mutateBytes } = this.target;
    if (samples.length === 0 || random.below(10) === 0) return random.bytes(random.below(200));
    const isFromAccepted = this.#accepted.length > 0 && random.below(4) > 0;
    let input = random.pick(isFromAccepted ? this.#accepted : samples);
    for (let rounds = random.below(4); rounds >= 0; rounds -= 1) {
      input = mutate(random, input, samples);
    }
    return input.length > INPUT_BYTES_MAX ? input.slice(0, INPUT_BYTES_MAX) : input;
  }

  async #isAccepted(input: Uint8Array): Promise<boolean> {
    const { name, run, refusals = [MalformedError] } = this.target;
    const started = performance.now();
    try {
      const running = run(input);
      if (running !== undefined) await running;
      return true;
    } catch (thrown) {
      if (refusals.some((refusal) => thrown instanceof refusal)) return false;
      const hex = Buffer.from(input).toString("hex");
      throw new Error(`${name}, seed ${this.#seed}: input ${hex} threw ${String(thrown)}`, {
        cause: thrown,
      });
    } finally {
      const tookMs = performance.now() - started;
      if (tookMs > INPUT_MS_MAX) {
        const hex = Buffer.from(input).toString("hex");
        process.stderr.write(`${name}, seed ${this.#seed}: ${tookMs} ms for input ${hex}\n`);
        process.exitCode = 1;
      }
    }
  }
}

/** Fuzzes `target` until `isDone` says so; asked after each input. */
export async function fuzz(
  target: FuzzTarget,
  seed: number,
  isDone: (inputCount: number) => boolean,
): Promise<FuzzResult> {
  const run = new FuzzRun(target, seed);
  await run.start();
  do await run.step();
  while (!isDone(run.inputCount));
  return run;
}
