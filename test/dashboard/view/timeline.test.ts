import assert from "node:assert/strict";
import { test } from "node:test";
import { drawTimeline } from "../../../src/dashboard/view/timeline.ts";

const bar = (name: string, year: number) => ({
  name,
  state: "open",
  tone: "open" as const,
  startMs: Date.UTC(year, 0, 1),
  limitMs: Date.UTC(year + 1, 0, 1),
  closesAtMs: Date.UTC(year + 1, 0, 8),
});

test("drawTimeline() puts windows, their ends and today in order on one axis", () => {
  const svg = String(drawTimeline([bar("a2026", 2026), bar("a2027", 2027)], Date.UTC(2026, 6, 2)));
  const windows = [...svg.matchAll(/class="window" x="([0-9.]+)%" y="\d+" width="([0-9.]+)%"/g)];
  const [[, firstX, firstWidth] = [], [, secondX, secondWidth] = []] = windows;
  assert.ok(Math.abs(Number(firstX) + Number(firstWidth) - Number(secondX)) < 0.02);
  assert.ok(Number(secondX) + Number(secondWidth) < 100);
  const [, today] = /class="today" x1="([0-9.]+)%"/.exec(svg) ?? [];
  assert.ok(Number(today) > Number(firstX) && Number(today) < Number(secondX));
  for (const year of ["2026", "2027", "2028"]) assert.match(svg, new RegExp(`>${year}</text>`));
});

test("drawTimeline() says the same in words", () => {
  const svg = String(drawTimeline([bar("a2026", 2026)], Date.UTC(2026, 6, 2)));
  assert.match(svg, /aria-label="[^"]*Today is 2026-07-02/);
  assert.match(svg, /expire from 2026-01-01 and before 2027-01-01; submissions until 2027-01-08/);
});

test("drawTimeline() of a century has few years, of one moment no division by zero", () => {
  const far = {
    ...bar("far", 2000),
    limitMs: Date.UTC(2100, 0, 1),
    closesAtMs: Date.UTC(2100, 0, 8),
  };
  const svg = String(drawTimeline([far], Date.UTC(2026, 0, 1)));
  assert.ok((svg.match(/class="year"/g) ?? []).length <= 8);
  const now = Date.UTC(2026, 0, 1);
  const point = { ...bar("point", 2026), startMs: now, limitMs: now, closesAtMs: now };
  assert.doesNotMatch(String(drawTimeline([point], now)), /NaN|Infinity/);
});
