/**
 * One SCT, held against the log that it names: who that is, and whether the signature is that
 * log's over what was pasted. A log ID is the SHA-256 of the log's key, so no list can put
 * another key in its place: what is taken from a list is the name.
 * @module
 */
import { MalformedError } from "../../base/errors.ts";
import { equalBytes } from "../../encoding/bytes.ts";
import type { Sct } from "../../rfc6962/sct.ts";
import { type CheckedSct, type CheckMeans, checkSct } from "../../sct/check.ts";
import type { KnownLog } from "../../sct/log-list.ts";
import type { Claim, PastedSct } from "./pasted.ts";
import type { Step } from "./world.ts";

/** What came of a signature. */
export interface SignatureReport {
  readonly steps: readonly Step[];
  /** What the log has signed; undefined if that is not known. */
  readonly claim: Claim | undefined;
}

/** The step that says who the log is. @param isOwn Whether it is a shard of this server. */
export function stepOfLog(log: KnownLog | undefined, isOwn: boolean): Step {
  const name = "Log";
  if (log === undefined) {
    const text =
      "Nobody here knows this log: it is no shard of this server, and in no log list that the server was given.";
    return { name, state: "wait", text };
  }
  if (isOwn) {
    return { name, state: "ok", text: `A shard of this server: ${log.description}.` };
  }
  const by = log.operator === "" ? "" : ` of ${log.operator}`;
  const text = `${log.description || "A log"}${by}, by the server\u2019s log list. Its key is proven by the log ID, its name is the list\u2019s word.`;
  return { name, state: "warn", text };
}

/** Whether the log has signed one of `claims`; without any, nobody can tell. */
export function checkSignature(
  means: CheckMeans,
  claims: readonly Claim[],
  { sct, isEmbedded }: PastedSct,
  log: KnownLog | undefined,
): SignatureReport {
  const name = "SCT signature";
  const waits = (text: string): SignatureReport => ({
    steps: [{ name, state: "wait", text }],
    claim: undefined,
  });
  if (log === undefined) return waits("Without the log\u2019s key it cannot be verified.");
  // What is embedded was signed before the certificate was: never as it stands.
  const possible = isEmbedded ? claims.filter(({ entry }) => entry.type === "precert") : claims;
  const [first] = possible;
  if (first === undefined) {
    return waits(
      isEmbedded
        ? "It signs the key of the issuer too: paste the issuer\u2019s certificate behind this one."
        : "It signs the certificate too: paste the chain beside it.",
    );
  }
  let refuted: CheckedSct | undefined;
  try {
    for (const claim of possible) {
      const checked = checkSct(means, claim, sct, log);
      if (checked.isValid === true) return { steps: stepsOf(name, checked, claim.what), claim };
      refuted ??= checked;
    }
  } catch (thrown) {
    if (!(thrown instanceof MalformedError)) throw thrown;
    if (thrown.code === "MALFORMED_KEY") return waits(`The log\u2019s key: ${thrown.message}.`);
    const text = `The signature is none: ${thrown.message}.`;
    return { steps: [{ name, state: "bad", text }], claim: undefined };
  }
  const text = `Not by this log over ${first.what}: ${refuted?.problem}.`;
  return { steps: [{ name, state: "bad", text }], claim: undefined };
}

function stepsOf(name: string, { warnings }: CheckedSct, what: string): readonly Step[] {
  return [
    { name, state: "ok", text: `By the log\u2019s key, over ${what}, its time and extensions.` },
    ...warnings.map((warning): Step => {
      const text = `${warning.charAt(0).toUpperCase()}${warning.slice(1)}.`;
      return { name: "Log list", state: "warn", text };
    }),
  ];
}

/** The first log with this ID. */
export function logOf(logs: readonly KnownLog[], { logId }: Sct): KnownLog | undefined {
  return logs.find((log) => equalBytes(log.logId, logId));
}

/** The name of a shard of this server: the end of its address. */
export function shardNameOf({ submissionUrl }: KnownLog): string {
  return submissionUrl.split("/").at(-1) ?? "";
}
