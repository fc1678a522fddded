/**
 * A small DER writer for the benchmark's certificates: X.690, section 10. It shares no code
 * with `src/x509`, so that one does not hide the other's mistakes.
 * @module
 */
import { concatBytes } from "../src/encoding/bytes.ts";
import { encodeUtf8 } from "../src/encoding/utf8.ts";

/** One element of up to 65,535 content bytes, minimal length. @throws RangeError if longer. */
export function der(tag: number, ...content: readonly Uint8Array[]): Uint8Array {
  const body = concatBytes(...content);
  const length = body.length;
  if (length > 0xffff) throw new RangeError(`expected at most 65535 bytes, got ${length}`);
  const head =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, Math.floor(length / 256), length % 256];
  return concatBytes(Uint8Array.from(head), body);
}

/** SEQUENCE. */
export function sequence(...content: readonly Uint8Array[]): Uint8Array {
  return der(0x30, ...content);
}

/** OBJECT IDENTIFIER from its dotted form; the first two arcs below 3 and 40. */
export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [40 * first + second];
  for (const arc of rest) {
    const digits = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) {
      digits.unshift(128 + (left % 128));
    }
    bytes.push(...digits);
  }
  return der(0x06, Uint8Array.from(bytes));
}

/** BIT STRING without unused bits. */
export function bitString(bytes: Uint8Array): Uint8Array {
  return der(0x03, Uint8Array.of(0), bytes);
}

/** OCTET STRING. */
export function octetString(bytes: Uint8Array): Uint8Array {
  return der(0x04, bytes);
}

/** UTCTime `YYMMDDHHMMSSZ` of a time before 2050. */
export function utcTime(timeMs: number): Uint8Array {
  const text = new Date(timeMs).toISOString().replaceAll(/[-:T]/g, "").slice(2, 14);
  return der(0x17, encodeUtf8(`${text}Z`));
}

/** An `IA5String`-like value under any tag. */
export function text(tag: number, value: string): Uint8Array {
  return der(tag, encodeUtf8(value));
}

/** `Extension`: RFC 5280, section 4.1. */
export function extension(
  id: string,
  value: Uint8Array,
  options: { readonly isCritical: boolean } = { isCritical: false },
): Uint8Array {
  const critical = options.isCritical ? [Uint8Array.of(0x01, 0x01, 0xff)] : [];
  return sequence(oid(id), ...critical, octetString(value));
}

/** `Name` of attributes in order, each its own RDN; UTF8String, PrintableString for the country. */
export function name(...attributes: readonly (readonly ["C" | "O" | "CN", string])[]): Uint8Array {
  const ids = { C: "2.5.4.6", O: "2.5.4.10", CN: "2.5.4.3" } as const;
  return sequence(
    ...attributes.map(([type, value]) =>
      der(0x31, sequence(oid(ids[type]), text(type === "C" ? 0x13 : 0x0c, value))),
    ),
  );
}

/** PEM of one certificate. */
export function formatCertificatePem(certificate: Uint8Array): string {
  const base64 = Buffer.from(certificate).toString("base64");
  const lines = base64.match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}
