/**
 * Lists of roots in the forms that sources have, made of test CAs.
 * @module
 */
import { createHash } from "node:crypto";
import { pemOf } from "./running-log.ts";

/** What a report says of a certificate's use. */
export const TLS_USE =
  "Secure Email (S/MIME) 1.3.6.1.5.5.7.3.4;Server Authentication (TLS) 1.3.6.1.5.5.7.3.1";

/** SHA-256 in lower-case hexadecimal. */
export function fingerprintOf(der: Uint8Array): string {
  return createHash("sha256").update(der).digest("hex");
}

/** A row of {@link includedReport}. */
export interface ReportRow {
  readonly der: Uint8Array;
  readonly use?: string;
  /** Instead of the right one. */
  readonly fingerprint?: string;
}

/** A report with the columns of CCADB's roots included by root stores. */
export function includedReport(rows: readonly ReportRow[]): string {
  const head = [
    "Subject",
    "CA Owner",
    "X.509 Certificate (PEM)",
    "SHA-256 Fingerprint",
    "Intended Use Case(s) Served",
    "Apple Status",
    "Google Chrome Status",
    "Microsoft Status",
    "Mozilla Status",
  ];
  const lines = rows.map(({ der, use = TLS_USE, fingerprint = fingerprintOf(der) }) => {
    const upper = fingerprint.toUpperCase();
    return ["CN=A; O=B", 'Owner, "Inc."', pemOf(der).trim(), upper, use, "Included", "", "", ""];
  });
  const example = ["CN=Example", "Example CA", "", "", "", "", "", "", ""];
  return csv([head, example, ...lines]);
}

/** Rows in quotes. */
export function csv(rows: readonly (readonly string[])[]): string {
  const quoted = (field: string): string => `"${field.replaceAll('"', '""')}"`;
  return rows.map((row) => `${row.map(quoted).join(",")}\n`).join("");
}
