/**
 * Extended key usages by name: RFC 5280, section 4.2.1.12.
 * @module
 */
import { equalBytes } from "../encoding/bytes.ts";
import type { Certificate } from "./certificate.ts";
import { parseOid } from "./oid.ts";

const ANY_USAGE_OID: Uint8Array = parseOid("2.5.29.37.0");

const NAMES: Readonly<Record<string, string>> = {
  any: "2.5.29.37.0",
  serverauth: "1.3.6.1.5.5.7.3.1",
  clientauth: "1.3.6.1.5.5.7.3.2",
  codesigning: "1.3.6.1.5.5.7.3.3",
  emailprotection: "1.3.6.1.5.5.7.3.4",
  timestamping: "1.3.6.1.5.5.7.3.8",
  ocspsigning: "1.3.6.1.5.5.7.3.9",
};

/**
 * Content octets of a usage's OID, from its name (`serverAuth`, `any`, ... in any case) or
 * dotted. @throws MalformedError `MALFORMED_PARAMETER`.
 */
export function parseExtendedKeyUsage(text: string): Uint8Array {
  const name = text.toLowerCase();
  return parseOid(Object.hasOwn(NAMES, name) ? (NAMES[name] ?? text) : text);
}

/** Whether `certificate` names one of these usages (content octets) itself; anyExtendedKeyUsage is just one of them. */
export function hasExtendedKeyUsage(
  certificate: Certificate,
  usages: readonly Uint8Array[],
): boolean {
  return certificate.extendedKeyUsages.some((own) => usages.some((one) => equalBytes(own, one)));
}

/** Whether these content octets are `anyExtendedKeyUsage`, which in a filter means no filter. */
export function isAnyUsage(usage: Uint8Array): boolean {
  return equalBytes(usage, ANY_USAGE_OID);
}
