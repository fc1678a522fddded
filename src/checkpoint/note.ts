/**
 * Signed notes: c2sp.org/signed-note. A text, an empty line, one line for each signature.
 * @module
 */
import { MalformedError, quote } from "../base/errors.ts";
import { formatBase64, parseBase64 } from "../encoding/base64.ts";
import { concatBytes } from "../encoding/bytes.ts";

/** One signature line. */
export interface NoteSignature {
  /** Name of the key: not empty, without spaces and `+`. */
  readonly name: string;
  /** First 4 bytes of the key's hash. */
  readonly keyId: Uint8Array;
  readonly signature: Uint8Array;
}

/** A text and the signatures below it. */
export interface Note {
  /** Ends in a newline. */
  readonly text: string;
  /** At least one. */
  readonly signatures: readonly NoteSignature[];
}

/** At most this many characters and signature lines are read. */
const NOTE_CHARACTERS_MAX = 1_000_000;
const SIGNATURES_MAX = 100;

/** What a note must not contain: ASCII control characters but the newline. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const CONTROL = /[\x00-\x09\x0b-\x1f]/;

/** Not empty, no space and no plus: c2sp.org/signed-note#verifier-keys. */
const KEY_NAME = /^[^\s+]+$/;

/**
 * `<text>\n— <name> <base64(key id || signature)>\n...`
 * @throws RangeError if a part is not as {@link Note} says: a caller's mistake.
 */
export function formatNote(note: Note): string {
  if (!note.text.endsWith("\n") || CONTROL.test(note.text) || note.signatures.length === 0) {
    throw new RangeError("expected a text of whole lines and a signature");
  }
  let out = `${note.text}\n`;
  for (const { name, keyId, signature } of note.signatures) {
    if (!KEY_NAME.test(name)) throw new RangeError(`no name of a key: ${quote(name)}`);
    if (keyId.length !== 4 || signature.length === 0) {
      throw new RangeError("a key ID has 4 bytes, a signature at least 1");
    }
    out += `— ${name} ${formatBase64(concatBytes(keyId, signature))}\n`;
  }
  return out;
}

/** Reads what {@link formatNote} writes. @throws MalformedError `MALFORMED_NOTE`. */
export function parseNote(source: string): Note {
  const split = source.lastIndexOf("\n\n");
  if (source.length > NOTE_CHARACTERS_MAX || split < 0 || !source.endsWith("\n")) {
    throw new MalformedError("MALFORMED_NOTE", `expected a signed note, got ${quote(source)}`);
  }
  if (CONTROL.test(source)) {
    throw new MalformedError("MALFORMED_NOTE", "a note holds no control characters");
  }
  const lines = source.slice(split + 2, -1).split("\n");
  if (lines.length > SIGNATURES_MAX) {
    throw new MalformedError("MALFORMED_NOTE", `expected at most ${SIGNATURES_MAX} signatures`);
  }
  return { text: source.slice(0, split + 1), signatures: lines.map(parseSignatureLine) };
}

function parseSignatureLine(line: string): NoteSignature {
  const [, name, encoded] = /^— ([^\s+]+) ([A-Za-z0-9+/]+=*)$/.exec(line) ?? [];
  if (name === undefined || encoded === undefined) {
    throw new MalformedError("MALFORMED_NOTE", `expected a signature line, got ${quote(line)}`);
  }
  let bytes: Uint8Array;
  try {
    bytes = parseBase64(encoded);
  } catch (cause) {
    throw new MalformedError("MALFORMED_NOTE", "a signature is not base64", { cause });
  }
  if (bytes.length < 5) {
    throw new MalformedError("MALFORMED_NOTE", `a signature of ${bytes.length} bytes is too short`);
  }
  return { name, keyId: bytes.slice(0, 4), signature: bytes.slice(4) };
}
