/**
 * A shard whose store could not be opened: it answers 503 with the reason, so that the other
 * shards of the process go on and the operator sees which one is ill.
 * @module
 */
import { UnavailableError } from "../base/errors.ts";
import type { ShardDates } from "../base/shard-life.ts";
import type { ShardIdentity } from "../storage/store.ts";
import type { RootSet } from "../x509/roots.ts";
import type { Log, LogStatus } from "./log.ts";

/** What clients are told: the reason names files of the machine, and what is wrong with them. */
const NOT_OPEN = "the shard could not be opened; its operator has the reason";

/** Everything of it throws UnavailableError `UNAVAILABLE_SHARD_NOT_READY`. */
export class FailedLog implements Log {
  readonly identity: ShardIdentity;
  readonly publicKey: Uint8Array;
  readonly dates: ShardDates;
  #roots: readonly Uint8Array[];
  readonly #reason: string;

  /** @param reason For the operator, with what to do. */
  constructor(
    { identity, publicKey, dates }: Pick<Log, "identity" | "publicKey" | "dates">,
    roots: readonly Uint8Array[],
    reason: string,
  ) {
    this.identity = identity;
    this.publicKey = publicKey;
    this.dates = dates;
    this.#roots = roots;
    this.#reason = reason;
  }

  roots(): readonly Uint8Array[] {
    return this.#roots;
  }

  replaceRoots(roots: RootSet): void {
    this.#roots = roots.ders;
  }

  refusalOf(): UnavailableError {
    return new UnavailableError("UNAVAILABLE_SHARD_NOT_READY", NOT_OPEN);
  }

  watch(): () => void {
    return () => {};
  }

  publishedSize(): number {
    return 0;
  }

  status(): LogStatus {
    return {
      state: "failed",
      phase: undefined,
      isReady: false,
      reason: this.#reason,
      headAgeMs: undefined,
      poolEntryCount: 0,
      poolBytes: 0,
    };
  }

  head(): never {
    throw this.refusalOf();
  }

  checkpoint(): never {
    throw this.refusalOf();
  }

  recall(): never {
    throw this.refusalOf();
  }

  async submit(): Promise<never> {
    throw this.refusalOf();
  }

  async validate(): Promise<never> {
    throw this.refusalOf();
  }

  async proveConsistency(): Promise<never> {
    throw this.refusalOf();
  }

  async proveByHash(): Promise<never> {
    throw this.refusalOf();
  }

  async readEntries(): Promise<never> {
    throw this.refusalOf();
  }

  async entryAndProof(): Promise<never> {
    throw this.refusalOf();
  }

  async readTile(): Promise<never> {
    throw this.refusalOf();
  }

  async readDataTile(): Promise<never> {
    throw this.refusalOf();
  }

  async readSealedTile(): Promise<never> {
    throw this.refusalOf();
  }

  async readIssuer(): Promise<never> {
    throw this.refusalOf();
  }
}
