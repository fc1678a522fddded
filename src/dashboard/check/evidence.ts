/**
 * What shows others that a log is at fault: everything that a check saw, as the server gave it.
 * @module
 */
import { formatBase64 } from "../../encoding/base64.ts";
import type { OpenLog } from "./log.ts";
import type { World } from "./world.ts";

/**
 * Two signed heads that cannot both be, a head that the log's key did not sign, an entry
 * that the signed tree does not hold, or an SCT whose entry is not there.
 */
export interface Evidence {
  readonly what: string;
  readonly url: string;
  readonly logId: string;
  readonly publicKey: string;
  /** The head that this browser had verified before; absent where it plays no part. */
  readonly before?: string;
  /** The checkpoint that is at fault. */
  readonly shown: string;
  /** The consistency proof that the log gave; absent where it plays no part. */
  readonly consistency?: readonly string[];
  /** The entry that is at fault, and the audit path that the log gave; absent elsewhere. */
  readonly entry?: {
    readonly leafIndex: number;
    readonly leafInput: string;
    readonly auditPath: readonly string[];
  };
  /** The SCT whose promise is broken, and the leaf that it signs; absent elsewhere. */
  readonly promise?: { readonly sct: string; readonly leafInput: string };
  readonly foundAtMs: number;
}

/** Evidence against a log. @param found What was found. */
export function evidenceOf(
  world: World,
  log: OpenLog,
  found: Omit<Evidence, "url" | "logId" | "publicKey" | "foundAtMs">,
): Evidence {
  return {
    ...found,
    url: world.url,
    logId: formatBase64(log.key.logId),
    publicKey: formatBase64(log.key.publicKey),
    foundAtMs: world.nowMs(),
  };
}

/** The file that a visitor downloads. */
export function formatEvidence(evidence: Evidence): string {
  return `${JSON.stringify(evidence, undefined, 2)}\n`;
}
