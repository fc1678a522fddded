/**
 * Who is counted most often, in bounded memory: the algorithm of Misra and Gries, with many keys
 * dropped at a time. What is said of a key is at most `missed` too small and never too large, and
 * `missed` is at most the total divided by {@link KEYS_KEPT}. Sketches of several threads add up.
 * @module
 */

/** Keys that outlive a clearing; twice as many are held at most. */
export const KEYS_KEPT = 512;

/** What a sketch has seen; passes between threads. */
export interface Hitters {
  readonly total: number;
  /** How much the count of any key, also of one that is not there, may be too small. */
  readonly missed: number;
  readonly counts: ReadonlyMap<string, number>;
}

interface Counter {
  count: number;
}

/** One sketch. */
export class HeavyHitters {
  readonly #counters = new Map<string, Counter>();
  #total = 0;
  #missed = 0;

  /** Counts a key; for one that is known, no memory is taken. */
  add(key: string): void {
    this.#total += 1;
    const counter = this.#counters.get(key);
    if (counter !== undefined) {
      counter.count += 1;
      return;
    }
    if (this.#counters.size >= 2 * KEYS_KEPT) this.#clear();
    this.#counters.set(key, { count: 1 });
  }

  /** What was seen so far. */
  seen(): Hitters {
    const counts = new Map([...this.#counters].map(([key, { count }]) => [key, count]));
    return { total: this.#total, missed: this.#missed, counts };
  }

  /** Takes from every key as much as the first has that must go. */
  #clear(): void {
    const counts = Float64Array.from(this.#counters.values(), ({ count }) => count).sort();
    const less = counts.at(-KEYS_KEPT - 1) ?? 0;
    this.#missed += less;
    for (const [key, counter] of this.#counters) {
      counter.count -= less;
      if (counter.count <= 0) this.#counters.delete(key);
    }
  }
}

/** What several sketches have seen together. */
export function addHitters(all: readonly Hitters[]): Hitters {
  const counts = new Map<string, number>();
  let [total, missed] = [0, 0];
  for (const each of all) {
    total += each.total;
    missed += each.missed;
    for (const [key, count] of each.counts) counts.set(key, (counts.get(key) ?? 0) + count);
  }
  return { total, missed, counts };
}
