/**
 * Query strings as Go's `Request.ParseForm` and `FormValue` read them: raw text, the first
 * value of a repeated parameter, `;` and bad escapes refused, `+` a space. Integers as
 * `strconv.ParseInt`.
 * @module
 */
import { MalformedError, quote } from "../base/errors.ts";
import { TREE_SIZE_MAX } from "../base/integers.ts";

/** The value of a parameter; empty if absent, as `FormValue` has it. */
export type Query = (name: string) => string;

/** The part of a request target before `?`. */
export function pathOf(target: string): string {
  const mark = target.indexOf("?");
  return mark === -1 ? target : target.slice(0, mark);
}

/**
 * Reads the query of a request target. Escaped bytes become characters U+0000 to U+00FF:
 * every parameter of a log is ASCII.
 * @throws MalformedError `MALFORMED_QUERY` in CTFE's words.
 */
export function parseQuery(target: string): Query {
  const mark = target.indexOf("?");
  if (mark === -1) return () => "";
  const values = new Map<string, string>();
  for (const pair of target.slice(mark + 1).split("&")) {
    if (pair.includes(";")) throw malformed("invalid semicolon separator in query");
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = unescapeBytes(equals === -1 ? pair : pair.slice(0, equals));
    const value = equals === -1 ? "" : unescapeBytes(pair.slice(equals + 1));
    if (!values.has(name)) values.set(name, value);
  }
  return (name) => values.get(name) ?? "";
}

/**
 * A size or index for the engine: what lies beyond every possible tree becomes 2^40, which
 * does so too.
 * @param value >= 0.
 */
export function clampSize(value: bigint): number {
  return value > BigInt(TREE_SIZE_MAX) ? TREE_SIZE_MAX : Number(value);
}

function unescapeBytes(text: string): string {
  if (!/[%+]/.test(text)) return text;
  const bad = /%(?![0-9A-Fa-f]{2}).{0,2}/s.exec(text);
  if (bad !== null) throw malformed(`invalid URL escape ${quote(bad[0])}`);
  return text
    .replaceAll("+", " ")
    .replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
}

function malformed(message: string): MalformedError {
  return new MalformedError("MALFORMED_QUERY", `failed to parse form data: ${message}`);
}
