/**
 * Whether a reader's time grows with the length of its input only: each target on inputs of
 * n and of 4n bytes of the same shape. Loose, and no test: it measures elapsed time.
 * @module
 */
import { growDer } from "./der.ts";
import { type FuzzTarget, ODD_BYTES, Random } from "./fuzz.ts";

/** A shape whose time grew faster than its length. */
export interface Growth {
  readonly shape: string;
  readonly firstMs: number;
  readonly secondMs: number;
}

/** Bytes of the smaller input. A body of a submission has at most 512,000. */
const BYTES = 65_536;

/** By how much the length grows. */
const FACTOR = 4;

/** So many times the time is a find: 4 is its due, 16 would be the square. */
const RATIO_MAX = 9;

/** Below this, in milliseconds, a ratio means nothing. */
const MS_MIN = 20;

const ROUNDS = 5;

type Shape = (bytes: number) => Uint8Array;

/** The shapes on which `target` takes longer than it should. */
export async function findGrowth(target: FuzzTarget, seed: number): Promise<readonly Growth[]> {
  const found: Growth[] = [];
  for (const [shape, make] of shapesOf(target, seed)) {
    const [first, second] = [make(BYTES), make(FACTOR * BYTES)];
    let least: Growth | undefined;
    // A busy machine slows down one of the two: only what is slow each time is a find.
    for (let round = 0; round < 3; round += 1) {
      const firstMs = await timeOf(target, first);
      const secondMs = await timeOf(target, second);
      if (secondMs < MS_MIN || secondMs / firstMs < RATIO_MAX) {
        least = undefined;
        break;
      }
      least = { shape, firstMs, secondMs };
    }
    if (least !== undefined) found.push(least);
  }
  return found;
}

function shapesOf({ samples }: FuzzTarget, seed: number): ReadonlyMap<string, Shape> {
  const shapes = new Map<string, Shape>();
  for (const byte of ODD_BYTES) {
    shapes.set(`bytes ${byte}`, (bytes) => new Uint8Array(bytes).fill(byte));
  }
  for (const [index, sample] of samples.slice(0, 8).entries()) {
    shapes.set(`sample ${index}, again and again`, (bytes) => repeat(sample, bytes));
    for (const [part, at] of [0.25, 0.5, 0.75].entries()) {
      const cut = Math.floor(sample.length * at);
      const shape = `sample ${index} with its part ${part} again and again`;
      shapes.set(shape, (bytes) => {
        const middle = repeat(sample.subarray(cut, cut + 8), bytes - sample.length);
        return new Uint8Array(
          Buffer.concat([sample.subarray(0, cut), middle, sample.subarray(cut)]),
        );
      });
    }
    for (let turn = 0; turn < 12; turn += 1) {
      // The same element at both lengths: the same numbers from the same seed.
      const shape = `sample ${index} with element ${turn} again and again`;
      shapes.set(shape, (bytes) => growDer(new Random(seed + turn), sample, bytes));
    }
  }
  return shapes;
}

function repeat(piece: Uint8Array, bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, index) => piece[index % piece.length] ?? 0);
}

/** The shortest of some runs, in milliseconds. */
async function timeOf(target: FuzzTarget, input: Uint8Array): Promise<number> {
  let leastMs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round += 1) {
    const startMs = performance.now();
    try {
      await target.run(input);
    } catch {
      // Refused: in time, or not.
    }
    leastMs = Math.min(leastMs, performance.now() - startMs);
  }
  return leastMs;
}
