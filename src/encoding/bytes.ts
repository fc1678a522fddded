/**
 * Helpers on `Uint8Array`.
 * @module
 */
import { type Allocate, fresh } from "./memory.ts";

/** The byte at `index`. @throws RangeError beyond the end. */
export function byteAt(bytes: Uint8Array, index: number): number {
  const value = bytes[index];
  if (value === undefined) throw new RangeError(`no byte at ${index} of ${bytes.length}`);
  return value;
}

/** A fresh array of all parts, one after the other. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  return copyOf(parts, length, fresh);
}

/**
 * All parts, one after the other: a view of them where they lie so already, else a copy.
 * @param allocate Where a copy comes from: at least so many bytes; absent: a fresh array.
 */
export function joinBytes(parts: readonly Uint8Array[], allocate?: Allocate): Uint8Array {
  const [first] = parts;
  if (first === undefined) return new Uint8Array(0);
  const start = first.byteOffset;
  let end = start;
  let isWhole = true;
  for (const part of parts) {
    isWhole &&= part.buffer === first.buffer && part.byteOffset === end;
    end += part.length;
  }
  if (isWhole) return new Uint8Array(first.buffer, start, end - start);
  return copyOf(parts, end - start, allocate ?? fresh);
}

function copyOf(parts: readonly Uint8Array[], length: number, allocate: Allocate): Uint8Array {
  const out = allocate(length).subarray(0, length);
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

/** Whether both hold the same bytes. Not constant in time: never for secrets. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index += 1) if (a[index] !== b[index]) return false;
  return true;
}

/** Negative, zero or positive as `a` sorts before, with or after `b`, byte by byte. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let index = 0; index < shared; index += 1) {
    const difference = byteAt(a, index) - byteAt(b, index);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Whether `part`, or [partStart, partEnd) of it, stands at `start` of `bytes`. */
export function hasBytesAt(
  bytes: Uint8Array,
  start: number,
  part: Uint8Array,
  partStart = 0,
  partEnd: number = part.length,
): boolean {
  const shift = start - partStart;
  if (partEnd + shift > bytes.length) return false;
  for (let index = partStart; index < partEnd; index += 1) {
    if (bytes[index + shift] !== part[index]) return false;
  }
  return true;
}

/**
 * A `Map` key for up to 64 bytes or so: one UTF-16 unit per byte; not for people. Eight at a
 * time, 32 bytes take a twelfth of what spreading them into arguments does (*measured*).
 */
export function bytesKey(bytes: Uint8Array): string {
  let key = "";
  let index = 0;
  for (; index + 8 <= bytes.length; index += 8) {
    key += String.fromCharCode(
      byteAt(bytes, index),
      byteAt(bytes, index + 1),
      byteAt(bytes, index + 2),
      byteAt(bytes, index + 3),
      byteAt(bytes, index + 4),
      byteAt(bytes, index + 5),
      byteAt(bytes, index + 6),
      byteAt(bytes, index + 7),
    );
  }
  for (; index < bytes.length; index += 1) key += String.fromCharCode(byteAt(bytes, index));
  return key;
}
