import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { aheadOfFolders, expandSeries, type SeriesSpan } from "../../src/config/series.ts";
import { mistakesOf, parse } from "./support.ts";

const NOVEMBER_2026 = Date.UTC(2026, 10, 23);

function span(fields: Partial<SeriesSpan> = {}): SeriesSpan {
  return { name: "nimbus", firstYear: "current", years: 4, period: "year", ...fields };
}

function namesOf(
  fields: Partial<SeriesSpan>,
  nowMs: number,
  shardFolders: readonly string[] = [],
): string {
  return expandSeries(span(fields), nowMs, shardFolders)
    .map((window) => window.name.replace("nimbus", ""))
    .join(" ");
}

test("expandSeries() of an empty data folder begins with this year", () => {
  assert.equal(namesOf({}, NOVEMBER_2026), "2026 2027 2028 2029");
});

test("expandSeries() changes year at midnight UTC", () => {
  const newYear = Date.UTC(2027, 0);
  assert.equal(namesOf({ years: 1 }, newYear - 1), "2026");
  assert.equal(namesOf({ years: 1 }, newYear), "2027");
});

test("expandSeries() keeps the oldest folder and covers the years ahead of now", () => {
  assert.equal(
    namesOf({}, Date.UTC(2028, 5), ["nimbus2026", "nimbus2027"]),
    "2026 2027 2028 2029 2030 2031",
  );
});

test("expandSeries() keeps the newest folder where `years` was lowered or the clock is behind", () => {
  assert.equal(
    namesOf({ years: 1 }, NOVEMBER_2026, ["nimbus2026", "nimbus2029"]),
    "2026 2027 2028 2029",
  );
  assert.equal(namesOf({ years: 2 }, Date.UTC(1970, 0), ["nimbus2026"]), "2026");
});

test("expandSeries() begins with the oldest folder even if that is ahead of this year", () => {
  assert.equal(namesOf({}, NOVEMBER_2026, ["nimbus2028"]), "2028 2029");
});

test("expandSeries() reads only folders of its own name and period", () => {
  const folders = [
    "nimbus",
    "nimbus20",
    "nimbus20250",
    "nimbus2025h1",
    "nimbus2025h3",
    "xnimbus2024",
  ];
  const others = [
    "nimbus2023x",
    "cirrus2022",
    "nimbus-2021",
    "nimbus0001",
    "nimbus9999",
    ".nimbus2020",
  ];
  assert.equal(namesOf({ years: 1 }, NOVEMBER_2026, [...folders, ...others]), "2026");
});

test("expandSeries() by half-year names and cuts at 1 July", () => {
  const windows = expandSeries(span({ period: "half-year", years: 1 }), NOVEMBER_2026, []);
  assert.deepEqual(windows, [
    {
      name: "nimbus2026h1",
      notAfterStartMs: Date.UTC(2026, 0),
      notAfterLimitMs: Date.UTC(2026, 6),
    },
    {
      name: "nimbus2026h2",
      notAfterStartMs: Date.UTC(2026, 6),
      notAfterLimitMs: Date.UTC(2027, 0),
    },
  ]);
});

test("expandSeries() by half-year begins with the first half of the oldest folder's year", () => {
  assert.equal(
    namesOf({ period: "half-year", years: 1 }, NOVEMBER_2026, ["nimbus2025h2", "nimbus2024"]),
    "2025h1 2025h2 2026h1 2026h2",
  );
});

test("expandSeries() from a year given covers exactly `years` years, whatever is in data", () => {
  assert.equal(
    namesOf({ firstYear: 2030, years: 2 }, NOVEMBER_2026, ["nimbus2020", "nimbus2040"]),
    "2030 2031",
  );
});

test("property: expandSeries() leaves no gap, covers the years ahead and every folder", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: Date.UTC(2000, 0), max: Date.UTC(2150, 0) - 1 }),
      fc.integer({ min: 1, max: 20 }),
      fc.constantFrom("year" as const, "half-year" as const),
      fc.uniqueArray(fc.integer({ min: 1990, max: 2150 }), { maxLength: 5 }),
      (nowMs, years, period, folderYears) => {
        const suffix = period === "year" ? "" : "h2";
        const folders = folderYears.map((year) => `nimbus${year}${suffix}`);
        const windows = expandSeries(span({ years, period }), nowMs, folders);
        for (const [index, window] of windows.entries()) {
          assert(window.notAfterStartMs < window.notAfterLimitMs);
          const next = windows[index + 1];
          if (next !== undefined) assert.equal(next.notAfterStartMs, window.notAfterLimitMs);
        }
        const names = windows.map((window) => window.name);
        for (const folder of folders) assert(names.includes(folder), folder);
        const thisYear = new Date(nowMs).getUTCFullYear();
        const oldest = Math.min(thisYear + years - 1, ...folderYears);
        for (let year = Math.max(thisYear, oldest); year < thisYear + years; year += 1) {
          const isAhead = folderYears.length > 0 && year < Math.min(...folderYears);
          assert(isAhead || names.includes(`nimbus${year}${suffix}`), `${year}`);
        }
      },
    ),
  );
});

const CURRENT = `publicUrl: https://ct.example.org
series: [{ name: nimbus, years: 2 }]
`;

test("parseConfig() serves shards of another period only if they are written out", () => {
  const shardFolders = ["nimbus2025h1", "nimbus2026"];
  assert.deepEqual(mistakesOf(CURRENT, { shardFolders }), [
    "2:10: data has folders that no shard would serve: nimbus2025h1 (write them under shards, or set period back)",
  ]);
  const written = `${CURRENT}shards:
  - name: nimbus2025h1
    notAfterStart: 2025-01-01T00:00:00Z
    notAfterLimit: 2025-07-01T00:00:00Z
`;
  assert.deepEqual(
    parse(written, { shardFolders }).shards.map((shard) => shard.name),
    ["nimbus2026", "nimbus2027", "nimbus2025h1"],
  );
});

test("parseConfig() points at `period` where data has folders of the other period", () => {
  const text = CURRENT.replace("years: 2", "period: half-year");
  const [line] = mistakesOf(text, { shardFolders: ["nimbus2026"] });
  assert.match(line ?? "", /^2:34: data has folders that no shard would serve: nimbus2026 /);
});

test("parseConfig() takes a yearly series continued by a half-yearly one", () => {
  const text = `publicUrl: https://ct.example.org
series:
  - { name: nimbus, firstYear: 2026, years: 1 }
  - { name: nimbus, firstYear: 2027, years: 1, period: half-year }
`;
  assert.deepEqual(
    parse(text, { shardFolders: ["nimbus2026"] }).shards.map((shard) => shard.name),
    ["nimbus2026", "nimbus2027h1", "nimbus2027h2"],
  );
});

test("parseConfig() refuses more shards than one process serves", () => {
  const text = `publicUrl: https://ct.example.org
series: [${Array.from({ length: 13 }, (_, index) => `{ name: s${index}, years: 20 }`).join(", ")}]`;
  const [line = ""] = mistakesOf(text);
  assert.match(line, /^2:\d+: expected at most 256 shards, got 260 /);
});

test("aheadOfFolders() names what a series came to by itself behind its newest folder", () => {
  const ahead = (fields: Partial<SeriesSpan>, nowMs: number, folders: readonly string[]) =>
    aheadOfFolders(span(fields), nowMs, folders).join(" ");
  const folders = ["nimbus2026", "nimbus2027"];
  assert.equal(ahead({ years: 3 }, NOVEMBER_2026, folders), "nimbus2028");
  assert.equal(ahead({ years: 2 }, NOVEMBER_2026, folders), "");
  assert.equal(ahead({}, NOVEMBER_2026, []), "", "a new log");
  assert.equal(ahead({ firstYear: 2026 }, NOVEMBER_2026, folders), "", "written down by a person");
  // A gap is no future, and 2028 has begun: somebody has to look.
  assert.equal(ahead({ years: 2 }, Date.UTC(2028, 1), folders), "nimbus2029");
  const halves = ["nimbus2026h1", "nimbus2026h2"];
  assert.equal(ahead({ years: 1, period: "half-year" }, NOVEMBER_2026, halves), "");
  assert.equal(
    ahead({ years: 2, period: "half-year" }, NOVEMBER_2026, halves),
    "nimbus2027h1 nimbus2027h2",
  );
});
