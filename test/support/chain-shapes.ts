/**
 * Which chains are taken, for both endpoints: every shape that CTFE was tried with, with its
 * outcome. On add-pre-chain the leaves carry poison. Run against `admit` and over HTTP.
 * @module
 */
import assert from "node:assert/strict";
import type { Endpoint } from "../../src/policy/admission.ts";
import { makeCa, type TestCa } from "./certificates.ts";

const R = makeCa({ subject: "R" });
const I = R.intermediate({ subject: "I" });
const X = makeCa({ subject: "X" });
const twin1 = makeCa({ subject: "twin" });
const twin2 = makeCa({ subject: "twin", keyOf: twin1 });
const Cself = makeCa({ subject: "C" });
const C = R.intermediate({ subject: "C", keyOf: Cself });

/** Authorities by their names in {@link SHAPES}. */
const AUTHORITIES: Readonly<Record<string, TestCa>> = { R, I, X, r1: twin1, r2: twin2, Cself, C };

/** Leaves by their names in {@link SHAPES}, and who issues them. */
const ISSUERS: Readonly<Record<string, TestCa>> = { L: I, T: twin1, LC: Cself, LX: X, LR: R };

const NO_PATH = "no RFC compliant path to root found when trying to validate chain";
const UNKNOWN = "x509: certificate signed by unknown authority";
const NO_PRECERTIFICATE = "a certificate without poison belongs to add-chain";

/** One row. */
export interface Shape {
  /** Names of the certificates sent. */
  readonly submitted: string;
  /** Names of the accepted roots, in their order. */
  readonly pool: string;
  /** `= ` and the stored path, leaf included, or words of the refusal; by endpoint. */
  readonly outcome: Readonly<Record<Endpoint, string>>;
}

/** Every row. */
export const SHAPES: readonly Shape[] = [
  row("L I", "R", "= L I R"),
  row("L I R", "R", "= L I R"),
  row("L I R R", "R", NO_PATH),
  row("L I I", "R", NO_PATH),
  row("L L I", "R", NO_PATH),
  row("L R I", "R", NO_PATH),
  row("L I X", "R", NO_PATH),
  row("L I R X", "R", NO_PATH),
  row("L", "R", UNKNOWN),
  row("L I R", "X", UNKNOWN),
  row("LX", "R", UNKNOWN),
  row("L", "I", "= L I"),
  row("L I", "I", "= L I"),
  row("L I R", "I", NO_PATH),
  row("L I", "I R", "= L I"),
  row("L I", "R I", "= L I"),
  row("L I R", "I R", "= L I R"),
  row("T", "r1 r2", "= T r1"),
  row("T", "r2 r1", "= T r2"),
  row("T r1", "r1 r2", "= T r1"),
  row("T r2", "r1 r2", "= T r2"),
  row("LC C", "R", "= LC C R"),
  row("LC C", "R Cself", "= LC C R"),
  row("LC Cself C", "R", "= LC Cself C R"),
  row("LR", "R", "= LR R"),
  row("LR R", "R", "= LR R"),
  row("R", "R", "= R", NO_PRECERTIFICATE),
  row("R R", "R", NO_PATH),
  row("I", "R", "= I R", NO_PRECERTIFICATE),
  row("I R", "R", "= I R", NO_PRECERTIFICATE),
  row("I R", "I R", NO_PATH),
];

/** A row with fresh leaves, so that no two rows log one entry. */
export interface MadeShape {
  readonly chain: readonly Uint8Array[];
  /** The stored path, leaf included; undefined if the chain is refused. */
  readonly path: readonly Uint8Array[] | undefined;
  /** The TBSCertificate that is logged for a precertificate. */
  readonly tbs: Uint8Array | undefined;
  /** SubjectPublicKeyInfo of the leaf's issuer. */
  readonly issuerSpki: Uint8Array;
}

/** Makes the certificates of a row. */
export function makeShape(shape: Shape, endpoint: Endpoint): MadeShape {
  const precert = endpoint === "add-pre-chain";
  const made = new Map<string, Uint8Array>();
  const [first = ""] = shape.submitted.split(" ");
  const issuer = ISSUERS[first] ?? R;
  serials += 1;
  const serial = serials;
  for (const [name, ca] of Object.entries(ISSUERS)) made.set(name, ca.issue({ serial, precert }));
  const resolve = (names: string): readonly Uint8Array[] =>
    names
      .split(" ")
      .map((name) => made.get(name) ?? AUTHORITIES[name]?.der ?? assert.fail(`no ${name}`));
  const outcome = shape.outcome[endpoint];
  return {
    chain: resolve(shape.submitted),
    path: outcome.startsWith("= ") ? resolve(outcome.slice(2)) : undefined,
    tbs: precert ? issuer.tbs({ serial }) : undefined,
    issuerSpki: issuer.spki,
  };
}

/** The roots of a row. */
export function poolOf(shape: Shape): readonly TestCa[] {
  return shape.pool.split(" ").map((name) => AUTHORITIES[name] ?? assert.fail(`no root ${name}`));
}

/** A root and `count` intermediates below it, all with one key. */
export function makeLongChain(count: number): {
  readonly root: TestCa;
  readonly last: TestCa;
  /** From the last intermediate up, the root excluded. */
  readonly intermediates: readonly Uint8Array[];
} {
  const root = makeCa();
  let last = root;
  const intermediates: Uint8Array[] = [];
  for (let made = 0; made < count; made += 1) {
    last = last.intermediate({ keyOf: root });
    intermediates.unshift(last.der);
  }
  return { root, last, intermediates };
}

let serials = 500_000;

function row(submitted: string, pool: string, outcome: string, onPrecert = outcome): Shape {
  return { submitted, pool, outcome: { "add-chain": outcome, "add-pre-chain": onPrecert } };
}
