/**
 * Fuzz targets of x509: certificates as a stranger could send them. What is accepted is held
 * against what it was read from.
 * @module
 */
import assert from "node:assert/strict";
import { MalformedError } from "../../src/base/errors.ts";
import { encodeUtf8 } from "../../src/encoding/utf8.ts";
import { type Certificate, parseCertificate } from "../../src/x509/certificate.ts";
import { describeCertificate } from "../../src/x509/describe.ts";
import {
  buildPrecertTbs,
  POISON_OID,
  SCT_LIST_OID,
  sctListOf,
  tbsWithoutSctList,
} from "../../src/x509/precert.ts";
import { parsePem } from "../../src/x509/roots.ts";
import { bitString, sequence } from "../support/der-builder.ts";
import { pem } from "../support/submit-run.ts";
import { mutateDer } from "./der.ts";
import { type FuzzTarget, mutateBytes, type Random } from "./fuzz.ts";
import { CERTIFICATES } from "./samples.ts";

/** By element two times of three, by bytes otherwise. */
function mutateCertificate(
  random: Random,
  input: Uint8Array,
  samples: readonly Uint8Array[],
): Uint8Array {
  return random.below(3) === 0 ? mutateBytes(random, input, samples) : mutateDer(random, input);
}

/** The certificate whose TBSCertificate is `tbs`. */
export function wrapTbs(
  tbs: Uint8Array,
  { signatureAlgorithm, signature }: Certificate,
): Uint8Array {
  return Uint8Array.from(sequence(tbs, signatureAlgorithm, bitString(signature)));
}

/** `tbs` is `certificate`'s own without its extension `oid`, and all else is as it was. */
function checkWithout(certificate: Certificate, tbs: Uint8Array, oid: Uint8Array): void {
  const built = parseCertificate(wrapTbs(tbs, certificate));
  const isKept = ({ oid: other }: { readonly oid: Uint8Array }): boolean =>
    Buffer.compare(other, oid) !== 0;
  assert.deepEqual(
    built.extensions.map(({ raw }) => raw),
    certificate.extensions.filter(isKept).map(({ raw }) => raw),
  );
  for (const field of ["issuer", "subject", "serial", "spki", "notAfterMs", "version"] as const) {
    assert.deepEqual(built[field], certificate[field], field);
  }
}

function checkCertificate(input: Uint8Array): void {
  const certificate = parseCertificate(input);
  // All of it was read, and what is signed stands in it.
  assert.deepEqual(certificate.der, input);
  assert.ok(Buffer.from(input).includes(Buffer.from(certificate.tbs)));
  assert.deepEqual(parseCertificate(wrapTbs(certificate.tbs, certificate)).tbs, certificate.tbs);
  assert.ok(Number.isSafeInteger(certificate.notAfterMs));
}

function checkPem(input: Uint8Array): void {
  const blocks = parsePem(Buffer.from(input).toString("latin1"));
  const again = parsePem(blocks.map((der) => pem(der)).join("text between\n"));
  assert.deepEqual(again.map(toHex), blocks.map(toHex));
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

const PEM_SAMPLES = CERTIFICATES.slice(0, 3).map((der) => encodeUtf8(pem(der)));

/** Every reader of certificates. */
export const TARGETS: readonly FuzzTarget[] = [
  { name: "x509/certificate", run: checkCertificate },
  {
    name: "x509/precert-tbs",
    run: (input: Uint8Array) => {
      const certificate = parseCertificate(input);
      checkWithout(certificate, buildPrecertTbs(certificate), POISON_OID);
    },
  },
  {
    name: "x509/tbs-without-sct-list",
    run: (input: Uint8Array) => {
      const certificate = parseCertificate(input);
      checkWithout(certificate, tbsWithoutSctList(certificate), SCT_LIST_OID);
      sctListOf(certificate);
    },
  },
  {
    name: "x509/describe",
    run: (input: Uint8Array) => {
      const described = JSON.stringify(describeCertificate(input));
      // What a person reads grows with what was sent, and no faster.
      assert.ok(described.length < 64 * input.length + 2_000, `${described.length} characters`);
    },
  },
]
  .map((target): FuzzTarget => ({ ...target, samples: CERTIFICATES, mutate: mutateCertificate }))
  .concat([{ name: "x509/pem", samples: PEM_SAMPLES, run: checkPem, refusals: [MalformedError] }]);
