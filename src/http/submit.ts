/**
 * add-chain and add-pre-chain: RFC 6962, sections 4.1 and 4.2. Parses, calls the log, formats;
 * words refusals as CTFE does.
 * @module
 */
import { CtError, RejectedError, UnavailableError } from "../base/errors.ts";
import type { Log, SubmitEndpoint } from "../log/log.ts";
import { formatSctJson } from "../rfc6962/json.ts";
import { type Answer, answerError, JSON_HEADERS, ok } from "./answer.ts";
import { formatNativeBase64 } from "./base64.ts";
import { BODY_BYTES_MAX, type BodiesInFlight, type BodyClaim, readBody } from "./body.ts";
import { parseChainBody } from "./chain-body.ts";
import type { ClientLimits, LimitedKind } from "./client-limits.ts";
import type { HttpRequest, HttpResponse } from "./exchange.ts";
import { LARGE_BODY_BYTES_MIN } from "./large-bodies.ts";
import type { Handler, Responder } from "./responder.ts";
import type { SubmissionTurns } from "./submission-turns.ts";

/** What submissions of every shard share. */
export interface SubmitSurroundings {
  readonly responder: Responder;
  readonly clients: ClientLimits;
  readonly bodies: BodiesInFlight;
  readonly turns: SubmissionTurns;
}

/** Handler of one shard's endpoint. What it refuses itself, before the log sees it, it reports. */
export function submitHandler(
  log: Log,
  endpoint: SubmitEndpoint,
  { responder, clients, bodies, turns }: SubmitSurroundings,
): Handler {
  const kind: LimitedKind = endpoint === "add-chain" ? "addChain" : "addPreChain";
  const shard = log.identity.name;
  const detailOf = (error: CtError): string => `${shard}: ${submissionDetail(error)}`;

  /** What a submission is refused with before the log sees it; reported. */
  function refused(thrown: unknown, startedMs: number): Answer {
    const code = thrown instanceof CtError ? thrown.code : "BUG";
    const durationMs = responder.nowMs() - startedMs;
    responder.observe({ type: "submission-refused", shard, endpoint, code, durationMs });
    return worded(thrown);
  }

  function worded(thrown: unknown): Answer {
    if (!(thrown instanceof CtError)) throw thrown;
    return answerError(thrown, responder.retryAfter, detailOf);
  }

  async function take(
    request: HttpRequest,
    response: HttpResponse,
    startedMs: number,
  ): Promise<Answer | undefined> {
    const claim = bodies.open();
    let isJudging = false;
    try {
      const body = await readChain(responder, request, claim);
      if (body === undefined) return undefined;
      isJudging = true;
      const { sct: known, bodyKey } = recallUnlessLarge(log, endpoint, body);
      if (known !== undefined) return ok(JSON_HEADERS, formatSctJson(known, formatNativeBase64));
      isJudging = false;
      const sct = await turns.run(() => {
        // The client may have left while it waited.
        if (response.destroyed) return undefined;
        const chain = parseChainBody(body);
        isJudging = true;
        const judged = log.submit(endpoint, chain, bodyKey);
        // From here on the entry counts as the pool's.
        claim.release();
        return judged;
      });
      return sct && ok(JSON_HEADERS, formatSctJson(sct, formatNativeBase64));
    } catch (thrown) {
      return isJudging ? worded(thrown) : refused(thrown, startedMs);
    } finally {
      claim.release();
    }
  }

  return (request, response) => {
    const startedMs = responder.nowMs();
    try {
      // By the headers alone, in this order: 410, 429, 503, 413. All this in one stretch and with
      // nothing thrown: in an overload most requests meet nothing else.
      const refusal = refusalOf(log, endpoint, responder);
      if (refusal instanceof RejectedError) return refused(refusal, startedMs);
      clients.count(kind, request, response);
      const unavailable = refusal ?? turns.refusalOf(endpoint);
      if (unavailable !== undefined) return refused(unavailable, startedMs);
      continueUnlessTooLarge(request, response);
    } catch (thrown) {
      return refused(thrown, startedMs);
    }
    return take(request, response, startedMs);
  };
}

/**
 * Judges a body of which nothing is logged, in its turn. It costs what a submission costs, so it is
 * bounded as one and counts as one of `kind` to its client's limit.
 * @param judge Makes the answer; undefined if the client left meanwhile.
 * @returns undefined if the client went away.
 * @throws UnavailableError, RejectedError by the headers or the body's size; what `judge` throws.
 */
export async function judgeUnlogged(
  { responder, clients, bodies, turns }: SubmitSurroundings,
  kind: LimitedKind,
  request: HttpRequest,
  response: HttpResponse,
  judge: (body: Buffer) => Promise<Answer | undefined>,
): Promise<Answer | undefined> {
  clients.count(kind, request, response);
  if (responder.isClosing) throw new UnavailableError("UNAVAILABLE_CLOSING", "shutting down");
  // Whatever it asks about, nobody waits for it as for a precertificate.
  turns.requireRoom("add-chain");
  continueUnlessTooLarge(request, response);
  const claim = bodies.open();
  try {
    const body = await readChain(responder, request, claim);
    if (body === undefined) return undefined;
    return await turns.run(() => (response.destroyed ? undefined : judge(body)));
  } finally {
    claim.release();
  }
}

/** A large body is not known again: its hash would cost as much as reading it, each time. */
function recallUnlessLarge(
  log: Log,
  endpoint: SubmitEndpoint,
  body: Buffer,
): Partial<ReturnType<Log["recall"]>> {
  return body.length < LARGE_BODY_BYTES_MIN ? log.recall(endpoint, body) : {};
}

/**
 * The body of a request whose headers refused nothing.
 * @returns undefined if the client went away.
 * @throws RejectedError `REJECTED_BODY_TOO_LARGE`; UnavailableError `UNAVAILABLE_OVERLOADED`.
 */
function readChain(
  responder: Responder,
  request: HttpRequest,
  claim: BodyClaim,
): Promise<Buffer | undefined> {
  // Also what its headers refuse: a flood of these comes on new connections, whose unread bytes cost
  // the system so much that answering each at once took others four times as long (bench/abuse.ts).
  return responder.largeBodies.isLarge(request)
    ? readInTurn(responder, request, claim)
    : readBody(request, claim);
}

/** As `readBody`, for a body that waits for its turn. */
async function readInTurn(
  { largeBodies }: Responder,
  request: HttpRequest,
  claim: BodyClaim,
): Promise<Buffer | undefined> {
  const endTurn = await largeBodies.turn();
  try {
    // The client may have left while it waited.
    return request.destroyed ? undefined : await readBody(request, claim);
  } finally {
    endTurn();
  }
}

/** What any submission would be refused with now. */
function refusalOf(log: Log, endpoint: SubmitEndpoint, responder: Responder): CtError | undefined {
  const refusal = log.refusalOf(endpoint);
  if (refusal !== undefined || !responder.isClosing) return refusal;
  return new UnavailableError("UNAVAILABLE_CLOSING", "shutting down");
}

/** CTFE's words around an error: behaviours of its `addChainInternal` and `verifyAddChain`. */
export function submissionDetail(error: CtError): string {
  switch (error.code) {
    case "REJECTED_BODY_TOO_LARGE":
      return `certificate chain exceeds ${BODY_BYTES_MAX}-byte limit: http: request body too large`;
    case "MALFORMED_BODY":
    case "MALFORMED_BASE64":
    case "MALFORMED_JSON":
      return `failed to parse add-chain body: ${error.message}`;
    case "REJECTED_POISON_INVALID":
      return `failed to verify add-chain contents: precert test failed: ${error.message}`;
    case "REJECTED_TYPE_MISMATCH":
      return `failed to verify add-chain contents: cert / precert mismatch: ${error.message}`;
    case "MALFORMED_PRECERTIFICATE":
    case "REJECTED_PRECERTIFICATE_SIGNING_CERTIFICATE":
      return `failed to build MerkleTreeLeaf: ${error.message}`;
    case "MALFORMED_PARAMETER":
    case "MALFORMED_QUERY":
    case "REJECTED_SHARD_CLOSED":
    case "REJECTED_SHARD_PLANNED":
      return error.message;
    default:
      return error instanceof UnavailableError
        ? error.message
        : `failed to verify add-chain contents: chain failed to verify: ${error.message}`;
  }
}

/** A client that waits for `100 Continue` gets it, but not to send what will be refused. */
function continueUnlessTooLarge(request: HttpRequest, response: HttpResponse): void {
  if (request.headers.expect === undefined) return;
  if (Number(request.headers["content-length"] ?? 0) <= BODY_BYTES_MAX) response.writeContinue();
}
