/**
 * Bodies of submissions that were answered before, byte for byte: the same again gets the same
 * answer without being parsed and verified. Bounded, and forgotten when the roots change.
 * @module
 */
import type { MalformedError, RejectedError } from "../base/errors.ts";
import { keep, LinkedMap } from "../base/linked-map.ts";
import { bytesKey } from "../encoding/bytes.ts";
import type { Sha256 } from "../merkle/hash.ts";
import type { Sct } from "../rfc6962/sct.ts";
import type { SubmitEndpoint } from "./log.ts";

/** Accepted bodies that one shard remembers; 600 bytes each. */
export const ACCEPTED_BODIES_MAX = 4_096;

/** Refused bodies that one shard remembers; some 3 kB each, with the error. */
export const REFUSED_BODIES_MAX = 1_024;

/** What the judge says to a body, whatever the time: it goes by body, endpoint and roots. */
export type Refusal = MalformedError | RejectedError;

/** What an accepted body got. */
export interface Known {
  readonly sct: Sct;
  /** Label of its issuer: see `IssuerLabels`. */
  readonly issuer: string;
}

/** The answers; the least recently used gives way. */
export class KnownBodies {
  readonly #sha256: Sha256;
  readonly #accepted = new LinkedMap<string, Known>();
  readonly #refused = new LinkedMap<string, Refusal>();
  /** Part of each key: a verdict under older roots arrives at a key that nobody asks for. */
  #generation = 0;

  constructor(sha256: Sha256) {
    this.#sha256 = sha256;
  }

  /** The key of a body, for the calls below; to be made before it is judged. */
  keyOf(endpoint: SubmitEndpoint, body: Uint8Array): string {
    return `${endpoint}${this.#generation}/${bytesKey(this.#sha256(body))}`;
  }

  /** What this body got; undefined if it is not known. @throws the refusal it got. */
  recall(key: string): Known | undefined {
    const refusal = this.#refused.use(key);
    if (refusal !== undefined) throw refusal;
    return this.#accepted.use(key);
  }

  /** Records the SCT of an entry that is published. */
  accept(key: string, known: Known): void {
    keep(this.#accepted, key, known, ACCEPTED_BODIES_MAX);
  }

  /** Records what the judge threw. */
  refuse(key: string, refusal: Refusal): void {
    keep(this.#refused, key, refusal, REFUSED_BODIES_MAX);
  }

  /** Forgets all, also what is being judged now. */
  clear(): void {
    this.#generation += 1;
    this.#accepted.clear();
    this.#refused.clear();
  }
}
