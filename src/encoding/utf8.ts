/**
 * UTF-8, RFC 3629, in plain JavaScript: the core knows neither `TextEncoder` nor Node.
 * @module
 */
import { MalformedError } from "../base/errors.ts";
import { byteAt } from "./bytes.ts";

/** The UTF-8 bytes of `text`. @throws MalformedError `MALFORMED_UTF8` for a lone surrogate. */
export function encodeUtf8(text: string): Uint8Array {
  const out: number[] = [];
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code >= 0xd800 && code <= 0xdfff) {
      throw new MalformedError("MALFORMED_UTF8", "a lone surrogate has no UTF-8 form");
    }
    if (code < 0x80) out.push(code);
    else if (code < 0x800) out.push(0xc0 + Math.floor(code / 0x40), 0x80 + (code % 0x40));
    else if (code < 0x10000) {
      out.push(0xe0 + Math.floor(code / 0x1000));
      out.push(0x80 + (Math.floor(code / 0x40) % 0x40), 0x80 + (code % 0x40));
    } else {
      out.push(0xf0 + Math.floor(code / 0x40000), 0x80 + (Math.floor(code / 0x1000) % 0x40));
      out.push(0x80 + (Math.floor(code / 0x40) % 0x40), 0x80 + (code % 0x40));
    }
  }
  return Uint8Array.from(out);
}

/** The text of UTF-8 `bytes`. @throws MalformedError `MALFORMED_UTF8` for overlong, surrogate or cut forms. */
export function decodeUtf8(bytes: Uint8Array): string {
  let out = "";
  let index = 0;
  while (index < bytes.length) {
    const first = byteAt(bytes, index);
    const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if ((first >= 0x80 && first < 0xc2) || first > 0xf4 || index + length > bytes.length) {
      throw new MalformedError("MALFORMED_UTF8", `invalid UTF-8 at byte ${index}`);
    }
    let code = length === 1 ? first : first % 2 ** (7 - length);
    for (let next = 1; next < length; next += 1) {
      const continuation = byteAt(bytes, index + next);
      if (continuation < 0x80 || continuation > 0xbf) {
        throw new MalformedError("MALFORMED_UTF8", `invalid UTF-8 at byte ${index + next}`);
      }
      code = code * 0x40 + (continuation - 0x80);
    }
    const least = [0, 0, 0x80, 0x800, 0x10000][length] ?? 0;
    if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
      throw new MalformedError("MALFORMED_UTF8", `invalid UTF-8 at byte ${index}`);
    }
    out += String.fromCodePoint(code);
    index += length;
  }
  return out;
}
