/**
 * A small fuzzer: inputs made from a seed, kept or mutated from samples; a target may return
 * or throw MalformedError, and nothing else, in time that grows with the length only.
 * @module
 */
import { MalformedError } from "../../src/base/errors.ts";

/** One reader under test. */
export interface FuzzTarget {
  readonly name: string;
  /** Well-formed inputs, to mutate. */
  readonly samples: readonly Uint8Array[];
  /** Reads, and checks what it read; throws MalformedError where the input is not well-formed. */
  readonly run: (input: Uint8Array) => void;
}

/** What a run of one target did. */
export interface FuzzResult {
  readonly inputCount: number;
  /** How many inputs and samples were read; none means that mutations never reach the inner parts. */
  readonly acceptedCount: number;
}

/** Bytes of one input at most. */
const INPUT_BYTES_MAX = 4_096;

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
const ODD_BYTES: readonly number[] = [0, 1, 2, 0x1f, 0x20, 0x7f, 0x80, 0xbf, 0xc0, 0xfe, 0xff];

/** `input` after one change; a fresh array. @param samples To splice from; at least one. */
export function mutate(
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

/** Samples, and those of them that were read: most mutations start from these. */
interface Corpus {
  readonly samples: readonly Uint8Array[];
  readonly accepted: readonly Uint8Array[];
}

function nextInput(random: Random, { samples, accepted }: Corpus): Uint8Array {
  if (samples.length === 0 || random.below(10) === 0) return random.bytes(random.below(200));
  const isFromAccepted = accepted.length > 0 && random.below(4) > 0;
  let input = random.pick(isFromAccepted ? accepted : samples);
  for (let rounds = random.below(4); rounds >= 0; rounds -= 1) {
    input = mutate(random, input, samples);
  }
  return input;
}

/** Runs one input. @throws Error that names target, seed and input if the target misbehaves. */
function isAccepted(target: FuzzTarget, input: Uint8Array, seed: number): boolean {
  const started = performance.now();
  try {
    target.run(input);
    return true;
  } catch (thrown) {
    if (thrown instanceof MalformedError) return false;
    const hex = Buffer.from(input).toString("hex");
    throw new Error(`${target.name}, seed ${seed}: input ${hex} threw ${String(thrown)}`, {
      cause: thrown,
    });
  } finally {
    const tookMs = performance.now() - started;
    if (tookMs > INPUT_MS_MAX) {
      const hex = Buffer.from(input).toString("hex");
      process.stderr.write(`${target.name}, seed ${seed}: ${tookMs} ms for input ${hex}\n`);
      process.exitCode = 1;
    }
  }
}

/** Fuzzes `target` until `isDone` says so; asked after each input. */
export function fuzz(
  target: FuzzTarget,
  seed: number,
  isDone: (inputCount: number) => boolean,
): FuzzResult {
  const random = new Random(seed);
  const accepted = target.samples.filter((sample) => isAccepted(target, sample, seed));
  const corpus = { samples: target.samples, accepted };
  let inputCount = 0;
  let acceptedCount = accepted.length;
  do {
    inputCount += 1;
    if (isAccepted(target, nextInput(random, corpus), seed)) acceptedCount += 1;
  } while (!isDone(inputCount));
  return { inputCount, acceptedCount };
}
