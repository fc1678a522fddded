/**
 * Worker thread that verifies the SCTs of a run: each signature over the leaf rebuilt from
 * what was sent. See `load.ts`.
 * @module
 */
import { createHash, createPublicKey, hash } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";
import { defined } from "../src/base/assert.ts";
import { messageOf } from "../src/base/errors.ts";
import { equalBytes } from "../src/encoding/bytes.ts";
import { encodeMerkleTreeLeaf, encodeSignedEntry, type SignedEntry } from "../src/rfc6962/entry.ts";
import { parseSctJson } from "../src/rfc6962/json.ts";
import type { Sct } from "../src/rfc6962/sct.ts";
import { decodeLeafIndexExtension } from "../src/static-ct/extensions.ts";
import { type Answers, BODY_SLOT_BYTES, DIGEST_CHUNK, type Verdicts } from "./answers.ts";
import { deriveAuthority, PrecertificateTemplate } from "./certificates.ts";
import type { IssuerKind } from "./keys.ts";
import { isSignedBy } from "./log-reader.ts";

/** What the verifier is told. */
export interface VerifyTask {
  readonly kind: IssuerKind;
  readonly seed: number;
  /** Number of the precertificate at position 0. */
  readonly first: number;
  /** Positions [start, end); `start` is a multiple of {@link DIGEST_CHUNK}. */
  readonly start: number;
  readonly end: number;
  /** When the run began; Unix epoch, milliseconds. */
  readonly startedMs: number;
  /** The log's SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  readonly answers: Answers;
  readonly verdicts: Verdicts;
}

/** What the verifier found. */
export interface VerifyResult {
  /** SCTs that hold. */
  readonly verifiedCount: number;
  /** SCTs that hold but carry no leaf index (other logs). */
  readonly unindexedCount: number;
  readonly problemCount: number;
  /** The first few. */
  readonly problems: readonly string[];
}

const PROBLEMS_SHOWN = 5;

/** A clock of milliseconds may be read as late as this after the answer was sent. */
const CLOCK_TOLERANCE_MS = 1;

function verifyRange(task: VerifyTask): VerifyResult {
  const { first, start, end, answers, verdicts } = task;
  const authority = deriveAuthority(task.kind, task.seed);
  const template = new PrecertificateTemplate(authority, task.seed);
  const key = createPublicKey({ key: Buffer.from(task.publicKey), format: "der", type: "spki" });
  const logId = hash("sha256", task.publicKey, "buffer");
  const statuses = new Int16Array(answers.statuses);
  const answeredMs = new Float64Array(answers.answeredMs);
  const bodyLengths = new Uint16Array(answers.bodyLengths);
  const leafIndexes = new Float64Array(verdicts.leafIndexes);
  const timestampsMs = new Float64Array(verdicts.timestampsMs);
  const problems: string[] = [];
  let verifiedCount = 0;
  let unindexedCount = 0;
  let digest = createHash("sha256");
  for (let at = start; at < end; at += 1) {
    const status = defined(statuses[at], "a position in range");
    digest.update(`${status}\n`);
    leafIndexes[at] = -1;
    if (status === 200) {
      const tbs = template.loggedTbs(first + at);
      const entry = { type: "precert", issuerKeyHash: authority.issuerKeyHash, tbs } as const;
      digest.update(encodeSignedEntry(entry));
      try {
        const offset = at * BODY_SLOT_BYTES;
        const body = Buffer.from(answers.bodies, offset, defined(bodyLengths[at], "in range"));
        const sct = parseSctJson(body.toString("latin1"));
        verifySct(sct, entry, {
          key,
          logId,
          notAfterMs: defined(answeredMs[at], "in range"),
          ...task,
        });
        if (sct.extensions.length === 0) unindexedCount += 1;
        else leafIndexes[at] = decodeLeafIndexExtension(sct.extensions);
        timestampsMs[at] = sct.timestampMs;
        verifiedCount += 1;
      } catch (error) {
        problems.push(`submission ${first + at}: ${messageOf(error)}`);
      }
    }
    if ((at + 1) % DIGEST_CHUNK === 0 || at + 1 === end) {
      const chunk = Math.floor(at / DIGEST_CHUNK);
      new Uint8Array(verdicts.digests).set(digest.digest(), 32 * chunk);
      digest = createHash("sha256");
    }
  }
  const problemCount = problems.length;
  return {
    verifiedCount,
    unindexedCount,
    problemCount,
    problems: problems.slice(0, PROBLEMS_SHOWN),
  };
}

function verifySct(
  sct: Sct,
  entry: SignedEntry,
  expected: {
    readonly key: ReturnType<typeof createPublicKey>;
    readonly logId: Uint8Array;
    readonly startedMs: number;
    readonly notAfterMs: number;
  },
): void {
  const { timestampMs, extensions } = sct;
  if (!equalBytes(sct.logId, expected.logId)) throw new Error("the SCT names another log");
  if (timestampMs > expected.notAfterMs + CLOCK_TOLERANCE_MS) {
    throw new Error(`the SCT is ${timestampMs - expected.notAfterMs} ms in the future`);
  }
  if (timestampMs < Math.floor(expected.startedMs) - CLOCK_TOLERANCE_MS) {
    throw new Error("was logged before this run: begin behind the earlier ones with --first");
  }
  const leaf = encodeMerkleTreeLeaf({ timestampMs, entry, extensions });
  if (!isSignedBy(expected.key, leaf, sct.signature)) {
    throw new Error("the SCT's signature does not hold over what was sent");
  }
}

if (parentPort !== null) parentPort.postMessage(verifyRange(workerData as VerifyTask));
