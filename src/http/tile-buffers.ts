/**
 * Memory of sealed tiles on their way to a client: used again once the response is out. A fresh
 * array for each costs more than reading the tile (*measured*: 20 us for its pages, and the whole
 * heap is marked every few hundred of them).
 * @module
 */
import type { ServerResponse } from "node:http";

/** Bytes that lie ready, at most, for all shards of a process or thread. */
export const SPARE_BYTES_MAX = 16_777_216;

/** Arrays have this size, so that each fits the next tile; a larger tile gets one of its own. */
export const SPARE_BYTES = 524_288;

/** Arrays that lie ready, and those that are lent. One for all shards. */
export class TileBuffers {
  readonly #spare: Uint8Array[] = [];

  /** Bytes that lie ready now. */
  get spareBytes(): number {
    return SPARE_BYTES * this.#spare.length;
  }

  /**
   * Lends `read` memory for what `response` is going to send. It comes back once the system has
   * taken all of it; a response that ends otherwise keeps it.
   * @param read Calls `into` for each try; what it returns may be in the last array or elsewhere.
   */
  async lend<T extends Uint8Array | undefined>(
    response: ServerResponse,
    read: (into: (length: number) => Uint8Array) => Promise<T>,
  ): Promise<T> {
    let lent: Uint8Array | undefined;
    const bytes = await read((length) => {
      lent = this.#take(length);
      return lent;
    });
    const used = lent;
    if (used !== undefined && bytes?.buffer === used.buffer) {
      response.once("finish", () => this.#giveBack(used));
    }
    return bytes;
  }

  #take(length: number): Uint8Array {
    if (length > SPARE_BYTES) return Buffer.allocUnsafeSlow(length);
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(SPARE_BYTES);
  }

  #giveBack(bytes: Uint8Array): void {
    if (bytes.length !== SPARE_BYTES || this.spareBytes >= SPARE_BYTES_MAX) return;
    this.#spare.push(bytes);
  }
}
