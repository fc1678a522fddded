/**
 * What RFC 6962, sections 3.2, 3.4 and 4.6, has a log write for a chain, put together from the
 * text of the RFC with Buffers: it shares no code with `src`.
 * @module
 */
import { createHash } from "node:crypto";

/** The entry of a submission, as the test's own certificate authority knows it. */
export type ExpectedEntry =
  | { readonly certificate: Uint8Array }
  | { readonly tbs: Uint8Array; readonly issuerSpki: Uint8Array };

/** `MerkleTreeLeaf`, which is also what the SCT signs. */
export function expectedLeaf(entry: ExpectedEntry, timestampMs: number, leafIndex: number): Buffer {
  const signed =
    "certificate" in entry
      ? [uint(0, 2), vector(entry.certificate)]
      : [uint(1, 2), digest(entry.issuerSpki), vector(entry.tbs)];
  return Buffer.concat([
    uint(0, 2),
    uint(timestampMs, 8),
    ...signed,
    uint(8, 2),
    Buffer.of(0, 0, 5),
    uint(leafIndex, 5),
  ]);
}

/** `extra_data`. @param path What follows the leaf, the root included. */
export function expectedExtraData(
  precertificate: Uint8Array | undefined,
  path: readonly Uint8Array[],
): Buffer {
  const chain = vector(Buffer.concat(path.map(vector)));
  return precertificate === undefined ? chain : Buffer.concat([vector(precertificate), chain]);
}

/** SHA-256(0x00 || leaf). */
export function expectedLeafHash(leaf: Uint8Array): Buffer {
  return digest(Buffer.of(0), leaf);
}

/** SHA-256 of the parts in turn. */
export function digest(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** Big-endian, in `length` octets. */
export function uint(value: number, length: number): Buffer {
  return Buffer.from(value.toString(16).padStart(2 * length, "0"), "hex");
}

/** `opaque<..2^24-1>`. */
function vector(bytes: Uint8Array): Buffer {
  return Buffer.concat([uint(bytes.length, 3), bytes]);
}
