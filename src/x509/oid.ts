/**
 * Object identifiers: X.690, section 8.19. In certificates they stay bytes (the content
 * octets), which compare faster than text; dotted text is for configuration and people.
 * @module
 */
import { MalformedError, quote } from "../base/errors.ts";
import { byteAt } from "../encoding/bytes.ts";

/** Content octets of a dotted OID such as `2.5.29.15`. @throws MalformedError `MALFORMED_PARAMETER`. */
export function parseOid(dotted: string): Uint8Array {
  const arcs = /^[0-2](\.(0|[1-9][0-9]{0,38})){1,32}$/.test(dotted)
    ? dotted.split(".").map(BigInt)
    : [];
  const [first, second, ...rest] = arcs;
  if (first === undefined || second === undefined || (first < 2n && second > 39n)) {
    throw new MalformedError("MALFORMED_PARAMETER", `expected a dotted OID, got ${quote(dotted)}`);
  }
  const octets: number[] = [];
  for (const arc of [first * 40n + second, ...rest]) {
    const group = [Number(arc % 128n)];
    for (let left = arc / 128n; left > 0n; left /= 128n) group.unshift(Number(left % 128n) + 128);
    octets.push(...group);
  }
  return Uint8Array.from(octets);
}

/** Dotted text of content octets; at most the first 64 octets are shown. */
export function formatOid(content: Uint8Array): string {
  const arcs: string[] = [];
  let value = 0n;
  for (let index = 0; index < Math.min(content.length, 64); index += 1) {
    const octet = byteAt(content, index);
    value = value * 128n + BigInt(octet % 128);
    if (octet >= 0x80) continue;
    if (arcs.length > 0) arcs.push(String(value));
    else {
      const first = value < 40n ? 0n : value < 80n ? 1n : 2n;
      arcs.push(String(first), String(value - 40n * first));
    }
    value = 0n;
  }
  return content.length > 64 ? `${arcs.join(".")}…` : arcs.join(".");
}
