/**
 * What tests need around `admit`: rules with fresh caches, open policies, refusals.
 * @module
 */
import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { MalformedError, RejectedError } from "../../src/base/errors.ts";
import type { AdmissionOptions, AdmissionPolicy, Endpoint } from "../../src/policy/admission.ts";
import type { ChainRules } from "../../src/x509/chain.ts";
import { IssuerCache, VerifiedPairs } from "../../src/x509/known.ts";
import { RootSet } from "../../src/x509/roots.ts";
import { verifySignature } from "../../src/x509/verify.ts";
import type { TestCa } from "./certificates.ts";

/** Both ways in. */
export const ENDPOINTS: readonly Endpoint[] = ["add-chain", "add-pre-chain"];

/** Native SHA-256. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(hash("sha256", bytes, "buffer"));
}

/** Takes everything. */
export const OPEN_POLICY: AdmissionPolicy = {
  notAfterStartMs: undefined,
  notAfterLimitMs: undefined,
  extendedKeyUsages: [],
  acceptPrecertificateSigningCertificates: true,
};

/** Rules with these roots and caches of their own. */
export function makeRules(roots: readonly (TestCa | Uint8Array)[]): ChainRules {
  const ders = roots.map((root) => (root instanceof Uint8Array ? root : root.der));
  return {
    roots: new RootSet(ders, sha256),
    issuers: new IssuerCache(100),
    verified: new VerifiedPairs(100),
    verifySignature,
    sha256,
  };
}

/** Options of an open policy, changed by `policy`. */
export function optionsFor(
  endpoint: Endpoint,
  rules: ChainRules,
  policy: Partial<AdmissionPolicy> = {},
): AdmissionOptions {
  return { endpoint, rules, policy: { ...OPEN_POLICY, ...policy }, otherShards: [] };
}

/** The refusal that `act` ends with; any other outcome fails the test. */
export function refusalOf(act: () => unknown): MalformedError | RejectedError {
  try {
    act();
  } catch (error) {
    if (error instanceof MalformedError || error instanceof RejectedError) return error;
    throw error;
  }
  assert.fail("expected a refusal");
}
