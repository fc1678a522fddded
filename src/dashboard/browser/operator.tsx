/**
 * The living part of the operator's dashboard: the figures, made again from fresh data by the
 * functions that made them on the server, and the plots.
 * @module
 */
import { render } from "preact";
import { AnswerError } from "../check/world.ts";
import type { DashboardData } from "../operator/data.ts";
import { type PlotSpec, PROCESS_PLOTS, SHARD_PLOTS } from "../operator/plots.ts";
import type { Course } from "../operator/totals.ts";
import { livePartsOf } from "../operator/view.ts";
import { Plot } from "./plot.tsx";
import { every, pageData } from "./world.ts";

const REFRESH_MS = 5_000;

const range = new URLSearchParams(location.search).get("range") === "day" ? "day" : "hour";

async function refresh(): Promise<void> {
  if (document.visibilityState !== "visible") return;
  const when = document.querySelector(".when");
  try {
    const data = (await pageData(`dashboard.json?range=${range}`)) as DashboardData;
    replaceParts(data);
    drawPlots(data);
    when?.classList.remove("ill");
  } catch (thrown) {
    if (!(thrown instanceof AnswerError)) throw thrown;
    // The figures on the page are no longer those of now.
    when?.classList.add("ill");
  }
}

/** Puts what has changed into its place; what was open stays open. */
function replaceParts(data: DashboardData): void {
  const parser = new DOMParser();
  for (const [name, part] of livePartsOf(data)) {
    const place = document.querySelector(`[data-live="${CSS.escape(name)}"]`);
    if (place === null) continue;
    const { body } = parser.parseFromString(part.toString(), "text/html");
    for (const open of place.querySelectorAll("details[open]")) {
      body.querySelector(`#${CSS.escape(open.id)}`)?.setAttribute("open", "");
    }
    if (body.innerHTML !== place.innerHTML) place.replaceChildren(...body.childNodes);
  }
}

function drawPlots(data: DashboardData): void {
  for (const shard of data.shards) draw(SHARD_PLOTS, shard.name, shard.course);
  draw(PROCESS_PLOTS, "", data.process.course);
}

function draw(specs: readonly PlotSpec[], shard: string, course: Course): void {
  for (const { title, lines, format, marks = [] } of specs) {
    const query = `[data-plot="${CSS.escape(title)}"][data-shard="${CSS.escape(shard)}"]`;
    const place = document.querySelector(query);
    const known = lines.filter(([line]) => course.lines[line] !== undefined);
    if (place === null || known.length === 0) continue;
    const { timesMs } = course;
    const drawn = known.map(([line, label, colour]) => {
      const values = course.lines[line]?.map((value) => value ?? undefined) ?? [];
      return { label, colour, values };
    });
    const most = Math.max(...drawn.flatMap(({ values }) => values.filter((v) => v !== undefined)));
    const marked = marks
      .filter((mark) => mark <= most)
      .map((mark) => ({
        label: format(mark),
        colour: "--line",
        values: timesMs.map(() => mark),
      }));
    // Its picture gives way to the plot.
    if (place.querySelector(".plot") === null) place.replaceChildren();
    const words = `${title}${shard === "" ? "" : ` of ${shard}`}; its figures stand in the table below`;
    render(
      <Plot
        title={words}
        timesMs={timesMs}
        lines={[...drawn, ...marked]}
        height={170}
        format={format}
      />,
      place,
    );
  }
}

void refresh();
every(REFRESH_MS, () => void refresh());
