/**
 * What a shard says of its place in its life, for `log.v3.json`. By the last head's time, so that
 * it says the same as the head beside it.
 * @module
 */
import { isTaking, phaseAt, type ShardDates } from "../base/shard-life.ts";
import type { SignedTreeHead } from "../rfc6962/tree-head.ts";
import { type ListedDates, listStateOf } from "../static-ct/list-state.ts";
import { type LogDescription, MMD_SECONDS, type PlannedChange } from "../static-ct/log-json.ts";
import type { ShardIdentity } from "../storage/store.ts";

/** What the configuration knows of a shard and the log does not. */
export interface Site {
  /** Prefix of submissions, the shard's name included; without trailing slash. */
  readonly submissionUrl: string;
  /** Prefix of reads; as `submissionUrl`. */
  readonly monitoringUrl: string;
  readonly listed: ListedDates;
}

/** A shard, with all that it is described by. */
export interface Described {
  readonly identity: ShardIdentity;
  readonly publicKey: Uint8Array;
  readonly dates: ShardDates;
  readonly site: Site;
  /** The last signed head; undefined where none is shown. */
  readonly head: SignedTreeHead | undefined;
  /** What counts as the time where no head is shown; milliseconds since the Unix epoch. */
  readonly nowMs: number;
  /** Whether it signs nothing until the operator acts, whatever its dates. */
  readonly isHalted: boolean;
  readonly software: LogDescription["software"];
}

const HALTED = { condition: "readonly", conditionSinceMs: undefined } as const;

/** The description. */
export function describeLog(described: Described): LogDescription {
  const { identity, publicKey, dates, site, head, isHalted, software } = described;
  const timeMs = head?.timestampMs ?? described.nowMs;
  const phase = phaseAt(dates, timeMs);
  const isClosed = phase === "read-only" || phase === "retired";
  return {
    description: identity.origin,
    publicKey,
    logId: identity.logId,
    type: identity.type,
    submissionUrl: site.submissionUrl,
    monitoringUrl: site.monitoringUrl,
    mmdSeconds: MMD_SECONDS[identity.type],
    notAfterStartMs: identity.notAfterStartMs,
    notAfterLimitMs: identity.notAfterLimitMs,
    ...(isHalted && isTaking(phase) ? HALTED : conditionOf(dates, timeMs)),
    plannedChanges: changesAfter(dates, timeMs),
    listState: listStateOf(dates, site.listed, timeMs),
    finalTreeHead: isClosed ? head : undefined,
    software,
  };
}

function conditionOf(
  dates: ShardDates,
  timeMs: number,
): Pick<LogDescription, "condition" | "conditionSinceMs"> {
  const { opensAtMs, closesAtMs, retiresAtMs } = dates;
  switch (phaseAt(dates, timeMs)) {
    case "planned":
      return { condition: "inactive", conditionSinceMs: undefined };
    case "read-only":
      return { condition: "readonly", conditionSinceMs: closesAtMs };
    case "retired":
      return { condition: "inactive", conditionSinceMs: retiresAtMs };
    default:
      return { condition: "active", conditionSinceMs: opensAtMs };
  }
}

function changesAfter(dates: ShardDates, timeMs: number): readonly PlannedChange[] {
  const { opensAtMs, closesAtMs, retiresAtMs } = dates;
  const changes: readonly (Omit<PlannedChange, "atMs"> & { readonly atMs: number | undefined })[] =
    [
      { condition: "active", atMs: opensAtMs, comment: "takes submissions from then on" },
      { condition: "readonly", atMs: closesAtMs, comment: "the tree is final from then on" },
      { condition: "inactive", atMs: retiresAtMs, comment: "the tree head is renewed no more" },
    ];
  return changes.flatMap(({ atMs, ...change }) =>
    atMs !== undefined && atMs > timeMs ? [{ ...change, atMs }] : [],
  );
}
