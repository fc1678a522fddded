/**
 * What the operator's dashboard tells, as plain values: for programs, for the page, and for the
 * browser that makes its figures again.
 * @module
 */
import type { ShardPhase } from "../../base/shard-life.ts";
import type { Range } from "../../history/range.ts";
import type { Forecast } from "../../history/step.ts";
import type { TimelineBar } from "../view/timeline.ts";
import type { Course, Totals } from "./totals.ts";

/** One thing to look at. */
export interface Warning {
  /** Name of the alert, and of its page. */
  readonly alert: string;
  readonly severity: "page" | "ticket";
  /** Undefined: of the whole process. */
  readonly shard: string | undefined;
  /** What is the matter, in a sentence, and what to do about it where that is known. */
  readonly message: string;
}

/** A file system that a shard lies in. */
export interface DiskView {
  readonly place: string;
  readonly freeBytes: number;
  readonly totalBytes: number;
  readonly forecast: Forecast;
}

/** A shard now, in the last hour and in the last day. */
export interface ShardFigures {
  readonly name: string;
  /** As its metric has it; `tone` chooses its colour. */
  readonly state: string;
  readonly tone: TimelineBar["tone"];
  readonly phase: ShardPhase | undefined;
  readonly isReady: boolean;
  /** What its operator does next. */
  readonly next: string;
  readonly treeSize: number;
  readonly headAgeMs: number | undefined;
  readonly pool: Readonly<Record<"entries" | "entriesMax" | "bytes" | "bytesMax", number>>;
  readonly audit: {
    readonly position: number | undefined;
    readonly treeSize: number | undefined;
    readonly lastPassSeconds: number | undefined;
    readonly passes: number;
  };
  readonly disks: readonly DiskView[];
  readonly hour: Totals;
  readonly day: Totals;
  /** In the range that was asked for. */
  readonly course: Course;
}

/** All of it. */
export interface DashboardData {
  /** Milliseconds since the Unix epoch, as all times here. */
  readonly timeMs: number;
  readonly range: Range;
  readonly operator: string;
  readonly software: { readonly name: string; readonly version: string };
  readonly runMs: number | undefined;
  /** Whether what other runs left has been read: a second or two after a start. */
  readonly isHistoryRead: boolean;
  /** Whether the past outlives the process. */
  readonly isHistoryKept: boolean;
  readonly warnings: readonly (Warning & {
    /** The page of the alert, as Markdown; undefined where docs/OPERATIONS.md is not installed. */
    readonly help: string | undefined;
  })[];
  readonly shards: readonly ShardFigures[];
  /** Names of shards that were never created. */
  readonly notCreated: readonly string[];
  readonly process: {
    readonly mainLagSeconds: number | undefined;
    readonly frontendLagSeconds: number | undefined;
    readonly clockDriftSeconds: number | undefined;
    readonly frontendsEnded: number;
    readonly tls: readonly { readonly host: string; readonly expiresMs: number | undefined }[];
    readonly course: Course;
  };
  readonly traffic: object;
}
