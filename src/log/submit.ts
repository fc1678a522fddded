/**
 * A submission from the chain to the SCT: judged here, sequenced elsewhere, answered by its
 * deadline. This is all that a frontend does.
 * @module
 */
import { FatalError, MalformedError, RejectedError, UnavailableError } from "../base/errors.ts";
import { equalBytes } from "../encoding/bytes.ts";
import type { Sct } from "../rfc6962/sct.ts";
import type { Outcome, Sequence, Submission } from "../sequencer/message.ts";
import { encodeLeafIndexExtension } from "../static-ct/extensions.ts";
import type { Deadlines } from "./deadline.ts";
import type { Judge } from "./judge.ts";
import type { SubmitEndpoint } from "./log.ts";

/** What a frontend submits through. */
export interface SubmitterOptions {
  readonly judge: Judge;
  /** Takes a message to the shard's sequencer. */
  readonly sequence: Sequence;
  /** See `Judge.judge`. */
  readonly poolFullness: () => number;
  readonly logId: Uint8Array;
  /** A submission not answered by then gets 503. */
  readonly deadlines: Deadlines;
}

/** The answer, and whether the entry was in the log before. */
export interface Submitted {
  readonly sct: Sct;
  readonly isDuplicate: boolean;
  /** Label of the issuer: see `IssuerLabels`. */
  readonly issuer: string;
}

/**
 * Judges and sequences one chain. It resolves once the entry is durable and published.
 * @param bodyKey See `KnownBodies`.
 * @throws MalformedError, RejectedError; UnavailableError, also when the outcome is unknown.
 */
export async function submitChain(
  options: SubmitterOptions,
  endpoint: SubmitEndpoint,
  chain: readonly Uint8Array[],
  bodyKey: string | undefined,
): Promise<Submitted> {
  const { known, issuers } = options.judge;
  const submission = judgeBody(options, endpoint, chain, bodyKey);
  const outcome = await sequenceOne(options, submission);
  if (outcome.type === "unavailable") {
    const { code, message, retryAfterMs } = outcome;
    throw new UnavailableError(code, message, { retryAfterMs });
  }
  if (!equalBytes(outcome.dedupKey, submission.dedupKey)) {
    // Never an SCT for another entry than the one that was sent.
    throw new FatalError("FATAL_DEDUP_MISMATCH", "the sequencer answered for another entry");
  }
  const { leafIndex, timestampMs, signature, isDuplicate } = outcome;
  const extensions = encodeLeafIndexExtension(leafIndex);
  const sct = { logId: options.logId, timestampMs, extensions, signature };
  const issuer = issuers.ofPath(submission.issuers);
  if (bodyKey !== undefined) known.accept(bodyKey, { sct, issuer });
  return { sct, isDuplicate, issuer };
}

/** Judges a chain, and remembers a refusal that the same body would meet again. */
function judgeBody(
  options: SubmitterOptions,
  endpoint: SubmitEndpoint,
  chain: readonly Uint8Array[],
  bodyKey: string | undefined,
): Submission {
  try {
    return options.judge.judge(endpoint, chain, options.poolFullness());
  } catch (error) {
    // Which shard a window's refusal points to changes with time, and it costs nothing to judge.
    const isVerdict =
      error instanceof MalformedError ||
      (error instanceof RejectedError && error.code !== "REJECTED_NOT_AFTER_OUT_OF_RANGE");
    if (isVerdict && bodyKey !== undefined) options.judge.known.refuse(bodyKey, error);
    throw error;
  }
}

const TOO_LATE: Outcome = {
  type: "unavailable",
  code: "UNAVAILABLE_DEADLINE",
  message:
    "not answered in time; the entry may be in the log: the same submission again gets its SCT",
  retryAfterMs: 1_000,
};

function sequenceOne(options: SubmitterOptions, submission: Submission): Promise<Outcome> {
  const { deadlines, sequence } = options;
  return new Promise((resolve) => {
    const cancel = deadlines.add(() => resolve(TOO_LATE));
    sequence(submission, (outcome) => {
      cancel();
      resolve(outcome);
    });
  });
}
