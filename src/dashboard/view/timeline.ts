/**
 * The shards on one axis of time, as SVG: which NotAfter each takes, until when it takes
 * submissions, and where today is. Places are percents, so that it fits any width and its text
 * keeps its size.
 * @module
 */
import { type Html, html } from "../html.ts";
import { formatDay } from "./format.ts";

/** One bar. */
export interface TimelineBar {
  readonly name: string;
  /** In a word, for people who cannot see the colour. */
  readonly state: string;
  /** Chooses the colour. */
  readonly tone: "open" | "waiting" | "over" | "ill";
  /** NotAfter that is taken: [start, limit); milliseconds since the Unix epoch. */
  readonly startMs: number;
  readonly limitMs: number;
  /** When submissions end. */
  readonly closesAtMs: number;
}

const ROW = 46;
const HEAD = 26;
const FOOT = 26;

/** The picture. @param bars At least one. */
export function drawTimeline(bars: readonly TimelineBar[], nowMs: number): Html {
  const firstMs = Math.min(nowMs, ...bars.map(({ startMs }) => startMs));
  const lastMs = Math.max(nowMs, ...bars.map(({ closesAtMs }) => closesAtMs));
  const pad = Math.max(1, (lastMs - firstMs) * 0.02);
  const place = (timeMs: number): number =>
    (100 * (timeMs - firstMs + pad)) / (lastMs - firstMs + 2 * pad);
  const at = (timeMs: number): string => `${place(timeMs).toFixed(2)}%`;
  const wide = (startMs: number, endMs: number): string =>
    `${Math.max(0, place(endMs) - place(startMs)).toFixed(2)}%`;
  const height = HEAD + bars.length * ROW + FOOT;
  const bottom = height - FOOT;
  const today = place(nowMs);
  return html`<svg class="timeline" width="100%" height="${height}" role="img" aria-label="${describe(bars, nowMs)}">
${yearsOf(firstMs, lastMs).map(
  ({ startMs, label }) =>
    html`<line class="tick" x1="${at(startMs)}" x2="${at(startMs)}" y1="${HEAD}" y2="${bottom}"/>
<text class="year" x="${at(startMs)}" y="${height - 8}" text-anchor="${anchorAt(place(startMs))}">${label}</text>
`,
)}${bars.map(({ tone, startMs, limitMs, closesAtMs }, index) => {
  const y = HEAD + index * ROW;
  return html`<g class="bar ${tone}">
<rect class="window" x="${at(startMs)}" y="${y + 22}" width="${wide(startMs, limitMs)}" height="14" rx="3"/>
<rect class="tail" x="${at(limitMs)}" y="${y + 27}" width="${wide(limitMs, closesAtMs)}" height="4"/>
</g>
`;
})}<line class="today" x1="${today.toFixed(2)}%" x2="${today.toFixed(2)}%" y1="18" y2="${bottom}"/>
<text class="today" x="${today.toFixed(2)}%" y="12" text-anchor="${anchorAt(today)}">today</text>
${bars.map(({ name, state, startMs, limitMs }, index) => {
  // A name that would not fit to the right of where its bar begins ends where the bar does.
  const isLate = place(startMs) > 58;
  return html`<text class="name" x="${isLate ? at(limitMs) : at(startMs)}" y="${HEAD + index * ROW + 16}"${isLate && html` text-anchor="end"`}>${name} <tspan class="state">${state}</tspan></text>
`;
})}</svg>`;
}

/** How a text stands at a place, so that it stays within the picture. */
function anchorAt(percent: number): "start" | "middle" | "end" {
  if (percent < 8) return "start";
  return percent > 92 ? "end" : "middle";
}

/** The same in words. */
function describe(bars: readonly TimelineBar[], nowMs: number): string {
  const lines = bars.map(
    ({ name, state, startMs, limitMs, closesAtMs }) =>
      `${name}, ${state}: certificates that expire from ${formatDay(startMs)} and before ${formatDay(limitMs)}; submissions until ${formatDay(closesAtMs)}.`,
  );
  return `Timeline of the shards. Today is ${formatDay(nowMs)}. ${lines.join(" ")}`;
}

/** Beginnings of years, at most a dozen. */
function yearsOf(
  firstMs: number,
  lastMs: number,
): readonly { readonly startMs: number; readonly label: string }[] {
  const first = new Date(firstMs).getUTCFullYear();
  const last = new Date(lastMs).getUTCFullYear();
  const step = Math.ceil((last - first + 1) / YEARS_MAX);
  const years: { readonly startMs: number; readonly label: string }[] = [];
  for (let year = first; year <= last; year += step) {
    const startMs = Date.UTC(year, 0, 1);
    if (startMs >= firstMs) years.push({ startMs, label: String(year) });
  }
  return years;
}

const YEARS_MAX = 8;
