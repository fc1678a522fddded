/**
 * Which plots there are, for the server's pictures and the browser's plots alike.
 * @module
 */
import { formatBytes, formatCount } from "../view/format.ts";
import type { CourseLine } from "./totals.ts";

/** One plot. */
export interface PlotSpec {
  readonly title: string;
  readonly lines: readonly (readonly [line: CourseLine, label: string, colour: string])[];
  /** A value in words. */
  readonly format: (value: number) => string;
  /** Values that are drawn as lines of their own. */
  readonly marks?: readonly number[];
}

/** Of each shard. */
export const SHARD_PLOTS: readonly PlotSpec[] = [
  {
    title: "Submissions a second",
    lines: [
      ["accepted", "accepted", "--accent"],
      ["refused", "refused", "--bad"],
    ],
    format: formatRate,
  },
  {
    title: "Submission to SCT",
    lines: [
      ["latencyP50", "p50", "--accent"],
      ["latencyP99", "p99", "--warn"],
    ],
    format: formatSeconds,
    marks: [0.5, 1, 2],
  },
  {
    title: "Merge delay and steps of a group, p99",
    lines: [
      ["mergeP99", "merge delay", "--ink"],
      ["commitP99", "commit", "--accent"],
      ["verifyP99", "verify", "--warn"],
      ["signP99", "sign", "--bad"],
    ],
    format: formatSeconds,
  },
  {
    title: "Groups and requests a second",
    lines: [
      ["batches", "groups", "--accent"],
      ["requests", "requests", "--warn"],
    ],
    format: formatRate,
  },
  {
    title: "Entries in the pool",
    lines: [["poolEntries", "waiting", "--accent"]],
    format: formatCount,
  },
  {
    title: "Free where the data lie",
    lines: [["freeData", "free", "--accent"]],
    format: formatLarge,
  },
];

/** Of the process. */
export const PROCESS_PLOTS: readonly PlotSpec[] = [
  {
    title: "Event loops, latest in a minute",
    lines: [
      ["mainLag", "main", "--accent"],
      ["frontendLag", "frontends", "--warn"],
    ],
    format: formatSeconds,
  },
];

/** `350 ms`, `1.25 s`, or `30 s`. */
export function formatSeconds(seconds: number): string {
  if (seconds === 0) return "0";
  if (seconds < 0.001) return `${(1_000 * seconds).toFixed(2)}\u00a0ms`;
  if (seconds < 0.01) return `${Number((1_000 * seconds).toFixed(1))}\u00a0ms`;
  if (seconds < 1) return `${Math.round(1_000 * seconds)}\u00a0ms`;
  return `${Number(seconds.toFixed(2))}\u00a0s`;
}

/** `0.25`, `12.5`, or `1 234`: of something a second. */
export function formatRate(value: number): string {
  return value < 100 ? String(Number(value.toFixed(2))) : formatCount(Math.round(value));
}

/** Bytes of disks: `3.4 GB`, `1.2 TB`. */
export function formatLarge(bytes: number): string {
  if (bytes >= 1e12) return `${(bytes / 1e12).toFixed(2)}\u00a0TB`;
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)}\u00a0GB`;
  return formatBytes(Math.round(bytes));
}
