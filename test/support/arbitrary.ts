/**
 * Arbitrary values of the core's types, for properties.
 * @module
 */
import fc from "fast-check";
import type { SignedEntry, TimestampedEntry } from "../../src/rfc6962/entry.ts";
import type { Sct } from "../../src/rfc6962/sct.ts";
import { encodeDigitallySigned } from "../../src/rfc6962/signature.ts";
import type { TileLeaf } from "../../src/static-ct/tile-leaf.ts";

/** A record with the prototype of a literal, as strict deep-equal wants it. */
export function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;
}

/** `length` bytes. */
export function bytes(length: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength: length, maxLength: length });
}

/** 1 to 400 bytes, as a certificate is never empty. */
export const someBytes: fc.Arbitrary<Uint8Array> = fc.uint8Array({ minLength: 1, maxLength: 400 });

/** A time that fits u64 and a safe integer. */
export const timestampMs: fc.Arbitrary<number> = fc.maxSafeNat();

/** Both types of entry. */
export const signedEntry: fc.Arbitrary<SignedEntry> = fc.oneof(
  record({ type: fc.constant("x509" as const), certificate: someBytes }),
  record({ type: fc.constant("precert" as const), issuerKeyHash: bytes(32), tbs: someBytes }),
);

/** An entry with any extensions. */
export const timestampedEntry: fc.Arbitrary<TimestampedEntry> = record({
  timestampMs,
  entry: signedEntry,
  extensions: fc.uint8Array({ maxLength: 30 }),
});

/** An entry with its chain; a precertificate where there must be one. */
export const tileLeaf: fc.Arbitrary<TileLeaf> = fc
  .tuple(timestampedEntry, someBytes, fc.array(bytes(32), { maxLength: 5 }))
  .map(([entry, precertificate, chainFingerprints]) => ({
    ...entry,
    precertificate: entry.entry.type === "precert" ? precertificate : undefined,
    chainFingerprints,
  }));

/** A well-formed SCT with a signature of any bytes. */
export const sct: fc.Arbitrary<Sct> = record({
  logId: bytes(32),
  timestampMs,
  extensions: fc.uint8Array({ maxLength: 30 }),
  algorithm: fc.constantFrom("ecdsa" as const, "rsa" as const),
  signature: fc.uint8Array({ maxLength: 80 }),
}).map(({ algorithm, signature, ...rest }) => ({
  ...rest,
  signature: encodeDigitallySigned({ algorithm, signature }),
}));

/** Text without lone surrogates. */
export const text: fc.Arbitrary<string> = fc.string({ unit: "binary", maxLength: 60 });
