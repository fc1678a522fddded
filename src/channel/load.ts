/**
 * How long the frontends of a process are busy with the submissions that they have read and not
 * judged yet: each writes its own estimate in shared memory, and the sequencers read the mean
 * whenever they want to know.
 * @module
 */
import type { Clock } from "../clock/clock.ts";
import { UNJUDGED_MS_MIN } from "../sequencer/stretch.ts";
import type { Wire } from "./wire.ts";

/** The estimates of all frontends. */
export class FrontendLoad {
  readonly #cells = new Set<Int32Array>();

  /** What waits to be judged takes a frontend so long; the mean of all; milliseconds. */
  get unjudgedMs(): number {
    let sumUs = 0;
    for (const cell of this.#cells) sumUs += Atomics.load(cell, 0);
    return sumUs / 1_000 / Math.max(1, this.#cells.size);
  }

  /** A cell (microseconds) for one frontend; `remove` once that is gone. */
  add(): { readonly cell: Int32Array<SharedArrayBuffer>; readonly remove: () => void } {
    const cell = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    this.#cells.add(cell);
    return { cell, remove: () => void this.#cells.delete(cell) };
  }
}

/** While what this frontend has read keeps it busy for longer, its groups wait; milliseconds. */
const FAR_BEHIND_MS = 2 * UNJUDGED_MS_MIN;

/** How long they wait at most; milliseconds. */
export const LINGER_MS_MAX = 10;

/**
 * `wire`, but while this frontend is far behind, its groups gather for a moment: a message costs
 * both threads some 80 us together (*measured*, of four submissions with P-384). It makes nobody
 * wait for a head: a shard takes its group when frontends have half of that left, or what has
 * arrived at the end of its time (`sequencer/stretch.ts`).
 * @param cell Of this frontend.
 */
export function lingering(wire: Wire, clock: Clock, cell: Int32Array): Wire {
  return {
    post: (bytes) => wire.post(bytes),
    defer: (run) => {
      const endMs = clock.monotonicMs() + LINGER_MS_MAX;
      const look = (): void => {
        const isFarBehind = Atomics.load(cell, 0) > 1_000 * FAR_BEHIND_MS;
        if (isFarBehind && clock.monotonicMs() < endMs) wire.defer(look);
        else run();
      };
      wire.defer(look);
    },
  };
}
