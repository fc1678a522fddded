/**
 * The `leaf_index` extension of SCTs and leaves: c2sp.org/static-ct-api#sct-extension.
 * @module
 */
import { MalformedError } from "../base/errors.ts";
import { TREE_SIZE_MAX } from "../base/integers.ts";
import { TlsReader } from "../encoding/tls-reader.ts";
import { TlsWriter } from "../encoding/tls-writer.ts";

const LEAF_INDEX = 0;

/**
 * ```
 * enum { leaf_index(0), (255) } ExtensionType;
 * struct { ExtensionType extension_type; opaque extension_data<0..2^16-1>; } Extension;
 * uint40 LeafIndex
 * ```
 * @param leafIndex 0 to 2^40 - 1.
 * @returns 8 bytes: `00 0005 <uint40>`.
 */
export function encodeLeafIndexExtension(leafIndex: number): Uint8Array {
  if (leafIndex >= TREE_SIZE_MAX) throw new RangeError(`leaf index ${leafIndex} is no uint40`);
  return new TlsWriter(8).uint(LEAF_INDEX, 1).uint(5, 2).uint(leafIndex, 5).finish();
}

/**
 * The leaf index that the extensions carry; other extensions are passed over.
 * @throws MalformedError `MALFORMED_TLS` if there is none, or more than one.
 */
export function decodeLeafIndexExtension(extensions: Uint8Array): number {
  const reader = new TlsReader(extensions);
  let found: number | undefined;
  while (!reader.isAtEnd) {
    const type = reader.uint(1);
    const data = new TlsReader(reader.vector(2));
    if (type !== LEAF_INDEX) continue;
    if (found !== undefined) throw new MalformedError("MALFORMED_TLS", "two leaf_index extensions");
    found = data.uint(5);
    data.end();
  }
  if (found === undefined) throw new MalformedError("MALFORMED_TLS", "no leaf_index extension");
  return found;
}
