/**
 * A flame graph as one self-contained SVG: the root at the bottom, width is time, colour is
 * the part of the program.
 * @module
 */
import type { Frame } from "./cpu-profile.ts";

/** What a picture is drawn with. */
export interface FlameOptions {
  readonly title: string;
  /** Lines under the title. */
  readonly notes: readonly string[];
  /** Time for each thing done, shown beside shares: how many were done. */
  readonly things: { readonly name: string; readonly count: number };
}

const WIDTH = 1_200;
const ROW = 16;
const MARGIN = 10;
const CHARACTER = 6.2;
/** Narrower boxes are left out; pixels. */
const NARROWEST = 0.7;
const DEPTH_MAX = 60;

interface Box {
  readonly frame: Frame;
  readonly depth: number;
  /** In pixels from the left. */
  readonly x: number;
  readonly width: number;
}

/** Draws the tree below `root`, whose times are those of its children together. */
export function drawFlame(root: Frame, options: FlameOptions): string {
  const boxes: Box[] = [];
  const scale = (WIDTH - 2 * MARGIN) / Math.max(1, root.totalUs);
  place(boxes, { frame: root, depth: 0, x: MARGIN, width: WIDTH - 2 * MARGIN }, scale);
  const depth = boxes.reduce((most, box) => Math.max(most, box.depth), 0);
  const legend = drawLegend(boxes);
  const top = 34 + 16 * options.notes.length + legend.height;
  const height = top + (depth + 1) * ROW + MARGIN;
  const rows = boxes.map((box) => drawBox(box, root, options, height - MARGIN - ROW));
  const notes = options.notes.map(
    (note, at) => `<text x="${MARGIN}" y="${38 + 16 * at}">${escapeXml(note)}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="monospace" font-size="10.5">
<title>${escapeXml(options.title)}</title>
<rect width="100%" height="100%" fill="#fff"/>
<text x="${MARGIN}" y="20" font-size="14" font-weight="bold">${escapeXml(options.title)}</text>
${notes.join("\n")}
<g transform="translate(${MARGIN} ${30 + 16 * options.notes.length})">${legend.svg}</g>
${rows.join("\n")}
</svg>
`;
}

function place(boxes: Box[], box: Box, scale: number): void {
  boxes.push(box);
  if (box.depth >= DEPTH_MAX) return;
  let { x } = box;
  const children = [...box.frame.children.values()].sort((a, b) => b.totalUs - a.totalUs);
  for (const frame of children) {
    const width = frame.totalUs * scale;
    if (width >= NARROWEST) place(boxes, { frame, depth: box.depth + 1, x, width }, scale);
    x += width;
  }
}

function drawBox(box: Box, root: Frame, options: FlameOptions, bottom: number): string {
  const { frame, depth, x, width } = box;
  const share = ((100 * frame.totalUs) / Math.max(1, root.totalUs)).toFixed(1);
  const each = (frame.totalUs / Math.max(1, options.things.count)).toFixed(1);
  const place = frame.place === "" ? "" : ` ${frame.place}`;
  const tip = `${frame.name}${place}: ${share} %, ${each} us a ${options.things.name}`;
  const y = bottom - depth * ROW;
  const rect = `<rect x="${x.toFixed(1)}" y="${y}" width="${Math.max(0.5, width - 0.4).toFixed(1)}" height="${ROW - 1}" fill="${colourOf(frame.part)}"/>`;
  const room = Math.floor((width - 4) / CHARACTER);
  const label = room < 3 ? "" : frame.name.slice(0, room);
  const text =
    label === "" ? "" : `<text x="${(x + 2).toFixed(1)}" y="${y + 11}">${escapeXml(label)}</text>`;
  return `<g><title>${escapeXml(tip)}</title>${rect}${text}</g>`;
}

function drawLegend(boxes: readonly Box[]): { readonly svg: string; readonly height: number } {
  const parts = [...new Set(boxes.map(({ frame }) => frame.part))].sort();
  const perRow = 6;
  const items = parts.map((part, at) => {
    const x = (at % perRow) * 195;
    const y = Math.floor(at / perRow) * 16;
    return `<rect x="${x}" y="${y}" width="10" height="10" fill="${colourOf(part)}"/><text x="${x + 14}" y="${y + 9}">${escapeXml(part)}</text>`;
  });
  return { svg: items.join(""), height: 16 * Math.ceil(parts.length / perRow) + 8 };
}

/** The same colour for a part in every picture. */
function colourOf(part: string): string {
  let hash = 7;
  for (const character of part) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 360;
  return `hsl(${hash} 62% 72%)`;
}

/** Text that may stand in XML. */
export function escapeXml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
