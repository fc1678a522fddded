/**
 * What a shard is, in numbers and words, for home and its own page. Taken from the published
 * snapshot, as every read is.
 * @module
 */
import { CtError } from "../../base/errors.ts";
import type { ShardPhase } from "../../base/shard-life.ts";
import { formatBase64 } from "../../encoding/base64.ts";
import type { Log, LogStatus } from "../../log/log.ts";
import type { SignedTreeHead } from "../../rfc6962/tree-head.ts";
import { MMD_SECONDS } from "../../static-ct/log-json.ts";
import type { Site } from "../site.ts";
import type { TimelineBar } from "./timeline.ts";

/** A shard for people; times are milliseconds since the Unix epoch. */
export interface ShardView {
  readonly name: string;
  readonly type: "rfc6962" | "static-ct-api";
  /** Its phase in life, or what keeps it from that. */
  readonly state: LogStatus["state"] | ShardPhase;
  /** Whether it takes submissions and shows a fresh head. */
  readonly isReady: boolean;
  readonly reason: string;
  readonly notAfterStartMs: number;
  readonly notAfterLimitMs: number;
  /** First submission; undefined: from its creation on. */
  readonly opensAtMs: number | undefined;
  readonly closesAtMs: number;
  /** Last head; undefined: nobody has decided. */
  readonly retiresAtMs: number | undefined;
  readonly submissionUrl: string;
  readonly monitoringUrl: string;
  readonly origin: string;
  /** Base64, as everywhere in CT; empty, as is the key, where the key is missing. */
  readonly logId: string;
  readonly publicKey: string;
  readonly mmdSeconds: number;
  readonly treeSize: number;
  /** The published head; undefined if there is none to show. */
  readonly head: SignedTreeHead | undefined;
  readonly rootCount: number;
}

/** Looks at a shard. @throws RangeError for one that the server does not have. */
export function viewShard(site: Site, name: string): ShardView {
  const log = site.logs.get(name);
  const place = site.sites.get(name);
  if (log === undefined || place === undefined) throw new RangeError(`no shard ${name}`);
  const { state, phase, isReady, reason } = log.status();
  const { identity, publicKey, dates } = log;
  return {
    name,
    type: identity.type,
    state: state === "open" ? (phase ?? state) : state,
    isReady,
    reason,
    notAfterStartMs: identity.notAfterStartMs,
    notAfterLimitMs: identity.notAfterLimitMs,
    opensAtMs: dates.opensAtMs,
    closesAtMs: dates.closesAtMs,
    retiresAtMs: dates.retiresAtMs,
    submissionUrl: place.submissionUrl,
    monitoringUrl: place.monitoringUrl,
    origin: identity.origin,
    logId: formatBase64(identity.logId),
    publicKey: formatBase64(publicKey),
    mmdSeconds: MMD_SECONDS[identity.type],
    treeSize: log.publishedSize(),
    head: headOf(log),
    rootCount: log.roots().length,
  };
}

/** The head, unless the shard is in no state to show one. */
export function headOf(log: Log): SignedTreeHead | undefined {
  try {
    return log.head();
  } catch (thrown) {
    if (thrown instanceof CtError) return undefined;
    throw thrown;
  }
}

/** The colour of a state. */
export function toneOf({
  state,
  isReady,
}: Pick<ShardView, "state" | "isReady">): TimelineBar["tone"] {
  switch (state) {
    case "failed":
    case "stopped":
      return "ill";
    case "read-only":
    case "retired":
      return "over";
    case "starting":
    case "planned":
      return "waiting";
    case "open":
    case "closing":
      return isReady ? "open" : "ill";
  }
}
