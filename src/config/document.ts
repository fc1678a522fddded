/**
 * A YAML text as a plain value, and where in the text each part of it stands. The text may be
 * anything: its length, aliases and nesting are bounded.
 * @module
 */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
} from "yaml";
import { messageOf, quote } from "../base/errors.ts";

/** Keys and positions from the top to one value: `["shards", 0, "name"]`. */
export type Path = readonly (string | number)[];

/** Something wrong in the text, and where. */
export interface Problem {
  /** 1-based. */
  readonly line: number;
  /** 1-based; in UTF-16 units. */
  readonly column: number;
  /** One line: what is wrong, then in brackets what to write instead. */
  readonly message: string;
}

/** Characters of a configuration at most: far more than 256 shards need. */
export const TEXT_LENGTH_MAX = 65_536;

/** Aliases (`*name`) of a configuration at most. */
const ALIASES_MAX = 256;

/** What every private key in PEM begins with. */
const SECRET = "PRIVATE KEY-----";

/** What to write instead, by the code of YAML's own errors. */
const YAML_HINTS: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: "write each key once",
  MULTIPLE_DOCS: "write one document, without '---' between parts",
  TAB_AS_INDENT: "indent by spaces",
  BAD_INDENT: "indent the keys of one map alike",
  TAG_RESOLVE_FAILED: "leave the tag out",
};

/** A text that was read, right or wrong. */
export class ConfigDocument {
  /** The plain value; undefined if `problems` is not empty. */
  readonly value: unknown;
  readonly problems: readonly Problem[];
  readonly #document: Document | undefined;
  readonly #lines = new LineCounter();

  constructor(text: string) {
    const problems: Problem[] = [];
    this.problems = problems;
    if (text.length > TEXT_LENGTH_MAX) {
      const message = `expected at most ${TEXT_LENGTH_MAX} characters, got ${text.length} (write series instead of single shards)`;
      problems.push({ line: 1, column: 1, message });
      return;
    }
    const secretOffset = text.indexOf(SECRET);
    if (secretOffset !== -1) {
      // Before anything else could repeat a part of it in a message.
      const line = text.slice(0, secretOffset).split("\n").length;
      const message = "a private key stands here (write the path of its file)";
      problems.push({ line, column: 1, message });
      return;
    }
    try {
      const document = this.#parse(text, problems);
      if (problems.length > 0) return;
      this.#document = document;
      this.value = document.toJS({ maxAliasCount: ALIASES_MAX });
    } catch (thrown) {
      // The parser has no bound of its own on nesting: a stack overflow ends here.
      problems.push({
        line: 1,
        column: 1,
        message: `${oneLine(messageOf(thrown))} (write plain YAML, without deep nesting)`,
      });
    }
  }

  #parse(text: string, problems: Problem[]): Document {
    const document: Document = parseDocument(text, {
      lineCounter: this.#lines,
      prettyErrors: false,
      logLevel: "error",
      version: "1.2",
    });
    for (const error of [...document.errors, ...document.warnings]) {
      const hint = YAML_HINTS[error.code] ?? "write valid YAML; quote text with special characters";
      problems.push(this.#problemAt(error.pos[0], `${oneLine(error.message)} (${hint})`));
    }
    if (document.directives?.yaml.version !== "1.2") {
      problems.push({ line: 1, column: 1, message: "expected YAML 1.2 (leave %YAML out)" });
    }
    if (problems.length > 0) return document;
    let aliasCount = 0;
    visit(document, {
      Alias: (_, alias) => {
        aliasCount += 1;
        const offset = alias.range?.[0] ?? 0;
        if (aliasCount > ALIASES_MAX) {
          const message = `expected at most ${ALIASES_MAX} aliases (write values out)`;
          problems.push(this.#problemAt(offset, message));
          return visit.BREAK;
        }
        if (alias.resolve(document) === undefined) {
          const name = quote(alias.source);
          problems.push(this.#problemAt(offset, `alias ${name} has no anchor (write the value)`));
        }
        return undefined;
      },
    });
    return document;
  }

  /** A problem of the value at `path`; where that is absent or empty, of what holds it. */
  problemOfValue(path: Path, message: string): Problem {
    let node = this.#document?.contents;
    let offset = node?.range?.[0] ?? 0;
    for (const part of path) {
      const pair = this.#child(node, part);
      if (pair === undefined) break;
      node = pair.value;
      offset = (isEmpty(node) ? pair.key : node)?.range?.[0] ?? offset;
    }
    return this.#problemAt(offset, message);
  }

  /** A problem of the key `key` of the map at `path`. */
  problemOfKey(path: Path, key: string, message: string): Problem {
    let node = this.#document?.contents;
    for (const part of path) node = this.#child(node, part)?.value;
    const offset = this.#child(node, key)?.key?.range?.[0] ?? 0;
    return this.#problemAt(offset, message);
  }

  #child(
    holder: Node | null | undefined,
    part: string | number,
  ): { readonly key: Node | null; readonly value: Node | null } | undefined {
    const node =
      isAlias(holder) && this.#document !== undefined ? holder.resolve(this.#document) : holder;
    if (isSeq<Node>(node) && typeof part === "number") {
      const value = node.items[part];
      return value === undefined ? undefined : { key: value, value };
    }
    if (!isMap<Node, Node>(node)) return undefined;
    const pair = node.items.find((item: Pair<Node, Node | null>) => keyText(item.key) === part);
    return pair === undefined ? undefined : { key: pair.key, value: pair.value };
  }

  #problemAt(offset: number, message: string): Problem {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1), message };
  }
}

/** The key as it stands in the plain value. */
function keyText(key: Node): string {
  return isScalar(key) ? String(key.value ?? "") : String(key);
}

function isEmpty(node: Node | null): boolean {
  return node === null || (isScalar(node) && node.value === null);
}

function oneLine(message: string): string {
  return message.replaceAll(/\s+/g, " ").trim();
}
