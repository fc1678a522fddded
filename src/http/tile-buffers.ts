/**
 * Memory of sealed tiles and of pages of entries on their way to a client: used again once the
 * response is out. A fresh array for each costs more than reading the tile (*measured*: 20 us for
 * its pages, and the whole heap is marked every few hundred of them).
 * @module
 */
import type { HttpResponse } from "./exchange.ts";

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
    response: HttpResponse,
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

  /**
   * Memory for what `response` is going to send, piece by piece: each comes back when `taken` is
   * told of it, and all with the response as that of `lend` does.
   */
  lendPieces(response: HttpResponse): {
    readonly take: (length: number) => Uint8Array;
    readonly taken: (piece: string | Uint8Array) => void;
  } {
    const lent = new Map<ArrayBufferLike, Uint8Array>();
    const taken = (piece: string | Uint8Array): void => {
      if (typeof piece === "string") return;
      const bytes = lent.get(piece.buffer);
      if (bytes !== undefined && lent.delete(piece.buffer)) this.#giveBack(bytes);
    };
    response.once("finish", () => {
      for (const bytes of [...lent.values()]) taken(bytes);
    });
    const take = (length: number): Uint8Array => {
      const bytes = this.#take(length);
      lent.set(bytes.buffer, bytes);
      return bytes;
    };
    return { take, taken };
  }

  /**
   * Lends memory until `act` has resolved; nothing may use it then. If `act` fails, something may
   * still be reading into it, and it does not come back.
   */
  async borrow<T>(act: (into: (length: number) => Uint8Array) => Promise<T>): Promise<T> {
    const lent: Uint8Array[] = [];
    const result = await act((length) => {
      const bytes = this.#take(length);
      lent.push(bytes);
      return bytes;
    });
    for (const bytes of lent) this.#giveBack(bytes);
    return result;
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
