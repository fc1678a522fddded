/**
 * What carries messages between a frontend and the sequencers: a thread's port today, a
 * connection to another machine later.
 * @module
 */

/** One end of a channel; messages arrive whole and in order, or the channel is over. */
export interface Wire {
  /** Sends a message; its buffer is the receiver's from then on. */
  post(bytes: Uint8Array<ArrayBuffer>): void;
  /** Calls `run` once what is happening now has happened: what comes until then is one group. */
  defer(run: () => void): void;
}
