/**
 * What checks need of the world around them: the public API of one shard, a memory that
 * outlives the visit, and the time. In the browser `browser/world.ts` gives them; a test gives
 * its own.
 * @module
 */
import type { Sha256 } from "../../merkle/hash.ts";

/** The public API below a shard's prefix. */
export interface Api {
  /**
   * The body of a GET that was answered 200, as text.
   * @param path Like `ct/v1/get-sth`.
   * @throws AnswerError for any other answer, or none.
   */
  get(path: string): Promise<string>;
  /**
   * The same of a POST.
   * @param body JSON.
   */
  post(path: string, body: string): Promise<string>;
}

/** Texts by key. Lost texts are forgotten, nothing worse. */
export interface Memory {
  read(key: string): string | undefined;
  write(key: string, text: string): void;
  forget(key: string): void;
}

/** The world around a check. */
export interface World {
  readonly api: Api;
  readonly memory: Memory;
  /** URL of the shard: what the key and heads are remembered for. */
  readonly url: string;
  readonly sha256: Sha256;
  /** The visitor's clock; milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
}

/** The server did not answer a question: nothing is proven, and nothing refuted. */
export class AnswerError extends Error {
  /** HTTP status; 0 where there was no answer. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** One thing that was checked, in words for the visitor. */
export interface Step {
  /** Like `Signature`. */
  readonly name: string;
  /** `warn`: it holds on a condition that the text tells; `wait`: could not be checked now. */
  readonly state: "ok" | "bad" | "warn" | "wait";
  readonly text: string;
}
