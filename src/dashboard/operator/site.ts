/**
 * What the operator's dashboard is made from.
 * @module
 */
import type { Range } from "../../history/range.ts";
import type { Sample } from "../../history/sample.ts";
import type { Step } from "../../history/step.ts";
import type { Log } from "../../log/log.ts";
import type { AssetSet } from "../assets.ts";

/** The last hour and day: as `History` tells it. */
export interface Past {
  /** Steps of a shard or of the process, the last one up to this look. */
  stepsUntil(name: string, range: Range, now: Sample): readonly Step[];
  /** Whether what other runs left has been read. */
  readonly isRead: boolean;
  /** Whether it outlives the process. */
  readonly isKept: boolean;
}

/** All that the dashboard is made from. */
export interface OperatorSite {
  readonly logs: ReadonlyMap<string, Log>;
  /** Names of the shards that were never created. */
  readonly left: readonly string[];
  readonly operator: string;
  readonly software: { readonly name: string; readonly version: string };
  readonly assets: AssetSet;
  readonly past: Past;
  /** What was counted until now, by shard and of the process. */
  readonly look: () => Promise<ReadonlyMap<string, Sample>>;
  /** Who asks most: what `/traffic` tells. */
  readonly traffic: () => Promise<object>;
  /** Markdown of docs/OPERATIONS.md; empty where it was not installed. */
  readonly runbook: string;
  /** Wall time; milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
}
