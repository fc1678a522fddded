/**
 * How many submissions the frontends of a process have read and not judged yet: each writes its
 * own number in shared memory, and the sequencers read the sum whenever they want to know.
 * @module
 */

/** The numbers of all frontends. */
export class FrontendLoad {
  readonly #cells = new Set<Int32Array>();

  /** Submissions that wait to be judged, in all frontends. */
  get unjudgedCount(): number {
    let count = 0;
    for (const cell of this.#cells) count += Atomics.load(cell, 0);
    return count;
  }

  /** A cell for one frontend; `remove` once that is gone. */
  add(): { readonly cell: Int32Array<SharedArrayBuffer>; readonly remove: () => void } {
    const cell = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    this.#cells.add(cell);
    return { cell, remove: () => void this.#cells.delete(cell) };
  }
}
