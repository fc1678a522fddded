/**
 * Issuers that are known to be stored, so that they are neither sent nor stored again.
 * @module
 */
import { bytesKey, equalBytes } from "../encoding/bytes.ts";
import type { Issuer } from "../storage/store.ts";
import type { Submission } from "./message.ts";

/** Issuers remembered; beyond that they are simply stored again. */
const KNOWN_ISSUERS_MAX = 10_000;

/** What a commit stored stays stored for as long as this remembers it. */
export class KnownIssuers {
  readonly #keys = new Set<string>();

  has({ fingerprint }: Pick<Issuer, "fingerprint">): boolean {
    return this.#keys.has(bytesKey(fingerprint));
  }

  add({ fingerprint }: Issuer): void {
    if (this.#keys.size >= KNOWN_ISSUERS_MAX) this.clear();
    this.#keys.add(bytesKey(fingerprint));
  }

  clear(): void {
    this.#keys.clear();
  }

  /** Whether a certificate of the chain is neither known to be stored nor in `issuers`. */
  lacks({ chainFingerprints, issuers }: Submission): boolean {
    // The usual case in one thread: the frontend sent them all.
    if (issuers.length === chainFingerprints.length) return false;
    return chainFingerprints.some(
      (fingerprint) =>
        !this.has({ fingerprint }) &&
        !issuers.some((issuer) => equalBytes(issuer.fingerprint, fingerprint)),
    );
  }
}
