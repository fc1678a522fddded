/**
 * Comma-separated values: RFC 4180, with LF or CRLF. Fields in quotes may hold commas, line
 * ends and doubled quotes.
 * @module
 */
import { MalformedError } from "../base/errors.ts";

const QUOTE = '"';

/**
 * The rows of `text`, each with its fields; empty lines and a byte order mark are passed over.
 * Takes time in proportion to the text.
 * @throws MalformedError `MALFORMED_CSV` for a quote that is not closed, or that stands or ends
 *   within a field.
 */
export function parseCsv(text: string): readonly (readonly string[])[] {
  const rows: (readonly string[])[] = [];
  let row: string[] = [];
  let at = text.startsWith("\ufeff") ? 1 : 0;
  while (at < text.length) {
    const field = readField(text, at, rows.length + 1);
    row.push(field.value);
    at = field.end;
    if (text[at] === ",") {
      at += 1;
      // A comma at the very end is followed by an empty field.
      if (at < text.length) continue;
      row.push("");
    }
    if (text[at] === "\r") at += 1;
    if (text[at] === "\n") at += 1;
    if (row.length > 1 || row[0] !== "") rows.push(row);
    row = [];
  }
  return rows;
}

function readField(
  text: string,
  start: number,
  row: number,
): { readonly value: string; readonly end: number } {
  if (text[start] !== QUOTE) {
    const end = endOfPlain(text, start);
    const value = text.slice(start, end);
    if (value.includes(QUOTE)) throw malformed(row, "a quote within a field");
    return { value, end };
  }
  let value = "";
  let from = start + 1;
  for (;;) {
    const quote = text.indexOf(QUOTE, from);
    if (quote < 0) throw malformed(row, "a quote that is not closed");
    value += text.slice(from, quote);
    from = quote + 1;
    if (text[from] !== QUOTE) break;
    value += QUOTE;
    from += 1;
  }
  if (from < text.length && endOfPlain(text, from) !== from) {
    throw malformed(row, "text after a closing quote");
  }
  return { value, end: from };
}

/** Where a field without quotes ends: at a comma, a line end or the end of the text. */
function endOfPlain(text: string, start: number): number {
  let end = start;
  while (end < text.length && !isEdge(text, end)) end += 1;
  return end;
}

function isEdge(text: string, at: number): boolean {
  const unit = text[at];
  return unit === "," || unit === "\n" || (unit === "\r" && text[at + 1] === "\n");
}

function malformed(row: number, message: string): MalformedError {
  return new MalformedError("MALFORMED_CSV", `row ${row}: ${message}`);
}
