/**
 * Bytes of golden vectors, written down by hand in hex: shares no code with `src`.
 * @module
 */

/** One vector: what goes in and what must come out. */
export interface Vector {
  /** For a refused one, the mutation. */
  readonly name: string;
  /** `success`, or the code of the MalformedError. */
  readonly expect: string;
  /** Hex of the bytes, for readers of bytes. */
  readonly bytes?: string;
  /** For readers of text. */
  readonly text?: string;
  /** What is read, on success: bytes in hex. */
  readonly value?: unknown;
}

/** A file of vectors of one reader, named like it. */
export interface VectorFile {
  readonly source: string;
  readonly vectors: readonly Vector[];
}

/** Big-endian integer in `width` bytes. */
export function uint(value: number | bigint, width: number): string {
  return value.toString(16).padStart(2 * width, "0");
}

/** Bytes after their length in `width` bytes. */
export function vec(hex: string, width: number): string {
  return uint(hex.length / 2, width) + hex;
}

/** `count` times one byte. */
export function fill(byte: string, count: number): string {
  return byte.repeat(count);
}

/** Accepted bytes. */
export function ok(name: string, bytes: string, value: unknown): Vector {
  return { name, expect: "success", bytes, value };
}

/** Refused bytes. */
export function bad(name: string, bytes: string, expect = "MALFORMED_TLS"): Vector {
  return { name, expect, bytes };
}

/** Accepted text. */
export function okText(name: string, text: string, value: unknown): Vector {
  return { name, expect: "success", text, value };
}

/** Refused texts, each named by itself unless it is a pair. */
export function badTexts(
  expect: string,
  texts: readonly (string | readonly [string, string])[],
): readonly Vector[] {
  return texts.map((item) => {
    const [name, text] = typeof item === "string" ? [JSON.stringify(item), item] : item;
    return { name, expect, text };
  });
}

/** Every proper prefix of `hex`, and `hex` with a byte more: none may be read. */
export function cuts(hex: string, at: readonly number[]): readonly Vector[] {
  return [
    ...at.map((length) => bad(`cut to ${length} bytes`, hex.slice(0, 2 * length))),
    bad("a byte too many", `${hex}00`),
  ];
}
