/**
 * What the extensions of a certificate say, in lines for people: RFC 5280, section 4.2. What
 * is unknown or does not decode is left to the caller, who has its bytes.
 * @module
 */
import { MalformedError } from "../base/errors.ts";
import { formatHex } from "../encoding/hex.ts";
import { decodeUtf8 } from "../encoding/utf8.ts";
import type { Certificate } from "./certificate.ts";
import { contextConstructed, contextPrimitive, DerReader, TAG } from "./der.ts";
import { describeGeneralName } from "./describe.ts";
import { formatOid } from "./oid.ts";

/** Lines of an extension at most: names are an attacker's, and can be thousands. */
const LINES_MAX = 1_000;

/**
 * The lines of one extension of `certificate`; undefined for one that is unknown or broken.
 * @param oid Dotted.
 */
export function describeExtensionBody(
  certificate: Certificate,
  oid: string,
  value: Uint8Array,
): readonly string[] | undefined {
  const describe = Object.hasOwn(BODIES, oid) ? BODIES[oid] : undefined;
  try {
    return describe?.(new DerReader(value), certificate).slice(0, LINES_MAX);
  } catch (error) {
    if (error instanceof MalformedError) return undefined;
    throw error;
  }
}

/** An extension's body to lines; throws MalformedError. */
type Describe = (reader: DerReader, certificate: Certificate) => readonly string[];

const KEY_USAGES = [
  "digitalSignature",
  "nonRepudiation",
  "keyEncipherment",
  "dataEncipherment",
  "keyAgreement",
  "keyCertSign",
  "cRLSign",
  "encipherOnly",
  "decipherOnly",
] as const;

const OIDS: Readonly<Record<string, string>> = {
  "1.3.6.1.5.5.7.3.1": "serverAuth",
  "1.3.6.1.5.5.7.3.2": "clientAuth",
  "1.3.6.1.5.5.7.3.3": "codeSigning",
  "1.3.6.1.5.5.7.3.4": "emailProtection",
  "1.3.6.1.5.5.7.3.8": "timeStamping",
  "1.3.6.1.5.5.7.3.9": "OCSPSigning",
  "1.3.6.1.4.1.11129.2.4.4": "precertificate signing",
  "2.5.29.37.0": "any",
  "1.3.6.1.5.5.7.48.1": "OCSP",
  "1.3.6.1.5.5.7.48.2": "issuer",
  "2.23.140.1.1": "extended validation",
  "2.23.140.1.2.1": "domain validated",
  "2.23.140.1.2.2": "organisation validated",
  "2.23.140.1.2.3": "individual validated",
  "2.5.29.32.0": "any policy",
};

/** `name (1.2.3)`, or the OID alone. */
function nameOid(content: Uint8Array): string {
  const dotted = formatOid(content);
  const name = Object.hasOwn(OIDS, dotted) ? OIDS[dotted] : undefined;
  return name === undefined ? dotted : `${name} (${dotted})`;
}

/** By the dotted OID of the extension. */
const BODIES: Readonly<Record<string, Describe>> = {
  "1.3.6.1.4.1.11129.2.4.3": () => ["a precertificate: no client accepts it as a certificate"],
  "1.3.6.1.5.5.7.1.1": (reader) =>
    itemsOf(reader, (access) => {
      const method = nameOid(access.content(access.expect(TAG.oid, "method")));
      return [`${method}: ${nameIn(access)}`];
    }),
  "2.5.29.14": (reader) => [formatHex(reader.content(reader.expect(TAG.octetString, "key ID")))],
  "2.5.29.15": (_, { keyUsage }) => KEY_USAGES.filter((_name, bit) => keyUsage[bit] === true),
  "2.5.29.17": namesOf,
  "2.5.29.18": namesOf,
  "2.5.29.19": (reader, { isCa }) => {
    const fields = reader.descend(TAG.sequence, "BasicConstraints");
    fields.optional(TAG.boolean, "cA");
    const length = fields.optional(TAG.integer, "pathLen");
    const depth =
      length === undefined ? [] : [`path length ${formatInteger(fields.content(length))}`];
    return [isCa === true ? "a CA" : "not a CA", ...depth];
  },
  "2.5.29.31": (reader) =>
    itemsOf(reader, (point) => {
      const name = point.optional(contextConstructed(0), "distributionPoint");
      const full = name && point.enter(name).optional(contextConstructed(0), "fullName");
      return full === undefined ? ["(not by name)"] : allNames(new DerReader(point.content(full)));
    }),
  "2.5.29.32": (reader) =>
    itemsOf(reader, (policy) => [nameOid(policy.content(policy.expect(TAG.oid, "policy")))]),
  "2.5.29.35": (_, { authorityKeyId }) =>
    authorityKeyId === undefined ? ["no key ID"] : [formatHex(authorityKeyId)],
  "2.5.29.37": (_, { extendedKeyUsages }) => extendedKeyUsages.map(nameOid),
};

/** The lines of each SEQUENCE in a SEQUENCE. */
function itemsOf(reader: DerReader, lines: (item: DerReader) => readonly string[]): string[] {
  const list = reader.descend(TAG.sequence, "extension");
  const found: string[] = [];
  while (!list.isAtEnd) found.push(...lines(list.descend(TAG.sequence, "extension")));
  return found;
}

function namesOf(reader: DerReader): readonly string[] {
  return allNames(reader.descend(TAG.sequence, "names"));
}

function allNames(names: DerReader): string[] {
  const found: string[] = [];
  while (!names.isAtEnd) found.push(nameIn(names));
  return found;
}

/** The GeneralName that comes next; an address of the web is shown without a mark before it. */
function nameIn(reader: DerReader): string {
  const name = reader.next("name");
  const content = reader.content(name);
  if (name.tag !== contextPrimitive(6)) return describeGeneralName(name.tag, content);
  try {
    return decodeUtf8(content);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    return `#${formatHex(content.subarray(0, 64))}`;
  }
}

/** A small INTEGER as a number, any other as hex. */
function formatInteger(content: Uint8Array): string {
  return content.length === 1 ? String(content[0]) : `0x${formatHex(content.subarray(0, 32))}`;
}
