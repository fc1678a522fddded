/**
 * A chain, asked about and submitted: which shard takes it, what it says, and the SCT that it
 * gives. What the SCT is worth is for `own-sct.ts` to say.
 * @module
 */
import { formatChainJson, parseSctJson } from "../../rfc6962/json.ts";
import type { Sct } from "../../rfc6962/sct.ts";
import { parseCertificate } from "../../x509/certificate.ts";
import { parseVerdict, type VerdictView } from "../view/verdict.ts";
import type { World } from "./world.ts";

/** What decides which shard a certificate belongs to. */
export interface ShardWindow {
  readonly name: string;
  readonly notAfterStartMs: number;
  readonly notAfterLimitMs: number;
  /** First submission; absent: from its creation on. */
  readonly opensAtMs?: number | undefined;
  readonly closesAtMs: number;
}

/** What the page tells its living part. */
export interface SubmitData {
  readonly shards: readonly ShardWindow[];
  /** Path of the log list below the root; null: none was given. */
  readonly logList: string | null;
}

/**
 * The shard to ask about a chain: the one that is named, else the one whose window it falls
 * into, an open one first, else the first of all, which says what is wrong.
 */
export function chooseShard(
  shards: readonly ShardWindow[],
  named: string,
  [leaf]: readonly Uint8Array[],
  nowMs: number,
): ShardWindow | undefined {
  const asked = shards.find(({ name }) => name === named);
  if (asked !== undefined || leaf === undefined) return asked ?? shards[0];
  const { notAfterMs } = parseCertificate(leaf);
  const fitting = shards.filter(
    ({ notAfterStartMs, notAfterLimitMs }) =>
      notAfterMs >= notAfterStartMs && notAfterMs < notAfterLimitMs,
  );
  const isOpen = ({ opensAtMs = 0, closesAtMs }: ShardWindow): boolean =>
    nowMs >= opensAtMs && nowMs < closesAtMs;
  return fitting.find(isOpen) ?? fitting[0] ?? shards[0];
}

/** What the shard would do with a chain. @throws AnswerError; MalformedError. */
export async function askVerdict(
  { api }: World,
  chain: readonly Uint8Array[],
): Promise<VerdictView> {
  return parseVerdict(await api.post("stratus/v1/validate", formatChainJson(chain)));
}

/** Submits a chain. @throws AnswerError with the log's words; MalformedError. */
export async function submitChain(
  { api }: World,
  endpoint: VerdictView["endpoint"],
  chain: readonly Uint8Array[],
): Promise<Sct> {
  return parseSctJson(await api.post(`ct/v1/${endpoint}`, formatChainJson(chain)));
}
