/**
 * The repository's own source as text, for the tests about the repository: which files there
 * are, what they import, and their code without comments and strings.
 * @module
 */
import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The root of the repository, with a slash at the end. */
export const ROOT: string = fileURLToPath(new URL("../../", import.meta.url));

/** Paths from the root that match, sorted; `/` between folders. */
export function sourceFiles(...patterns: readonly string[]): readonly string[] {
  return globSync([...patterns], { cwd: ROOT }).sort();
}

/** The text of a file. @param path From the root. */
export function readSource(path: string): string {
  return readFileSync(`${ROOT}${path}`, "utf8");
}

/**
 * Everything that a file imports: `import ... from`, `import "..."`, `export ... from`,
 * `import(...)` (types too) and `new Worker(...)`. What is not a literal comes as `"?"`.
 */
export function importsOf(text: string): readonly string[] {
  const code = withoutComments(text);
  const found: string[] = [];
  const fixed = /^(?:import|export)\s(?:[^"';]*?\sfrom\s)?["']([^"']+)["']/gm;
  for (const match of code.matchAll(fixed)) found.push(match[1] ?? "?");
  const called = /\bimport\(\s*(?:["']([^"']+)["'])?/g;
  for (const match of code.matchAll(called)) found.push(match[1] ?? "?");
  const worker = /\bnew Worker\(\s*(?:new URL\(\s*)?(?:["']([^"']+)["'])?/g;
  for (const match of code.matchAll(worker)) found.push(match[1] ?? "?");
  return found;
}

/** The text with comments blanked; lines stay where they are. */
export function withoutComments(text: string): string {
  return scan(text, false);
}

/** The text with comments, quoted strings and regular expressions blanked; templates stay. */
export function codeOf(text: string): string {
  return scan(text, true);
}

/** One token to keep or blank: comment, string, template, regular expression, or one character. */
const TOKEN =
  /(\/\/[^\n]*|\/\*[\s\S]*?\*\/)|("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(`(?:\\.|[^`\\])*`)|(\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[dgimsuvy]*)|[\s\S]/g;

/** After these a slash begins a regular expression and does not divide. */
const BEFORE_REGEX = /(?:^|[(,=:[!&|?{};+>]|\breturn)\s*$/;

function scan(text: string, blanksStrings: boolean): string {
  let out = "";
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(text); match !== null; match = TOKEN.exec(text)) {
    const [token, comment, string, , regex] = match;
    if (regex !== undefined && !BEFORE_REGEX.test(out.slice(-40))) {
      TOKEN.lastIndex = match.index + 1;
      out += "/";
    } else if (comment !== undefined) out += token.replaceAll(/[^\n]/g, " ");
    else if (blanksStrings && (string !== undefined || regex !== undefined)) out += '""';
    else out += token;
  }
  return out;
}
