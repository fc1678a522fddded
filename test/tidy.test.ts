/**
 * Habits that neither compiler nor linter checks: words that must not stand in the source,
 * each with what to write instead; files that nobody imports; files that are too long.
 * @module
 */
import assert from "node:assert/strict";
import { dirname, join } from "node:path/posix";
import { test } from "node:test";
import { BROWSER_ENTRIES } from "../src/dashboard/assets.ts";
import { codeOf, importsOf, readSource, sourceFiles } from "./support/source.ts";

interface Ban {
  readonly pattern: RegExp;
  readonly instead: string;
  /** Where it may stand. */
  readonly except?: RegExp;
}

/** Folders that touch the world. */
const ADAPTERS = "storage|signer|lock|clock|channel|telemetry|client";

const OUTER = new RegExp(`^src/(?:(?:${ADAPTERS}|cli)/|main\\.ts$|dashboard/browser/world\\.ts$)`);

/** In `src`, outside comments and strings. */
const BANS: readonly Ban[] = [
  { pattern: /\bDate\.now\b/, instead: "Clock.nowMs()", except: OUTER },
  { pattern: /\bnew Date\(\s*\)/, instead: "Clock.nowMs()", except: OUTER },
  { pattern: /\bperformance\.now\b/, instead: "Clock.monotonicMs()", except: OUTER },
  { pattern: /\bprocess\.hrtime\b/, instead: "Clock.monotonicMs()", except: OUTER },
  { pattern: /\bset(?:Timeout|Interval|Immediate)\b/, instead: "Clock.after()", except: OUTER },
  { pattern: /\bMath\.random\b/, instead: "a seed or a value passed in", except: OUTER },
  { pattern: /\bprocess\.env\b/, instead: "a field of Config", except: OUTER },
  { pattern: /\bconsole\b/, instead: "an event to Observer", except: OUTER },
  {
    pattern: /\bBuffer\b/,
    instead: "Uint8Array",
    // x509/verify.ts is the one file of the domain that calls node:crypto, whose types want it.
    except: new RegExp(`^src/(?:${ADAPTERS}|http|cli)/|^src/x509/verify\\.ts$`),
  },
  { pattern: /\bMath\.log(?:2|10)?\b/, instead: "bitLength() of base/integers.ts" },
  { pattern: /\bas any\b|:\s*any\b|<any>/, instead: "unknown, and a check" },
  { pattern: /\.only\(|\bonly: true\b/, instead: "nothing" },
  { pattern: /\bdebugger\b/, instead: "nothing" },
  // With base 16 and digits that a pattern has checked, it is exact.
  { pattern: /\bparse(?:Int|Float)\((?!.*, 16\))/, instead: "parseDecimal() or parseInt64()" },
];

/** Anywhere in `src`, `test` and `bench`, comments included. */
const WORDS: readonly Ban[] = [
  { pattern: /\bFIXME\b|\bXXX\b|\bHACK\b/, instead: "TODO(#issue)" },
  { pattern: /\bTODO\b(?!\(#[0-9]+\): )/, instead: "TODO(#issue): ..." },
  { pattern: /@ts-(?:ignore|nocheck|expect-error)/, instead: "the right type" },
  { pattern: /\beslint-|prettier-ignore/, instead: "biome-ignore with a reason" },
];

/** On sizes and indices: `5e9 >> 1` is 352516352. */
const BIT_OPERATORS: Ban = {
  pattern: / (?:>>>?|<<|\^)=? | & |[ (=]~[\w(]| \| [0-9]/,
  instead: "half(), isOdd(), bitLength() of base/integers.ts",
};

/** Lines that `bans` refuse, as `line: word -> instead`. */
function offences(file: string, code: string, bans: readonly Ban[]): readonly string[] {
  const found: string[] = [];
  for (const [index, line] of code.split("\n").entries()) {
    for (const { pattern, instead, except } of bans) {
      if (except?.test(file)) continue;
      const word = pattern.exec(line)?.[0];
      if (word !== undefined) found.push(`${file}:${index + 1}: ${word.trim()} -> ${instead}`);
    }
  }
  return found;
}

const SOURCE = sourceFiles("src/**/*.{ts,tsx}");
const ALL = sourceFiles("{src,test,bench}/**/*.{ts,tsx}");

test("no file of src holds a banned word", () => {
  assert.deepEqual(
    SOURCE.flatMap((file) => offences(file, codeOf(readSource(file)), BANS)),
    [],
  );
});

test("no file holds a word without an issue number", () => {
  const others = ALL.filter((file) => file !== "test/tidy.test.ts");
  assert.deepEqual(
    others.flatMap((file) => offences(file, readSource(file), WORDS)),
    [],
  );
});

test("no test is singled out", () => {
  const only = BANS.filter((ban) => ban.instead === "nothing");
  const tests = ALL.filter((file) => !file.startsWith("src/"));
  assert.deepEqual(
    tests.flatMap((file) => offences(file, codeOf(readSource(file)), only)),
    [],
  );
});

test("no bit operator stands where sizes and indices are computed", () => {
  const files = sourceFiles("src/merkle/*.ts", "src/base/integers.ts");
  assert.ok(files.length > 5);
  assert.deepEqual(
    files.flatMap((file) => offences(file, codeOf(readSource(file)), [BIT_OPERATORS])),
    [],
  );
});

const NO_ROOT = SOURCE.includes("src/main.ts") ? false : "there is no src/main.ts yet";

test("every file of src is imported by someone", { skip: NO_ROOT }, () => {
  const entries = BROWSER_ENTRIES.map((entry) => `src/dashboard/browser/${entry}`);
  const imported = new Set(["src/main.ts", ...entries]);
  for (const file of ALL) {
    for (const specifier of importsOf(readSource(file))) {
      if (specifier.startsWith(".")) imported.add(join(dirname(file), specifier));
    }
  }
  assert.deepEqual(
    SOURCE.filter((file) => !imported.has(file)),
    [],
  );
});

test("no barrel: no file is called index.ts", () => {
  assert.deepEqual(
    ALL.filter((file) => /\/index\.tsx?$/.test(file)),
    [],
  );
});

test("no file of src and bench is longer than 400 lines, none of test than 500", () => {
  const lengths = ALL.map((file) => [file, readSource(file).split("\n").length - 1] as const);
  assert.deepEqual(
    lengths.filter(([file, lines]) => lines > (file.startsWith("test/") ? 500 : 400)),
    [],
  );
});

test("every file of src opens with a module comment", () => {
  assert.deepEqual(
    SOURCE.filter((file) => !/^(?:#!.*\n)?\/\*\*[\s\S]*?@module\s*\*\//.test(readSource(file))),
    [],
  );
});

const BANNED: readonly (readonly [string, string])[] = [
  ["src/sequencer/x.ts", "const now = Date.now();"],
  ["src/http/x.ts", "setTimeout(run, 5);"],
  ["src/merkle/x.ts", "const day = new Date();"],
  ["src/log/x.ts", "const bytes: Buffer = read();"],
  ["src/log/x.ts", "return value as any;"],
  ["src/log/x.ts", "const text = `$" + "{process.env.HOME}`;"],
  ["src/http/x.ts", "const n = Number.parseInt(text, 10);"],
];

for (const [file, line] of BANNED) {
  test(`the list refuses ${line} in ${file}`, () => {
    assert.equal(offences(file, codeOf(line), BANS).length, 1);
  });
}

const TOLERATED: readonly (readonly [string, string])[] = [
  ["src/clock/x.ts", "const now = Date.now();"],
  ["src/sequencer/x.ts", "// Date.now() would be wrong here"],
  ["src/sequencer/x.ts", 'fail("Date.now is banned");'],
  ["src/static-ct/x.ts", "const day = new Date(timeMs);"],
  ["src/http/x.ts", "const bytes: Buffer = read();"],
];

for (const [file, line] of TOLERATED) {
  test(`the list tolerates ${line} in ${file}`, () => {
    assert.deepEqual(offences(file, codeOf(line), BANS), []);
  });
}

for (const line of ["a >> 1", "1 << level", "a & 1", "a | 0", "a ^ b", "= ~a", "a >>= 1"]) {
  test(`the list of bit operators refuses ${line}`, () => {
    assert.equal(offences("src/merkle/x.ts", ` ${line} `, [BIT_OPERATORS]).length, 1);
  });
}
