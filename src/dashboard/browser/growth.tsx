/**
 * The growth of a tree as a plot: some of its entries, each proven, and the heads that came
 * while the page was open.
 * @module
 */
import type { VNode } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { messageOf } from "../../base/errors.ts";
import type { TreeHead } from "../../rfc6962/tree-head.ts";
import { type GrowthPoint, proveGrowth, spreadIndexes } from "../check/growth.ts";
import type { World } from "../check/world.ts";
import { formatCount } from "../view/format.ts";
import { Plot } from "./plot.tsx";

/** Entries that are asked for. */
const POINTS_MAX = 24;

/** Heads that are kept in the picture. */
const HEADS_MAX = 500;

/** The panel. @param head The newest verified head. */
export function Growth({ world, head }: { readonly world: World; readonly head: TreeHead }): VNode {
  const first = useRef(head);
  const [points, setPoints] = useState<readonly GrowthPoint[]>([]);
  const [heads, setHeads] = useState<readonly GrowthPoint[]>([]);
  const [trouble, setTrouble] = useState("");
  useEffect(() => {
    let isOver = false;
    const read = async (): Promise<void> => {
      const proven: GrowthPoint[] = [];
      for (const index of spreadIndexes(first.current.treeSize, POINTS_MAX)) {
        if (isOver) return;
        proven.push(await proveGrowth(world, first.current, index));
      }
      setPoints(proven);
    };
    read().catch((thrown: unknown) => setTrouble(messageOf(thrown)));
    return () => {
      isOver = true;
    };
  }, [world]);
  const { timestampMs, treeSize } = head;
  useEffect(() => {
    setHeads((known) => [...known, { timestampMs, treeSize }].slice(-HEADS_MAX));
  }, [timestampMs, treeSize]);
  const { timesMs, lines } = useMemo(() => {
    const all = [...points, ...heads].sort((a, b) => a.timestampMs - b.timestampMs);
    const line = {
      label: "Entries",
      colour: "--accent",
      values: all.map((point) => point.treeSize),
      isStepped: true,
    };
    return { timesMs: all.map((point) => point.timestampMs), lines: [line] };
  }, [points, heads]);
  const title = `Growth of the tree to ${formatCount(treeSize)} entries`;
  return (
    <section class="panel" aria-labelledby="growth">
      <h2 id="growth">Growth</h2>
      {trouble !== "" && <p class="notice">{trouble}</p>}
      <Plot title={title} timesMs={timesMs} lines={lines} />
      <p class="note">
        {points.length > 0
          ? `The timestamps of ${points.length} entries, each proven to be in the signed tree, and the heads since you came.`
          : "The heads since you came."}
      </p>
    </section>
  );
}
