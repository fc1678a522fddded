/**
 * SCTs in whatever form they are at hand: the JSON of add-chain, TLS bytes of one or of a
 * list, the body of the X.509 extension, or a certificate that carries them; as bytes, base64
 * or hex. RFC 6962, sections 3.2, 3.3 and 4.1.
 * @module
 */
import { MalformedError } from "../base/errors.ts";
import { parseLaxBase64 } from "../encoding/base64.ts";
import { byteAt } from "../encoding/bytes.ts";
import { parseHex } from "../encoding/hex.ts";
import { decodeUtf8 } from "../encoding/utf8.ts";
import { parseSctJson } from "../rfc6962/json.ts";
import { decodeSct, decodeSctList, type Sct } from "../rfc6962/sct.ts";
import { parseCertificate } from "../x509/certificate.ts";
import { DerReader, TAG } from "../x509/der.ts";
import { poisonOf, sctListOf } from "../x509/precert.ts";
import { parsePem } from "../x509/roots.ts";

/** Text has no characters below the tabulator. */
const CONTROL_END = 9;

/** What SCTs were found in. */
export type SctForm = "JSON" | "SCT" | "SCT list" | "certificate";

/** What an input holds. */
export interface FoundScts {
  readonly form: SctForm;
  /** At least one. */
  readonly scts: readonly Sct[];
}

/**
 * The SCTs that `input` holds.
 * @param input Text in UTF-8 or bytes; a stranger's.
 * @throws MalformedError `MALFORMED_TLS` if it is none of the forms; `MALFORMED_CERTIFICATE`,
 *   `MALFORMED_JSON`, `MALFORMED_PEM` if it is one of them and broken, or carries no SCT.
 */
export function findScts(input: Uint8Array): FoundScts {
  const text = textOf(input);
  if (text === undefined) return inBytes(input);
  if (text.startsWith("{")) return { form: "JSON", scts: [parseSctJson(text)] };
  if (text.includes("-----BEGIN")) {
    const [first] = parsePem(text);
    if (first !== undefined) return inCertificate(first);
    throw new MalformedError("MALFORMED_PEM", "expected a certificate in PEM");
  }
  return inBytes(decodeText(text.replaceAll(/\s/g, "")));
}

/** Printable text without the white space around; undefined for anything else. */
function textOf(input: Uint8Array): string | undefined {
  // Bytes of an SCT begin with a zero, those of DER soon have one.
  if (input.some((byte) => byte < CONTROL_END)) return undefined;
  try {
    return decodeUtf8(input).trim();
  } catch (error) {
    if (error instanceof MalformedError) return undefined;
    throw error;
  }
}

function decodeText(text: string): Uint8Array {
  if (/^(?:[0-9a-f]{2})+$/i.test(text)) return parseHex(text.toLowerCase());
  return parseLaxBase64(text);
}

function inBytes(bytes: Uint8Array): FoundScts {
  switch (bytes[0]) {
    case TAG.sequence:
      return inCertificate(bytes);
    case TAG.octetString: {
      // What the extension of a certificate holds: RFC 6962, section 3.3.
      const reader = new DerReader(bytes);
      const list = reader.content(reader.expect(TAG.octetString, "SCT list"));
      reader.end("SCT list");
      return { form: "SCT list", scts: decodeSctList(list) };
    }
    default:
      return inTls(bytes);
  }
}

/** The first two bytes of a list are its length; those of an SCT can be so by chance. */
function inTls(bytes: Uint8Array): FoundScts {
  const isLength =
    bytes.length > 2 && byteAt(bytes, 0) * 256 + byteAt(bytes, 1) === bytes.length - 2;
  if (isLength) {
    try {
      return { form: "SCT list", scts: decodeSctList(bytes) };
    } catch (error) {
      if (!(error instanceof MalformedError) || bytes[0] !== 0) throw error;
    }
  }
  if (bytes[0] === 0) return { form: "SCT", scts: [decodeSct(bytes)] };
  throw new MalformedError(
    "MALFORMED_TLS",
    "expected an SCT, a list of SCTs or a certificate, as JSON, PEM, base64, hex or bytes",
  );
}

function inCertificate(der: Uint8Array): FoundScts {
  const certificate = parseCertificate(der);
  const list = sctListOf(certificate);
  if (list !== undefined) return { form: "certificate", scts: decodeSctList(list) };
  const why =
    poisonOf(certificate).count > 0
      ? "this is a precertificate: SCTs stand in the final certificate"
      : "the certificate carries no SCTs";
  throw new MalformedError("MALFORMED_CERTIFICATE", why);
}
