/**
 * The extensions of an SCT in words, and what usually went wrong with them: tools that know
 * only RFC 6962 logs of old drop them, or copy their base64 text for their bytes.
 * @module
 */
import { MalformedError } from "../base/errors.ts";
import { parseBase64 } from "../encoding/base64.ts";
import { formatHex } from "../encoding/hex.ts";
import { TlsReader } from "../encoding/tls-reader.ts";
import { decodeUtf8 } from "../encoding/utf8.ts";
import { decodeLeafIndexExtension } from "../static-ct/extensions.ts";

/** What the extensions of an SCT say. */
export interface SctExtensions {
  /** The leaf index; undefined if there is none to be read. */
  readonly leafIndex: number | undefined;
  /** What they are, in one line. */
  readonly text: string;
  /** What they would be if they had been decoded; undefined unless they are base64 text. */
  readonly decoded: Uint8Array | undefined;
}

/** Describes `CtExtensions`, without their length prefix. */
export function describeExtensions(extensions: Uint8Array): SctExtensions {
  if (extensions.length === 0) {
    const text =
      "none. An SCT of a Stratus or static-ct-api log is never without: if this is one, " +
      "they were dropped, and its signature does not verify";
    return { leafIndex: undefined, text, decoded: undefined };
  }
  const decoded = asBase64Text(extensions);
  if (decoded !== undefined) {
    const text =
      "base64 text in the place of bytes: 'extensions' was copied from the log's JSON without " +
      "being decoded, and the signature does not verify";
    return { leafIndex: undefined, text, decoded };
  }
  try {
    const leafIndex = decodeLeafIndexExtension(extensions);
    return { leafIndex, text: `leaf_index = ${leafIndex}${others(extensions)}`, decoded };
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    const text = `${formatHex(extensions)} (no leaf index: ${error.message})`;
    return { leafIndex: undefined, text, decoded };
  }
}

/** Types of extensions beside the leaf index. */
function others(extensions: Uint8Array): string {
  const reader = new TlsReader(extensions);
  const types: number[] = [];
  while (!reader.isAtEnd) {
    const type = reader.uint(1);
    reader.vector(2);
    if (type !== 0) types.push(type);
  }
  return types.length === 0 ? "" : `, and unknown extensions of types ${types.join(", ")}`;
}

/** The bytes that base64 text stands for, if those are extensions with a leaf index. */
function asBase64Text(extensions: Uint8Array): Uint8Array | undefined {
  try {
    const decoded = parseBase64(decodeUtf8(extensions));
    decodeLeafIndexExtension(decoded);
    return decoded;
  } catch (error) {
    if (error instanceof MalformedError) return undefined;
    throw error;
  }
}
