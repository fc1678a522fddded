/**
 * A plot without scripts: lines in an SVG that fits any width. Values stand beside it in words.
 * @module
 */
import { type Html, html } from "../html.ts";
import type { PlotSpec } from "./plots.ts";
import type { Course } from "./totals.ts";

const WIDTH = 600;
const HEIGHT = 120;

/** The picture of a plot; undefined where nothing is known. @param range Of the time that it shows. */
export function drawPicture(
  { lines, marks = [], format }: PlotSpec,
  course: Course,
  range: { readonly startMs: number; readonly endMs: number },
): Html | undefined {
  const known = lines.flatMap(
    ([line]) => course.lines[line]?.filter((value) => value !== null) ?? [],
  );
  if (known.length === 0) return undefined;
  const most = Math.max(...known);
  const top = most > 0 ? most : 1;
  const x = (timeMs: number): string =>
    ((WIDTH * (timeMs - range.startMs)) / (range.endMs - range.startMs)).toFixed(1);
  const y = (value: number): string => (HEIGHT - 2 - ((HEIGHT - 4) * value) / top).toFixed(1);
  return html`<svg class="course" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">
${marks
  .filter((mark) => mark <= top)
  .map((mark) => html`<line class="mark" x1="0" x2="${WIDTH}" y1="${y(mark)}" y2="${y(mark)}"/>`)}
${lines.map(([line, , colour]) => {
  const path = pathOf(course.timesMs.map((timeMs, index) => [timeMs, course.lines[line]?.[index]]));
  return html`<path class="${`line ${colour.slice(2)}`}" d="${path}"/>`;
})}
</svg>
<p class="legend">${lines.map(([, label, colour]) => html`<span class="${`key ${colour.slice(2)}`}">${label}</span> `)}<span class="top">at most ${format(most)}</span></p>`;

  function pathOf(points: readonly (readonly [number, number | null | undefined])[]): string {
    let path = "";
    let isDown = false;
    for (const [timeMs, value] of points) {
      if (value === null || value === undefined) {
        isDown = false;
      } else {
        path += `${isDown ? "L" : "M"}${x(timeMs)} ${y(value)}`;
        // A value alone is a dot.
        if (!isDown) path += "h0.1";
        isDown = true;
      }
    }
    return path;
  }
}
