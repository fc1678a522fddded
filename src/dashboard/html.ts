/**
 * HTML from templates. Whatever is put into one is escaped, unless it is HTML already, and
 * only a template makes HTML: a stranger's text cannot become markup. Runs on the server and in
 * the browser. Values stand in text or in double-quoted attributes, nowhere else.
 * @module
 */

/** Markup: the work of {@link html} alone. */
export class Html {
  readonly #text: string;

  /** @param token Kept in this file. */
  constructor(token: symbol, text: string) {
    if (token !== MAKER) throw new RangeError("markup comes from html`...` alone");
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

/** What a template takes; `undefined` and `false` leave nothing, lists are joined. */
export type Piece = Html | string | number | undefined | false | readonly Piece[];

const MAKER: unique symbol = Symbol("html");

/** A template of HTML: `` html`<p title="${text}">${text}</p>` ``. */
export function html(parts: TemplateStringsArray, ...pieces: readonly Piece[]): Html {
  let text = parts[0] ?? "";
  for (const [index, piece] of pieces.entries()) text += markupOf(piece) + (parts[index + 1] ?? "");
  return new Html(MAKER, text);
}

function markupOf(piece: Piece): string {
  if (piece === undefined || piece === false) return "";
  if (piece instanceof Html) return piece.toString();
  if (typeof piece === "number") return String(piece);
  if (typeof piece === "string") return escapeHtml(piece);
  return piece.map(markupOf).join("");
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * Text for an element or a quoted attribute. Control characters, and marks that turn the
 * direction of writing, are shown as U+FFFD: they make a name look like another.
 */
export function escapeHtml(text: string): string {
  return text
    .replaceAll(UNSEEN, "\ufffd")
    .replaceAll(/[&<>"']/g, (character) => ESCAPES[character] ?? "");
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const UNSEEN = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
