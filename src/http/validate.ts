/**
 * `POST /<shard>/stratus/v1/validate`: what add-chain or add-pre-chain would say, with nothing
 * logged. Limited as submissions are; 200 means that there is a verdict, whichever.
 * @module
 */
import { CtError, MalformedError, quote } from "../base/errors.ts";
import { formatHex } from "../encoding/hex.ts";
import type { Log, SubmitEndpoint } from "../log/log.ts";
import type { Acceptance, PathStep, Verdict } from "../log/validate.ts";
import { type Answer, answerError, JSON_HEADERS, ok } from "./answer.ts";
import { parseChainBody } from "./chain-body.ts";
import type { HttpRequest, HttpResponse } from "./exchange.ts";
import { parseQuery } from "./query.ts";
import type { Handler } from "./responder.ts";
import { judgeUnlogged, type SubmitSurroundings, submissionDetail } from "./submit.ts";

const HEADERS: readonly string[] = [...JSON_HEADERS, "Cache-Control", "no-store"];

/** Handler of one shard's dry runs. */
export function validateHandler(log: Log, surroundings: SubmitSurroundings): Handler {
  const shard = log.identity.name;

  async function validate(
    request: HttpRequest,
    response: HttpResponse,
  ): Promise<Answer | undefined> {
    try {
      const endpoint = endpointOf(request);
      const kind = endpoint === "add-pre-chain" ? "addPreChain" : "addChain";
      return await judgeUnlogged(surroundings, kind, request, response, async (body) => {
        const verdict = await log.validate(endpoint, parseChainBody(body));
        return ok(HEADERS, Buffer.from(formatVerdict(shard, verdict), "utf8"));
      });
    } catch (thrown) {
      if (!(thrown instanceof CtError)) throw thrown;
      const { retryAfter } = surroundings.responder;
      return answerError(thrown, retryAfter, (error) => wordsOf(shard, error));
    }
  }
  return validate;
}

/**
 * A verdict as JSON; hashes in lowercase hex.
 * @param shard The shard that judged.
 */
export function formatVerdict(shard: string, verdict: Verdict): string {
  const { endpoint, takenBy, refusal, accepted } = verdict;
  const common = { shard, endpoint, taken_by: takenBy ?? null };
  if (accepted !== undefined) {
    return JSON.stringify({ accepted: true, ...common, ...acceptanceFields(accepted) });
  }
  const code = refusal?.code;
  const message = refusal && wordsOf(shard, refusal);
  return JSON.stringify({ accepted: false, ...common, code, message, detail: refusal?.message });
}

function acceptanceFields(accepted: Acceptance): object {
  const { issuerKeyHash, tbsHash, duplicate } = accepted;
  return {
    entry_type: accepted.entryType === "precert" ? "precert_entry" : "x509_entry",
    issuer_key_hash: issuerKeyHash === undefined ? null : formatHex(issuerKeyHash),
    tbs_sha256: tbsHash === undefined ? null : formatHex(tbsHash),
    root: stepFields(accepted.root),
    path: accepted.path.map(stepFields),
    priority: accepted.priority,
    // Absent where nobody could look: a dry run without the log's store.
    ...(duplicate !== undefined && {
      duplicate: duplicate && {
        leaf_index: duplicate.leafIndex,
        timestamp: duplicate.timestampMs,
      },
    }),
  };
}

function stepFields({ subject, fingerprint }: PathStep): object {
  return { subject, sha256: formatHex(fingerprint) };
}

/** As the text envelope of a submission has it. */
function wordsOf(shard: string, error: CtError): string {
  return `${shard}: ${submissionDetail(error)}`;
}

function endpointOf(request: HttpRequest): SubmitEndpoint | undefined {
  const text = parseQuery(request.url ?? "")("endpoint");
  if (text === "") return undefined;
  if (text === "add-chain" || text === "add-pre-chain") return text;
  const message = `parameter 'endpoint': expected add-chain or add-pre-chain, got ${quote(text)}`;
  throw new MalformedError("MALFORMED_PARAMETER", message);
}
