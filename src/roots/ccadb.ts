/**
 * Reports of the Common CA Database as CSV. Two kinds are meant: those of roots with what they
 * are used for (`RootCACertificatesIncludedByRSReportCSV`, `RootCACertificatesInclusionReportCSV`,
 * Mozilla's `IncludedCACertificateReportPEMCSV`), and those of all certificates with PEM. Columns
 * are found by name; of the second kind only self-issued certificates are taken.
 * @module
 */
import { MalformedError, messageOf } from "../base/errors.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { parseCsv } from "../encoding/csv.ts";
import { formatHex } from "../encoding/hex.ts";
import { type Certificate, parseCertificate } from "../x509/certificate.ts";
import type { Sha256 } from "../x509/known.ts";
import { parsePem } from "../x509/roots.ts";

/** What a report says. */
export interface CcadbReport {
  /** DER, in the order of the rows. */
  readonly ders: readonly Uint8Array[];
  /** One line for each row that is not what it claims to be. */
  readonly warnings: readonly string[];
}

const PEM_COLUMNS = ["X.509 Certificate (PEM)", "PEM Info", "PEM"];
const FINGERPRINT_COLUMNS = ["SHA-256 Fingerprint", "SHA256 Fingerprint"];
const USE_COLUMNS = ["Intended Use Case(s) Served", "Trust Bits", "Mozilla Trust Bits"];
const TYPE_COLUMNS = ["Certificate Record Type"];

/** Certificates of these uses are what a log is for; the monitors' root is one of the second. */
const USES = ["Server Authentication (TLS)", "CT Monitoring", "Websites"];

/** Whether the text begins as a CSV report does: one line of column names, PEM among them. */
export function isCcadbReport(text: string): boolean {
  const [head = ""] = text
    .slice(0, 8_192)
    .replace(/^\ufeff/, "")
    .trimStart()
    .split(/\r?\n/);
  return head.includes(",") && !head.includes("-----BEGIN") && /\bPEM\b/.test(head);
}

/**
 * Reads a report. Rows without PEM (there is an example), of other uses, or of certificates that
 * are no roots are passed over in silence.
 * @throws MalformedError `MALFORMED_CSV` if it is no CSV, has no column of PEM, or was cut off.
 */
export function parseCcadbReport(text: string, sha256: Sha256): CcadbReport {
  const [head = [], ...rows] = parseCsv(text);
  const names = head.map((name) => name.trim());
  const columnOf = (candidates: readonly string[]): number =>
    names.findIndex((name) => candidates.includes(name));
  const pem = columnOf(PEM_COLUMNS);
  if (pem < 0) {
    const message = `no column ${PEM_COLUMNS.join(" or ")}: take a report with PEM`;
    throw new MalformedError("MALFORMED_CSV", message);
  }
  const [fingerprint, use, type] = [FINGERPRINT_COLUMNS, USE_COLUMNS, TYPE_COLUMNS].map(columnOf);
  const ders: Uint8Array[] = [];
  const warnings: string[] = [];
  for (const [index, row] of rows.entries()) {
    if (row.length !== head.length) {
      const message = `row ${index + 2} has ${row.length} fields, the first ${head.length}: cut off?`;
      throw new MalformedError("MALFORMED_CSV", message);
    }
    const cell = (column: number | undefined): string => row[column ?? -1] ?? "";
    if (cell(pem).trim() === "") continue;
    if (use !== undefined && use >= 0 && !USES.some((name) => cell(use).includes(name))) continue;
    if (cell(type) !== "" && !cell(type).startsWith("Root")) continue;
    try {
      const { der, certificate } = readRow(cell(pem), cell(fingerprint), sha256);
      if (use !== undefined && use < 0 && !isSelfIssued(certificate)) continue;
      ders.push(der);
    } catch (error) {
      warnings.push(`row ${index + 2} is passed over: ${messageOf(error)}`);
    }
  }
  return { ders, warnings };
}

/** @throws MalformedError unless it is one certificate with that fingerprint. */
function readRow(
  pem: string,
  fingerprint: string,
  sha256: Sha256,
): { readonly der: Uint8Array; readonly certificate: Certificate } {
  // Some reports put PEM in single quotes.
  const [der, further] = parsePem(pem.replaceAll("'", ""));
  if (der === undefined || further !== undefined) {
    throw new MalformedError("MALFORMED_PEM", "expected one certificate");
  }
  const expected = fingerprint.replaceAll(/[^0-9a-fA-F]/g, "").toLowerCase();
  const got = formatHex(sha256(der));
  if (expected !== "" && expected !== got) {
    throw new MalformedError("MALFORMED_PEM", `SHA-256 is ${got}, the report says ${expected}`);
  }
  return { der, certificate: parseCertificate(der) };
}

function isSelfIssued({ subject, issuer }: Certificate): boolean {
  return equalBytes(subject, issuer);
}
