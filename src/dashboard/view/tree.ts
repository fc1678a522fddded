/**
 * The audit path as a picture: the leaf at the foot, the root at the top, at each level the
 * sibling that the log gave and the parent that was computed.
 * @module
 */
import { formatHex } from "../../encoding/hex.ts";
import type { LeafRange } from "../../merkle/node.ts";
import type { TraceStep } from "../../merkle/trace.ts";
import { type Html, html } from "../html.ts";
import { formatCount, shortHash } from "./format.ts";

const STEP = 74;
const BOX_WIDTH = 132;
const BOX_HEIGHT = 40;
const WIDTH = 324;
const CENTRE = WIDTH / 2;
const SHIFT = 90;

/** What is drawn. */
export interface TreePicture {
  readonly leafIndex: number;
  readonly leafHash: Uint8Array;
  readonly trace: readonly TraceStep[];
  /** The root that the log signed. */
  readonly rootHash: Uint8Array;
  readonly isIncluded: boolean;
}

/** The picture; its words say the same to those who do not see it. */
export function drawTree(picture: TreePicture): Html {
  const { leafIndex, leafHash, trace, rootHash, isIncluded } = picture;
  const height = (trace.length + 1) * STEP + BOX_HEIGHT + 34;
  // The top of the parent's box that step `level` computes; -1 is the leaf.
  const topOf = (level: number): number => height - BOX_HEIGHT - 8 - (level + 1) * STEP;
  const verdict = isIncluded ? "ok" : "bad";
  return html`<svg class="tree ${verdict}" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${describe(picture)}">
${trace.map((_, level) => drawStep(trace, level, topOf, verdict))}
${drawBox(xOf(trace, -1), topOf(-1), "leaf", `leaf ${formatCount(leafIndex)}`, leafHash)}
<g class="signed"><rect x="${CENTRE - BOX_WIDTH / 2}" y="2" width="${BOX_WIDTH}" height="${BOX_HEIGHT}" rx="5"/>
<text class="range" x="${CENTRE}" y="18" text-anchor="middle">signed root</text>
<text class="digits" x="${CENTRE}" y="34" text-anchor="middle">${shortHash(rootHash)}</text></g>
<text class="verdict" x="${CENTRE}" y="${BOX_HEIGHT + 21}" text-anchor="middle">${isIncluded ? "= equal" : "\u2260 differs"}</text>
</svg>`;
}

/** Where the middle of a computed node stands: aside of its sibling; the root in the middle. */
function xOf(trace: readonly TraceStep[], level: number): number {
  const next = trace[level + 1];
  if (next === undefined) return CENTRE;
  return next.side === "right" ? CENTRE - SHIFT : CENTRE + SHIFT;
}

function drawStep(
  trace: readonly TraceStep[],
  level: number,
  topOf: (level: number) => number,
  verdict: string,
): Html | undefined {
  const step = trace[level];
  if (step === undefined) return undefined;
  const own = xOf(trace, level - 1);
  const sibling = WIDTH - own;
  const parent = xOf(trace, level);
  const below = topOf(level - 1);
  const middle = below - (STEP - BOX_HEIGHT) / 2;
  const foot = topOf(level) + BOX_HEIGHT;
  const tone = level === trace.length - 1 ? verdict : "computed";
  return html`<path class="edge" d="M${sibling} ${below}V${middle}H${parent}"/><path class="edge way" d="M${own} ${below}V${middle}H${parent}V${foot}"/>
${drawBox(sibling, below, "sibling", rangeText(step.siblingRange), step.siblingHash)}
${drawBox(parent, topOf(level), tone, rangeText(step.range), step.hash)}
`;
}

function drawBox(x: number, y: number, tone: string, words: string, hash: Uint8Array): Html {
  return html`<g class="node ${tone}"><title>${words}: ${formatHex(hash)}</title><rect x="${x - BOX_WIDTH / 2}" y="${y}" width="${BOX_WIDTH}" height="${BOX_HEIGHT}" rx="5"/>
<text class="range" x="${x}" y="${y + 16}" text-anchor="middle">${words}</text>
<text class="digits" x="${x}" y="${y + 32}" text-anchor="middle">${shortHash(hash)}</text></g>`;
}

/** The leaves of a subtree, both ends included. */
function rangeText({ start, end }: LeafRange): string {
  return end - start === 1
    ? `leaf ${formatCount(start)}`
    : `${formatCount(start)}\u2013${formatCount(end - 1)}`;
}

function describe({ leafIndex, leafHash, trace, rootHash, isIncluded }: TreePicture): string {
  const steps = trace.map(
    ({ side, siblingRange, siblingHash, range, hash }) =>
      `With ${shortHash(siblingHash)} of ${rangeText(siblingRange)} on the ${side}: ${shortHash(hash)} of ${rangeText(range)}.`,
  );
  const end = isIncluded ? "It is the signed root" : "It is not the signed root";
  return `Leaf ${leafIndex}: ${shortHash(leafHash)}. ${steps.join(" ")} ${end} ${shortHash(rootHash)}.`;
}
