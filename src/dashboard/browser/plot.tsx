/**
 * A plot of numbers over time, by uPlot, in the colours of the page: drawn anew when its data,
 * its width or the colours change.
 * @module
 */
import type { VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { formatCount, formatDay, formatTime } from "../view/format.ts";

/** One line of a plot. */
export interface PlotLine {
  readonly label: string;
  /** A variable of the style sheet, as `--accent`. */
  readonly colour: string;
  /** One for each time; undefined where there is none. */
  readonly values: readonly (number | undefined)[];
  /** Whether a value holds until the next one. */
  readonly isStepped?: boolean;
}

/** What is plotted. */
export interface PlotProps {
  /** In words, for those who do not see it. */
  readonly title: string;
  /** Milliseconds since the Unix epoch, ascending. */
  readonly timesMs: readonly number[];
  readonly lines: readonly PlotLine[];
  readonly height?: number;
  /** A value in words; by default a whole number. */
  readonly format?: (value: number) => string;
}

/** The plot. */
export function Plot(props: PlotProps): VNode {
  const { title, timesMs, lines, height = 240, format = formatCount } = props;
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const { current } = place;
    if (current === null) return undefined;
    let plot: uPlot | undefined;
    const draw = (): void => {
      plot?.destroy();
      plot = new uPlot(optionsOf(current, props), dataOf(timesMs, lines), current);
    };
    draw();
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const resized = new ResizeObserver(() => plot?.setSize({ width: current.clientWidth, height }));
    dark.addEventListener("change", draw);
    resized.observe(current);
    return () => {
      dark.removeEventListener("change", draw);
      resized.disconnect();
      plot?.destroy();
    };
  }, [timesMs, lines, height, format]);
  return <div class="plot" ref={place} role="img" aria-label={title} />;
}

function dataOf(timesMs: readonly number[], lines: readonly PlotLine[]): uPlot.AlignedData {
  return [
    timesMs.map((timeMs) => timeMs / 1000),
    ...lines.map(({ values }) => values.map((value) => value ?? null)),
  ];
}

function optionsOf(
  place: HTMLElement,
  { lines, height = 240, format = formatCount }: PlotProps,
): uPlot.Options {
  const style = getComputedStyle(place);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const quiet = colour("--quiet");
  const line = colour("--line");
  const font = `12px ${style.fontFamily}`;
  const axis = { stroke: quiet, font, grid: { stroke: line, width: 1 }, ticks: { stroke: line } };
  const stepped = uPlot.paths.stepped;
  return {
    width: place.clientWidth,
    height,
    // Ticks fall on whole hours and days of UTC.
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "UTC"),
    cursor: { points: { size: 7 } },
    axes: [
      { ...axis, space: 90, values: (_, ticks) => formatTicks(ticks) },
      { ...axis, size: 76, values: (_, ticks) => ticks.map((tick) => format(tick)) },
    ],
    series: [
      { label: "Time (UTC)", value: "{YYYY}-{MM}-{DD} {HH}:{mm}:{ss}" },
      ...lines.map(
        ({ label, colour: name, isStepped }): uPlot.Series => ({
          label,
          stroke: colour(name),
          width: 2,
          ...(isStepped === true && stepped && { paths: stepped({ align: 1 }) }),
          points: { size: 5, fill: colour("--panel") },
          value: (_, value) => (value === null ? "\u2013" : format(value)),
        }),
      ),
    ],
  };
}

const DAY_SECONDS = 86_400;

/** Times of an axis in UTC, no finer than they are apart. @param ticks Seconds. */
function formatTicks(ticks: readonly number[]): string[] {
  const [first = 0, second = first + DAY_SECONDS] = ticks;
  const step = second - first;
  if (step >= DAY_SECONDS) return ticks.map((tick) => formatDay(tick * 1000));
  const end = step >= 60 ? -7 : -4;
  return ticks.map((tick) => {
    const time = formatTime(tick * 1000).slice(11, end);
    return step < 1 ? `${time}.${String(Math.round((tick % 1) * 10))}` : time;
  });
}
