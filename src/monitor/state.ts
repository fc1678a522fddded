/**
 * Where an audit of a log stands, as a file keeps it: JSON, format 1. It holds a signed head,
 * so that what the log shows next time is held against it.
 * @module
 */
import { MalformedError } from "../base/errors.ts";
import { formatBase64, parseBase64 } from "../encoding/base64.ts";
import { formatHex, parseHex } from "../encoding/hex.ts";
import { type Frontier, frontierNodes } from "../merkle/frontier.ts";
import type { SignedTreeHead } from "../rfc6962/tree-head.ts";

/** Everything that an audit needs to go on where it stopped. */
export interface AuditState {
  /** 32 bytes. */
  readonly logId: Uint8Array;
  /** The newest head that was verified. */
  readonly head: SignedTreeHead;
  /** The tree of the entries that were audited. */
  readonly frontier: Frontier;
  /** Findings so far, over all runs. */
  readonly findingCount: number;
}

/** The text of a state file. */
export function formatAuditState(state: AuditState): string {
  const { logId, head, frontier, findingCount } = state;
  const json = {
    version: 1,
    logId: formatHex(logId),
    position: frontier.size,
    frontier: frontier.hashes.map(formatBase64),
    head: {
      treeSize: head.treeSize,
      timestampMs: head.timestampMs,
      rootHash: formatBase64(head.rootHash),
      signature: formatBase64(head.signature),
    },
    findingCount,
  };
  return `${JSON.stringify(json, undefined, 2)}\n`;
}

/** Reads what {@link formatAuditState} writes. @throws MalformedError `MALFORMED_JSON`. */
export function parseAuditState(text: string): AuditState {
  try {
    const json = JSON.parse(text) as Record<string, unknown>;
    if (json["version"] !== 1) throw malformed(`version ${String(json["version"])}, not 1`);
    const head = json["head"] as Record<string, unknown>;
    const frontier = {
      size: sizeOf(json["position"]),
      hashes: (json["frontier"] as readonly unknown[]).map(hashOf),
    };
    if (frontier.hashes.length !== frontierNodes(frontier.size).length) {
      throw malformed(`${frontier.hashes.length} hashes for position ${frontier.size}`);
    }
    const state = {
      logId: parseHex(String(json["logId"])),
      head: {
        treeSize: sizeOf(head["treeSize"]),
        timestampMs: sizeOf(head["timestampMs"]),
        rootHash: hashOf(head["rootHash"]),
        signature: parseBase64(String(head["signature"])),
      },
      frontier,
      findingCount: sizeOf(json["findingCount"]),
    };
    if (state.logId.length !== 32) throw malformed("a log ID has 32 bytes");
    return state;
  } catch (cause) {
    if (cause instanceof MalformedError && cause.code === "MALFORMED_JSON") throw cause;
    throw new MalformedError("MALFORMED_JSON", "this is no state of an audit", { cause });
  }
}

function sizeOf(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw malformed(`expected a whole number, got ${JSON.stringify(value)}`);
}

function hashOf(value: unknown): Uint8Array {
  const hash = parseBase64(String(value));
  if (hash.length !== 32) throw malformed(`expected 32 bytes, got ${hash.length}`);
  return hash;
}

function malformed(message: string): MalformedError {
  return new MalformedError("MALFORMED_JSON", message);
}
