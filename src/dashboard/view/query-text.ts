/**
 * Text of a query: `http` gives the bytes of a parameter as characters U+0000 to U+00FF.
 * @module
 */
import { MalformedError } from "../../base/errors.ts";
import { decodeUtf8 } from "../../encoding/utf8.ts";

/** The UTF-8 text that these bytes are; the characters as they come where they are none. */
export function latin1Text(raw: string): string {
  try {
    return decodeUtf8(Uint8Array.from(raw, (character) => character.charCodeAt(0)));
  } catch (thrown) {
    if (thrown instanceof MalformedError) return raw;
    throw thrown;
  }
}
