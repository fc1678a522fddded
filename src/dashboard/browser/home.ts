/**
 * The living part of home: sizes and ages of heads, asked for anew while the page is looked at.
 * It claims nothing: what is verified stands on each shard's own page.
 * @module
 */
import { AnswerError } from "../check/world.ts";
import { formatCount, formatDuration } from "../view/format.ts";
import { every, nowMs, pageData } from "./world.ts";

const REFRESH_MS = 5_000;

interface HomeData {
  readonly shards: readonly {
    readonly name: string;
    readonly treeSize: number;
    readonly headTimestampMs?: number;
  }[];
}

async function refresh(): Promise<void> {
  if (document.visibilityState !== "visible") return;
  let data: HomeData;
  try {
    data = (await pageData("")) as HomeData;
  } catch (thrown) {
    if (thrown instanceof AnswerError) return;
    throw thrown;
  }
  for (const { name, treeSize, headTimestampMs } of data.shards) {
    const row = document.querySelector(`tr[data-shard="${CSS.escape(name)}"]`);
    const put = (cell: string, text: string): void => {
      const place = row?.querySelector(`[data-live="${cell}"]`);
      if (place) place.textContent = text;
    };
    put("size", formatCount(treeSize));
    if (headTimestampMs !== undefined) {
      put("age", `${formatDuration(nowMs() - headTimestampMs)} ago`);
    }
  }
}

every(REFRESH_MS, () => void refresh());
