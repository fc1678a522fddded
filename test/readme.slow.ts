/**
 * Commands that the README and the pages of docs/ show exist, with the flags they show.
 * @module
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const ROOT = join(import.meta.dirname, "..");
const PAGES = ["README.md", "docs/FOR-CAS.md", "docs/OPERATIONS.md"];
const MAIN = join(ROOT, "src/main.ts");

/** Lines of a page's fenced blocks, joined where a backslash continues them. */
function commandLines(page: string): readonly string[] {
  const text = readFileSync(join(ROOT, page), "utf8");
  const blocks = text.matchAll(/^ *```(\w*)\n(.*?)^ *```/gms);
  return [...blocks]
    .filter(([, language = ""]) => ["", "sh", "console", "bash"].includes(language))
    .flatMap(([, , block = ""]) => block.replaceAll(/\\\n\s*/g, " ").split("\n"))
    .map((line) => line.replace(/^\$ /, "").replace(/(^|\s)#.*/, ""));
}

/** Output of `./stratus ... --help`. */
function helpOf(words: readonly string[]): string {
  const done = spawnSync(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", MAIN, ...words, "--help"],
    { encoding: "utf8", timeout: 60_000 },
  );
  assert.equal(done.status, 0, `stratus ${words.join(" ")} --help: ${done.stderr}`);
  return done.stdout;
}

/** `init` is a command of this help. */
function hasCommand(help: string, word: string): boolean {
  const [, commands = ""] = help.split(/^Commands:$/m);
  return commands.split("\n").some((line) => line.trim().split(/[\s|]/)[0] === word);
}

test("README.md shows only npm scripts that package.json has", () => {
  const parsed: unknown = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  assert(typeof parsed === "object" && parsed !== null && "scripts" in parsed);
  const scripts = Object.keys(Object(parsed.scripts));
  const uses = commandLines("README.md").flatMap((line) => [
    ...line.matchAll(/\bnpm (?:run(?: -s)? ([\w:]+)|(start|test)\b)/g),
  ]);
  assert(uses.length > 0, "the README shows no npm command");
  for (const [use, named, short] of uses) assert(scripts.includes(named ?? short ?? ""), use);
});

for (const page of PAGES) {
  test(`${page} shows only commands and flags that ./stratus has`, () => {
    const uses = commandLines(page).flatMap((line) => [
      ...line.matchAll(/(?:\.|\/opt\/stratus)\/stratus ([^|;&<>]*)/g),
    ]);
    assert(uses.length > 0, `${page} shows no ./stratus command`);
    const known = new Map<string, string>();
    const help = (words: readonly string[]): string => {
      const key = words.join(" ");
      const text = known.get(key) ?? helpOf(words);
      known.set(key, text);
      return text;
    };
    for (const [use, rest = ""] of uses) {
      const path: string[] = [];
      const words = rest.trim().split(/\s+/);
      for (const word of words) {
        if (!/^[a-z-]+$/.test(word) || word.startsWith("-") || !hasCommand(help(path), word)) break;
        path.push(word);
      }
      assert(path.length > 0 || words[0]?.startsWith("-") === true, `unknown command: ${use}`);
      if (path[0] === "help") continue;
      for (const [flag] of rest.matchAll(/(?<=\s|^)--[a-z-]+/g)) {
        assert(flag === "--help" || new RegExp(`${flag}\\b`).test(help(path)), `${use}: ${flag}`);
      }
    }
  });
}
