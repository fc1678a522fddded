/**
 * `stratus submit`: posts a chain, shows the SCT and verifies all that can be verified,
 * through both APIs of the log. Exit code 0 only if everything holds; 1 names the check that
 * failed; 2 is a mistake in the command.
 * @module
 */
import { MalformedError, quote } from "../base/errors.ts";
import { CheckError } from "../client/check.ts";
import { cleanText, SourceError } from "../client/transport.ts";
import {
  type SubmissionCheck,
  type VerifiedSubmission,
  verifySubmission,
} from "../client/verify-submission.ts";
import type { Sct } from "../rfc6962/sct.ts";
import { entryOfChain, isPrecertificateChain } from "../sct/entry.ts";
import { sha256 } from "../signer/sha256.ts";
import { parseCertificate } from "../x509/certificate.ts";
import { formatName } from "../x509/name.ts";
import { withMissingIssuer } from "./chain.ts";
import { readChainFile, readKeyFile, requireUrl, UsageError } from "./input.ts";
import { type CommandIo, EXIT } from "./io.ts";
import { type LogConnection, openLog } from "./log-connection.ts";
import { describeSct, formatTime } from "./sct-text.ts";

/** The command line of `stratus submit`. */
export interface SubmitOptions {
  /** The log's prefix: `http://127.0.0.1:6962/nimbus2027`. */
  readonly url: string;
  /** PEM file, other text in it is passed over; `-` is standard input. Leaf first. */
  readonly chainFile: string;
  /** File of the log's public key (PEM, DER or base64); else the key is log.v3.json's. */
  readonly keyFile?: string | undefined;
  /** Default `auto`: add-pre-chain if the first certificate carries the poison. */
  readonly endpoint?: "auto" | "add-chain" | "add-pre-chain" | undefined;
  /** Deadline of each exchange, in milliseconds; default 30,000. */
  readonly timeoutMs?: number | undefined;
}

/** A submission ready to be sent. */
export interface PreparedSubmission {
  readonly endpoint: "add-chain" | "add-pre-chain";
  /** DER, leaf first. */
  readonly chain: readonly Uint8Array[];
}

/** Runs the command. @returns The exit code. */
export async function submit(options: SubmitOptions, io: CommandIo): Promise<number> {
  try {
    const url = requireUrl(options.url);
    const prepared = await readSubmission(options, io);
    const key = options.keyFile === undefined ? undefined : await readKeyFile(options.keyFile);
    const { timeoutMs } = options;
    const connection = await openLog({ url, key, timeoutMs });
    await submitAndVerify(connection, prepared, io);
    return EXIT.ok;
  } catch (thrown) {
    return report(thrown, io);
  }
}

/**
 * Submits to an open log, says each step, and verifies.
 * @throws CheckError for the first check that fails; SourceError if the log refuses.
 */
export async function submitAndVerify(
  connection: LogConnection,
  prepared: PreparedSubmission,
  io: CommandIo,
): Promise<Sct> {
  const { rfc6962 } = connection;
  const { endpoint, chain } = prepared;
  const complete = await withMissingIssuer(chain, () => rfc6962.roots());
  const sct = await rfc6962.submit(endpoint, chain);
  io.out(`The log answered ${endpoint} with a signed certificate timestamp (SCT):`);
  for (const line of describeSct(sct)) io.out(line);
  io.out(`Key: ${connection.trust}`);
  io.out("Checks:");
  const onHeld: OnHeld = (check, sentence) => io.out(`  ok  ${sentence} [${check}]`);
  const submitted = { chain, complete, sct };
  const { head, checkpoint, leafIndex } = await verifySubmitted(connection, submitted, onHeld);
  io.out(
    `All checks hold: entry ${leafIndex} is in the tree of size ${head.treeSize} of ` +
      `${formatTime(head.timestampMs)} (get-sth) and of size ${checkpoint.treeSize} of ` +
      `${formatTime(checkpoint.timestampMs)} (checkpoint).`,
  );
  return sct;
}

/** A submission that was answered. */
export interface AnsweredSubmission {
  /** As it was sent: DER, leaf first. */
  readonly chain: readonly Uint8Array[];
  /** With the issuer of a precertificate, if that was not sent: see `withMissingIssuer`. */
  readonly complete: readonly Uint8Array[];
  readonly sct: Sct;
}

type OnHeld = SubmissionCheck["onHeld"];

/** Verifies an answer and its entry through both APIs. @throws CheckError. */
export function verifySubmitted(
  { rfc6962, staticCt, key }: LogConnection,
  { chain, complete, sct }: AnsweredSubmission,
  onHeld: OnHeld,
): Promise<VerifiedSubmission> {
  return verifySubmission({
    entry: entryOfChain(sha256, complete),
    entryOfChain: (logged) => entryOfChain(sha256, logged),
    chain,
    sct,
    key,
    rfc6962,
    staticCt,
    sha256,
    nowMs: Date.now,
    onHeld,
  });
}

/** Says what was thrown. @returns The exit code. */
export function report(thrown: unknown, io: CommandIo): number {
  if (thrown instanceof UsageError) {
    io.err(`stratus submit: ${thrown.message}`);
    return EXIT.usage;
  }
  if (thrown instanceof CheckError) {
    io.err(`FAILED check "${thrown.check}": ${cleanText(thrown.message, 2_000)}`);
    return EXIT.failed;
  }
  if (thrown instanceof SourceError) {
    const { status, retryAfter } = thrown;
    io.err(`FAILED ${status === undefined ? "submission" : "submission, refused by the log"}:`);
    io.err(`  ${cleanText(thrown.message, 2_000)}`);
    if (retryAfter !== undefined) io.err(`  Retry-After: ${retryAfter} (seconds, or a date)`);
    return EXIT.failed;
  }
  if (thrown instanceof MalformedError) {
    io.err(`FAILED submission: ${cleanText(thrown.message, 2_000)}`);
    return EXIT.failed;
  }
  throw thrown;
}

/** Reads the chain, and says what it is. @throws UsageError. */
export async function readSubmission(
  options: Pick<SubmitOptions, "chainFile" | "endpoint">,
  io: CommandIo,
): Promise<PreparedSubmission> {
  const { chainFile } = options;
  const name = quote(chainFile);
  const chain = await readChainFile(chainFile);
  const [leaf = new Uint8Array(0)] = chain;
  try {
    const isPrecertificate = isPrecertificateChain(chain);
    const kind = isPrecertificate ? "precertificate" : "certificate";
    const subject = cleanText(formatName(parseCertificate(leaf).subject), 200);
    io.out(`Chain of ${chain.length} from ${name}: ${kind} ${subject || "(empty subject)"}`);
    const fitting = isPrecertificate ? "add-pre-chain" : "add-chain";
    const { endpoint = "auto" } = options;
    return { endpoint: endpoint === "auto" ? fitting : endpoint, chain };
  } catch (cause) {
    if (!(cause instanceof MalformedError)) throw cause;
    throw new UsageError(`${name}: ${cause.message}`, { cause });
  }
}
