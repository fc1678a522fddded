/**
 * `Name`: RFC 5280, section 4.1.2.4. Names are compared as bytes; what is read here is
 * whether they decode, and how they look to people.
 * @module
 */
import { MalformedError } from "../base/errors.ts";
import { byteAt } from "../encoding/bytes.ts";
import { formatHex } from "../encoding/hex.ts";
import { decodeUtf8 } from "../encoding/utf8.ts";
import { DerReader, requireLastOid, TAG, type Tlv } from "./der.ts";
import { formatOid } from "./oid.ts";

/** One attribute of a name. */
export interface NameAttribute {
  /** `CN`, `O`, ... where RFC 4514 or custom has a short form, else the dotted OID. */
  readonly type: string;
  /** Text; `#` and hex of the content octets where the value is no string. */
  readonly value: string;
  /** Whether `value` is text. */
  readonly isText: boolean;
}

/**
 * Reads past the next TLV, which must be a SEQUENCE OF SET OF { OID, any }, with UTF-8, ASCII
 * and two-byte strings that are such, as Go wants them. Which characters a PrintableString
 * holds is not looked at. @throws MalformedError `MALFORMED_DER`.
 */
export function skipName(reader: DerReader, what: string): void {
  const behindName = reader.open(TAG.sequence, what);
  while (!reader.isAtEnd) {
    const behindSet = reader.open(TAG.set, what);
    while (!reader.isAtEnd) {
      const behindAttribute = reader.open(TAG.sequence, what);
      reader.skipTag(TAG.oid, what);
      requireLastOid(reader, what);
      reader.skip(what);
      requireLastString(reader, what);
      reader.leave(behindAttribute);
    }
    reader.leave(behindSet);
  }
  reader.leave(behindName);
}

/** The attributes of a `Name` TLV in order, for people: broken strings appear as hex. */
export function describeName(name: Uint8Array): readonly NameAttribute[] {
  const found: NameAttribute[] = [];
  const sets = new DerReader(name).descend(TAG.sequence, "name");
  while (!sets.isAtEnd) {
    const attributes = sets.descend(TAG.set, "name");
    while (!attributes.isAtEnd) {
      const attribute = attributes.descend(TAG.sequence, "name");
      const oid = formatOid(attributes.content(attribute.expect(TAG.oid, "name")));
      const value = attribute.next("name");
      const content = attribute.content(value);
      const isText = TEXT_TAGS.has(value.tag);
      const shown = isText ? textOf(value, content) : `#${formatHex(content.subarray(0, 64))}`;
      found.push({ type: SHORT_NAMES[oid] ?? oid, value: shown, isText });
    }
  }
  return found;
}

/**
 * `CN=R3,O=Let's Encrypt,C=US`: like RFC 4514, the most specific attribute first. What does
 * not decode, or has more than 4,096 bytes, appears as hex. Never throws.
 */
export function formatName(name: Uint8Array): string {
  try {
    if (name.length > 4096) return `#${formatHex(name.subarray(0, 64))}…`;
    const parts = describeName(name).map(({ type, value, isText }) => {
      return `${type}=${isText ? escapeValue(value) : value}`;
    });
    return parts.reverse().join(",");
  } catch {
    return `#${formatHex(name.subarray(0, 64))}`;
  }
}

const SHORT_NAMES: Readonly<Record<string, string>> = {
  "2.5.4.3": "CN",
  "2.5.4.4": "SN",
  "2.5.4.5": "serialNumber",
  "2.5.4.6": "C",
  "2.5.4.7": "L",
  "2.5.4.8": "ST",
  "2.5.4.9": "street",
  "2.5.4.10": "O",
  "2.5.4.11": "OU",
  "2.5.4.12": "title",
  "2.5.4.42": "GN",
  "2.5.4.97": "organizationIdentifier",
  "0.9.2342.19200300.100.1.1": "UID",
  "0.9.2342.19200300.100.1.25": "DC",
  "1.2.840.113549.1.9.1": "emailAddress",
};

function requireLastString(reader: DerReader, what: string): void {
  const { bytes, tag, contentStart, offset: end } = reader;
  if (tag === TAG.bmpString) {
    if ((end - contentStart) % 2 !== 0) throw invalid(what, "BMPString");
    return;
  }
  if (tag !== TAG.utf8String && tag !== TAG.ia5String) return;
  for (let index = contentStart; index < end; index += 1) {
    if (byteAt(bytes, index) < 0x80) continue;
    if (tag === TAG.ia5String) throw invalid(what, "IA5String");
    requireUtf8(reader.lastContent(), what);
    return;
  }
}

function requireUtf8(content: Uint8Array, what: string): void {
  try {
    decodeUtf8(content);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    throw new MalformedError("MALFORMED_DER", `${what}: ${error.message}`, { cause: error });
  }
}

function textOf(value: Tlv, content: Uint8Array): string {
  if (value.tag === TAG.bmpString || value.tag === TAG.universalString) {
    return wideText(content, value.tag === TAG.bmpString ? 2 : 4);
  }
  try {
    return decodeUtf8(content);
  } catch {
    let latin1 = "";
    for (const byte of content) latin1 += String.fromCharCode(byte);
    return latin1;
  }
}

const TEXT_TAGS: ReadonlySet<number> = new Set<number>([
  TAG.utf8String,
  TAG.numericString,
  TAG.printableString,
  TAG.teletexString,
  TAG.ia5String,
  TAG.universalString,
  TAG.bmpString,
]);

function wideText(content: Uint8Array, width: number): string {
  let text = "";
  for (let index = 0; index + width <= content.length; index += width) {
    let code = 0;
    for (let next = 0; next < width; next += 1) code = code * 256 + byteAt(content, index + next);
    text += code > 0x10ffff ? "\ufffd" : String.fromCodePoint(code);
  }
  return text;
}

/** RFC 4514, section 2.4; control characters are escaped as well. */
function escapeValue(value: string): string {
  const escaped = value.replaceAll(/[",+;<>\\]/g, "\\$&").replace(/^[ #]| $/g, "\\$&");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones to escape
  return escaped.replaceAll(/[\u0000-\u001f\u007f]/g, (character) => {
    return `\\${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
}

function invalid(what: string, type: string): MalformedError {
  return new MalformedError("MALFORMED_DER", `${what}: invalid ${type}`);
}
