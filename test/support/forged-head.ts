/**
 * Heads that a log never signed, signed with its key: what a log at fault would show.
 * @module
 */
import { createPrivateKey, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { formatCheckpoint, parseCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { encodeDigitallySigned } from "../../src/rfc6962/signature.ts";
import { encodeTreeHeadToSign, type TreeHead } from "../../src/rfc6962/tree-head.ts";
import { parseLogJson } from "../../src/static-ct/log-json.ts";
import type { RunningLog } from "./running-log.ts";
import { sha256 } from "./sha256.ts";

/** The log's newest checkpoint with fields of its head replaced, and a signature that holds. */
export async function forgeHead(
  log: RunningLog,
  shard: string,
  change: (head: TreeHead) => Partial<TreeHead>,
): Promise<string> {
  const stated = parseLogJson(sha256, (await log.call(`/${shard}/log.v3.json`)).text);
  const { logId, description: origin } = stated;
  const shown = (await log.call(`/${shard}/checkpoint`)).text;
  const head = parseCheckpoint(sha256, shown, { origin, logId });
  const forged = { ...head, ...change(head) };
  const place = log.config.shards.find(({ name }) => name === shard);
  const key = createPrivateKey(readFileSync(place?.keyPath ?? ""));
  const signature = encodeDigitallySigned({
    algorithm: "ecdsa",
    signature: new Uint8Array(sign("sha256", encodeTreeHeadToSign(forged), key)),
  });
  return formatCheckpoint(sha256, { ...forged, signature }, logId);
}
