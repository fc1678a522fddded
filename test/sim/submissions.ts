/**
 * What the simulated clients submit: real certificates and precertificates, with the entry
 * that the log must record for each, built without `src/x509`.
 * @module
 */
import type { SignedEntry } from "../../src/rfc6962/entry.ts";
import { chainOf, makeCa, type TestCa } from "../support/certificates.ts";
import { sha256 } from "../support/sha256.ts";

/** One chain and what becomes of it. */
export interface SimSubmission {
  readonly name: string;
  readonly endpoint: "add-chain" | "add-pre-chain";
  readonly chain: readonly Uint8Array[];
  readonly entry: SignedEntry;
}

/** The root that the simulated shards accept. */
export const SIM_ROOT: TestCa = makeCa();

const ISSUERS = [SIM_ROOT.intermediate(), SIM_ROOT.intermediate()];

/** All chains; the clients pick from them again and again. */
export const SUBMISSIONS: readonly SimSubmission[] = Array.from({ length: 48 }, (_, index) =>
  makeSubmission(index),
);

function makeSubmission(index: number): SimSubmission {
  const issuer = ISSUERS[index % 2] ?? SIM_ROOT;
  const isPrecert = index % 3 === 0;
  const options = {
    serial: 1_000_000 + index,
    // Every fifth is old, and so of low priority.
    notBefore: new Date(index % 5 === 0 ? "2026-01-01T00:00:00Z" : "2026-02-28T12:00:00Z"),
    notAfter: new Date("2026-06-01T00:00:00Z"),
  };
  const leaf = issuer.issue({ ...options, precert: isPrecert });
  const tbs = Uint8Array.from(issuer.tbs({ ...options, precert: false }));
  return {
    name: `${isPrecert ? "precertificate" : "certificate"} ${index}`,
    endpoint: isPrecert ? "add-pre-chain" : "add-chain",
    chain: chainOf(leaf, issuer),
    entry: isPrecert
      ? { type: "precert", issuerKeyHash: sha256(issuer.spki), tbs }
      : { type: "x509", certificate: leaf },
  };
}
