/**
 * The documents say what is so: error codes, examples, commands, and the tests that show each
 * MUST.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseConfig } from "../src/config/parse.ts";

const ROOT = join(import.meta.dirname, "..");

function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

function isFile(path: string): boolean {
  return existsSync(join(ROOT, path)) && statSync(join(ROOT, path)).isFile();
}

/** Rows of all tables of a page, each as its trimmed cells; heads and rules are left out. */
function rowsOf(page: string): readonly (readonly string[])[] {
  const lines = page.split("\n");
  return lines
    .filter((line, index) => line.startsWith("|") && !isRule(line) && !isRule(lines[index + 1]))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

function isRule(line: string | undefined): boolean {
  return line !== undefined && /^\|[\s:|-]+\|$/.test(line);
}

/** The codes of src/base/errors.ts by their class: the text between `type X =` and `;`. */
function codesOf(kind: string): readonly string[] {
  const [, body = ""] =
    new RegExp(`type ${kind}Code =([^;]*);`).exec(read("src/base/errors.ts")) ?? [];
  return [...body.matchAll(/"([A-Z0-9_]+)"/g)].map(([, code = ""]) => code);
}

const KINDS = ["Malformed", "Rejected", "Unavailable", "Fatal"] as const;

/** The text below a heading of level 2, up to the next. */
function sectionOf(page: string, heading: string): string {
  return page.split(/^## /m).find((section) => section.startsWith(`${heading}\n`)) ?? "";
}

for (const kind of KINDS) {
  test(`docs/ERRORS.md lists each code of ${kind}Error and no other`, () => {
    const codes = codesOf(kind);
    assert(codes.length >= 8, "src/base/errors.ts was read");
    const rows = rowsOf(sectionOf(read("docs/ERRORS.md"), kind));
    assert.deepEqual(
      rows.map(([code]) => code),
      codes.toSorted().map((code) => `\`${code}\``),
    );
    for (const row of rows) {
      assert.equal(row.length, 4, row[0]);
      for (const cell of row.slice(2)) assert.match(cell, /^.{15,}\.$/, `${row[0]}: a sentence`);
    }
  });
}

test("src/base/errors.ts has no code outside the four classes", () => {
  const all = [...read("src/base/errors.ts").matchAll(/^ {2}\| "([A-Z0-9_]+)"/gm)];
  assert.equal(all.length, KINDS.flatMap(codesOf).length);
});

const STATUS_FILE = "src/http/status.ts";

test("docs/ERRORS.md has the status that src/http/status.ts answers", {
  skip: isFile(STATUS_FILE) ? false : `${STATUS_FILE} is not there`,
}, () => {
  const table = [...read(STATUS_FILE).matchAll(/^ {2}([A-Z]+_[A-Z0-9_]+): (\d{3}),/gm)];
  const statuses = new Map(table.map(([, code = "", status = ""]) => [code, status]));
  const rows = KINDS.flatMap((kind) => rowsOf(sectionOf(read("docs/ERRORS.md"), kind)));
  assert.equal(statuses.size, rows.length);
  for (const [code = "", status] of rows) {
    // A dash: no request leads there, whatever the table must hold for completeness.
    if (status !== "-") assert.equal(status, statuses.get(code.replaceAll("`", "")), code);
  }
});

for (const path of globSync("config/*.yaml", { cwd: ROOT })) {
  test(`${path} loads`, () => {
    const text = read(path);
    assert.match(text, /^# yaml-language-server: \$schema=\.\/stratus\.schema\.json\n/);
    const nowMs = Date.UTC(2026, 10, 23);
    const config = parseConfig(text, { path, cwd: ROOT, nowMs, shardFolders: [], overrides: {} });
    assert(config.shards.length > 0);
    assert.equal(config.development, path === "config/dev.yaml");
  });
}

test("config/ has the three examples that the documents name", () => {
  for (const name of ["dev", "nimbus", "half-years"]) assert(isFile(`config/${name}.yaml`), name);
});

const SPEC = "docs/SPEC.md";

if (isFile(SPEC)) {
  const rows = rowsOf(read(SPEC));
  test(`${SPEC} has rows`, () => assert(rows.length > 0));
  for (const [index, row] of rows.entries()) {
    test(`${SPEC}, row ${index + 1} names a source and a test that exist: ${row[0] ?? ""}`, () => {
      checkSpecRow(row);
    });
  }
} else {
  test(`${SPEC} names sources and tests`, { skip: `${SPEC} is not there` }, () => undefined);
}

/** `| MUST | src/... | test/... `id` |`: each id in backticks stands in one of the row's tests. */
function checkSpecRow(row: readonly string[]): void {
  assert(row.length >= 3, "expected | MUST | file | test |");
  const paths = (cell: string | undefined): readonly string[] =>
    [...(cell ?? "").matchAll(/[\w./-]+\.ts\b/g)].map(([path]) => path);
  const sources = paths(row[1]);
  const tests = paths(row[2]);
  assert(sources.length > 0, "expected a source file");
  assert(tests.length > 0, "expected a test file");
  for (const source of sources) {
    assert(source.startsWith("src/") && isFile(source), `no source ${source}`);
  }
  for (const path of tests) assert(path.startsWith("test/") && isFile(path), `no test ${path}`);
  const ids = row
    .slice(2)
    .flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, id = ""]) => id))
    .filter((id) => !id.endsWith(".ts"));
  assert(ids.length > 0, "expected the test's id in backticks");
  const bodies = tests.map(read);
  for (const id of ids) {
    const isThere = bodies.some((body) => body.includes(id));
    assert(isThere, `\`${id}\` does not stand in ${tests.join(", ")}`);
  }
}

test("docs/SAFETY.md names bounds that exist in the source, with their values", () => {
  const bounds = rowsOf(sectionOf(read("docs/SAFETY.md"), "Bounds"));
  assert(bounds.length >= 20);
  const source = globSync("src/**/*.ts", { cwd: ROOT }).map(read).join("\n");
  for (const [what = "", bound = ""] of bounds) {
    const names = [...bound.matchAll(/`([A-Z_]+_MAX)`, ([0-9,/]*[0-9])/g)];
    for (const [, name = "", value = ""] of names) {
      const declared = new RegExp(`const ${name}(?:: number)? = ([0-9_ /]+);`).exec(source);
      assert(declared !== null, `${what}: ${name} is in the source`);
      const expected = (declared[1] ?? "").replaceAll("_", "").replaceAll(" ", "");
      const got = value.replaceAll(",", "");
      // Seconds, megabytes and mebibytes of what the source has in milliseconds and bytes.
      const scales = [1, 1_000, 1_000_000, 2 ** 20];
      const isSame =
        got === expected || scales.some((scale) => Number(got) * scale === Number(expected));
      assert(isSame, `${what}: ${name} is ${expected}, not ${got}`);
    }
  }
});

const SAFETY = "docs/SAFETY.md";

test(`${SAFETY} names files that exist`, () => {
  const paths = [...read(SAFETY).matchAll(/`((?:src|test|docs|config|bench)\/[\w./-]+\.\w+)`/g)];
  assert(paths.length > 50, "the page was read");
  for (const [, path = ""] of paths) assert(isFile(path), `no ${path}`);
});

for (const [index, row] of rowsOf(sectionOf(read(SAFETY), "Incidents")).entries()) {
  test(`${SAFETY}, incident ${index + 1} has protection, test and mutation: ${row[0] ?? ""}`, () => {
    assert.equal(row.length, 4, "expected | incident | protection | shown by | mutation |");
    for (const cell of row) assert(cell.length >= 10, `expected a sentence, got ${cell}`);
    assert.match(row[1] ?? "", /`(?:src|test)\/[^`]+`/, "the protection names its file");
    requireQuotedTitles(row[2] ?? "");
  });
}

/** `test/x.test.ts`: "words", "words"; `test/y.test.ts`: ...: the words stand in that file. */
function requireQuotedTitles(cell: string): void {
  const parts = [...cell.matchAll(/`(test\/[^`]+)`: ((?:"[^"]+"(?:, )?)+)/g)];
  assert(parts.length > 0, 'expected `test/file`: "words of its title"');
  for (const [, path = "", quoted = ""] of parts) {
    // Titles built from values are found by their source; quotes in them are written as they are.
    const text = read(path).replaceAll('\\"', '"');
    for (const [, words = ""] of quoted.matchAll(/"([^"]+)"/g)) {
      assert(text.includes(words), `${JSON.stringify(words)} does not stand in ${path}`);
    }
  }
}

test("package.json pins every dependency, and package-lock.json has the hash of each package", () => {
  const { dependencies, devDependencies, optionalDependencies } = JSON.parse(read("package.json"));
  const pinned = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies });
  assert(pinned.length > 10);
  for (const [name, version] of pinned) assert.match(String(version), /^\d+\.\d+\.\d+$/, name);
  const { packages } = JSON.parse(read("package-lock.json")) as {
    readonly packages: Readonly<Record<string, { readonly integrity?: string }>>;
  };
  for (const [path, { integrity }] of Object.entries(packages)) {
    if (path !== "") assert.match(integrity ?? "", /^sha512-/, path);
  }
});

test("pictures in docs/ are small: `npm run pictures` gives them a palette", () => {
  const pictures = globSync("docs/**/*.png");
  assert.ok(pictures.length > 0);
  for (const path of pictures) assert.ok(statSync(path).size < 100_000, path);
});
