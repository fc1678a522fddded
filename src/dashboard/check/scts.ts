/**
 * All SCTs that were pasted: those of this server's shards are proven first, since what they
 * were signed over is what the others must have signed too.
 * @module
 */
import { MalformedError } from "../../base/errors.ts";
import { parseRootsJson } from "../../rfc6962/json.ts";
import type { KnownLog } from "../../sct/log-list.ts";
import type { SctView } from "../view/sct.ts";
import { browserMeans, type ProvenSct, proveSct, stepOfTrouble } from "./own-sct.ts";
import { type Claim, claimsOf, claimsUnderRoots, type Pasted, type PastedSct } from "./pasted.ts";
import { checkSignature, logOf, shardNameOf, stepOfLog } from "./sct.ts";
import { AnswerError, type Step, type World } from "./world.ts";

/** Who is known. */
export interface KnownLogs {
  /** The shards of this server. */
  readonly own: readonly KnownLog[];
  /** Logs of the server's log list. @throws AnswerError, MalformedError. */
  readonly others: () => Promise<readonly KnownLog[]>;
  /** The world of a shard. */
  readonly worldOf: (shard: string) => World;
}

/** What came of one SCT. */
export interface SctResult {
  readonly view: SctView;
  readonly steps: readonly Step[];
  /** Of an SCT of this server. */
  readonly own: ProvenSct | undefined;
}

/**
 * Checks each SCT. Throws nothing that a server can cause.
 * @param onResult Called once for each, with its position.
 */
export async function checkScts(
  known: KnownLogs,
  { chain, scts }: Pasted,
  onResult: (index: number, result: SctResult) => void,
): Promise<void> {
  const [some] = known.own;
  if (some === undefined) return;
  let claims = claimsOf(known.worldOf(shardNameOf(some)).sha256, chain);
  const others: [number, PastedSct][] = [];
  for (const [index, pasted] of scts.entries()) {
    const own = logOf(known.own, pasted.sct);
    if (own === undefined) {
      others.push([index, pasted]);
      continue;
    }
    const result = await checkOwn(known, own, pasted, chain, claims);
    const learnt = result.own?.claim;
    if (learnt?.entry.type === "precert" && claims.every(({ entry }) => entry.type !== "precert")) {
      claims = [{ ...learnt, what: "the entry that this server\u2019s SCT is of" }, ...claims];
    }
    onResult(index, result);
  }
  if (others.length === 0) return;
  const { logs, trouble } = await othersOf(known);
  const world = known.worldOf(shardNameOf(some));
  if (chain.length > 0 && claims.every(({ entry }) => entry.type !== "precert")) {
    claims = [...(await rootClaims(world, chain)), ...claims];
  }
  for (const [index, pasted] of others) {
    const log = logOf(logs, pasted.sct);
    const { steps } = checkSignature(browserMeans(world), claims, pasted, log);
    const all = [stepOfLog(log, false), ...steps, ...trouble, ...(log ? [ELSEWHERE] : [])];
    onResult(index, { view: { ...pasted, log, shard: undefined }, steps: all, own: undefined });
  }
}

const ELSEWHERE: Step = {
  name: "Inclusion",
  state: "warn",
  text: "Whether that log has the entry is not asked here: stratus cert check --url proves it.",
};

async function checkOwn(
  known: KnownLogs,
  own: KnownLog,
  pasted: PastedSct,
  chain: readonly Uint8Array[],
  claims: readonly Claim[],
): Promise<SctResult> {
  const shard = shardNameOf(own);
  const view = { ...pasted, log: own, shard };
  try {
    const result = await proveSct(known.worldOf(shard), { pasted, own, chain, claims });
    return { view, steps: result.steps, own: result };
  } catch (thrown) {
    return { view, steps: [stepOfLog(own, true), stepOfTrouble(thrown)], own: undefined };
  }
}

async function othersOf(
  known: KnownLogs,
): Promise<{ readonly logs: readonly KnownLog[]; readonly trouble: readonly Step[] }> {
  try {
    return { logs: await known.others(), trouble: [] };
  } catch (thrown) {
    return { logs: [], trouble: [stepOfTrouble(thrown)] };
  }
}

/** Claims with an accepted root as the issuer that was left out; none if there is no answer. */
export async function rootClaims(
  { api, sha256 }: World,
  chain: readonly Uint8Array[],
): Promise<readonly Claim[]> {
  try {
    return claimsUnderRoots(sha256, chain, parseRootsJson(await api.get("ct/v1/get-roots")));
  } catch (thrown) {
    if (thrown instanceof AnswerError || thrown instanceof MalformedError) return [];
    throw thrown;
  }
}
