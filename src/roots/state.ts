/**
 * What is accepted, by shard: everything that the ledger's changes add up to. Nothing is ever
 * taken out; a root that its sources no longer have is marked, and stays.
 * @module
 */

/** What happened to a certificate. */
export type RootsChangeKind = "added" | "lost" | "returned" | "blocked" | "unblocked";

/** One line of the ledger. */
export interface RootsChange {
  /** Milliseconds since the Unix epoch. */
  readonly timeMs: number;
  readonly change: RootsChangeKind;
  /** SHA-256 of the certificate, 64 digits. */
  readonly fingerprint: string;
  /** For people; empty for a blocked certificate that was never seen. */
  readonly subject: string;
  /** `mozilla`, a path or a URL; for a lost root, that from which it was added. */
  readonly source: string;
  /** Those that it is about; empty where it is about all, as blocking is. */
  readonly shards: readonly string[];
  /** DER, with the first change that needs it. */
  readonly certificate?: Uint8Array | undefined;
}

/** A root that a shard accepts, unless it is blocked. */
export interface AcceptedRoot {
  readonly fingerprint: string;
  readonly subject: string;
  readonly source: string;
  readonly sinceMs: number;
  /** Whether no source has it any more. */
  readonly isLost: boolean;
}

/** See the module. */
export class RootsState {
  readonly #certificates = new Map<string, Uint8Array>();
  readonly #shards = new Map<string, Map<string, AcceptedRoot>>();
  readonly #blocked = new Map<string, RootsChange>();

  /** Takes one change. */
  apply(change: RootsChange): void {
    const { fingerprint, subject, source, timeMs, certificate } = change;
    if (certificate !== undefined) this.#certificates.set(fingerprint, certificate);
    if (change.change === "blocked") this.#blocked.set(fingerprint, change);
    if (change.change === "unblocked") this.#blocked.delete(fingerprint);
    for (const shard of change.shards) {
      const roots = this.#shards.get(shard) ?? new Map<string, AcceptedRoot>();
      this.#shards.set(shard, roots);
      const known = roots.get(fingerprint);
      const isLost = change.change === "lost";
      if (known !== undefined) roots.set(fingerprint, { ...known, isLost });
      else if (this.#certificates.has(fingerprint)) {
        roots.set(fingerprint, { fingerprint, subject, source, sinceMs: timeMs, isLost });
      }
    }
  }

  /** DER by fingerprint. */
  certificate(fingerprint: string): Uint8Array | undefined {
    return this.#certificates.get(fingerprint);
  }

  /** What a shard accepts, by fingerprint, in the order of acceptance; blocked ones among them. */
  acceptedBy(shard: string): ReadonlyMap<string, AcceptedRoot> {
    return this.#shards.get(shard) ?? new Map();
  }

  /** The newest change of each certificate that is blocked now, by fingerprint. */
  get blocked(): ReadonlyMap<string, RootsChange> {
    return this.#blocked;
  }

  /** The subject of a certificate that any shard accepted; empty if none did. */
  subjectOf(fingerprint: string): string {
    for (const roots of this.#shards.values()) {
      const root = roots.get(fingerprint);
      if (root !== undefined) return root.subject;
    }
    return "";
  }
}
