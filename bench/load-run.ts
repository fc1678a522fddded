/**
 * One run of the verifying load generator: sends distinct precertificates at a rate or as
 * fast as they are answered, then verifies every SCT and a sample of proofs. The command
 * line is `load.ts`.
 * @module
 */
import { createHash } from "node:crypto";
import { Worker } from "node:worker_threads";
import { messageOf } from "../src/base/errors.ts";
import { encodeMerkleTreeLeaf } from "../src/rfc6962/entry.ts";
import { encodeLeafIndexExtension } from "../src/static-ct/extensions.ts";
import { type Answers, DIGEST_CHUNK, makeAnswers, makeVerdicts, type Verdicts } from "./answers.ts";
import { PrecertificateTemplate } from "./certificates.ts";
import { CostMeter } from "./cost-meter.ts";
import type { IssuerKind } from "./keys.ts";
import type { DriverMessage, DriverTask, Pace } from "./load-driver.ts";
import { type LoadReport, summarizeRun } from "./load-report.ts";
import { type ExpectedEntry, LogReader, readPublicKey } from "./log-reader.ts";
import { seededRandom } from "./stats.ts";
import { certificateAt, prepareSubmissions, type Submissions } from "./submissions.ts";
import type { VerifyResult, VerifyTask } from "./verify-worker.ts";

/** One run. */
export interface LoadOptions {
  /** Of the shard: what stands before `/ct/v1`. */
  readonly url: string;
  /** What stands before `/checkpoint` and `/tile`, where it is another than `url`. */
  readonly monitorUrl?: string;
  /** The log's SubjectPublicKeyInfo; undefined: from its log.v3.json. */
  readonly publicKey?: Uint8Array;
  readonly kind: IssuerKind;
  readonly seed: number;
  /** Number of the first precertificate. */
  readonly first: number;
  /** Precertificates that are made beforehand; the run ends when they are used up. */
  readonly count: number;
  readonly pace: Pace;
  readonly connections: number;
  /** Whether all connections are opened before the start; default no. */
  readonly opensFirst?: boolean;
  /** How long requests are begun, warm-up included; milliseconds. */
  readonly sendMs: number;
  readonly warmupMs: number;
  /** Processes of the server; none: no figures of its cost. */
  readonly pids: readonly number[];
  /** Folder of the server's data; undefined: no figures of the disk. */
  readonly dataFolder?: string;
  /** Proofs to check. */
  readonly sampleCount: number;
  /** Folder of the signatures made beforehand. */
  readonly cacheFolder: string;
  /** Threads that sign beforehand and verify afterwards. */
  readonly workers: number;
}

/** How long an answer is waited for after the last request. */
const ANSWER_MS_MAX = 30_000;

/**
 * One run, verified. A run whose SCTs or proofs do not hold returns as well: see
 * `report.verification.problems`.
 */
export async function runLoad(options: LoadOptions): Promise<LoadReport> {
  const publicKey = options.publicKey ?? (await readPublicKey(options.monitorUrl ?? options.url));
  const submissions = await prepareSubmissions(options, options);
  const answers = makeAnswers(options.count);
  const meter = new CostMeter(options.pids, options.dataFolder);
  const done = await drive(options, submissions, answers, meter);
  const cost = meter.stop();
  const verdicts = makeVerdicts(options.count);
  const verified = await verifyScts(options, {
    publicKey,
    startedMs: done.startedMs,
    answers,
    verdicts,
  });
  const proofs = await checkProofs(options, { publicKey, submissions, answers, verdicts });
  const digest = createHash("sha256").update(new Uint8Array(verdicts.digests)).digest("hex");
  return summarizeRun({ options, answers, verdicts, done, cost, verified, proofs, digest });
}

async function drive(
  options: LoadOptions,
  submissions: Submissions,
  answers: Answers,
  meter: CostMeter,
): Promise<Extract<DriverMessage, { type: "done" }>> {
  const url = new URL(options.url);
  if (url.protocol !== "http:") throw new Error(`expected an http: URL, got ${options.url}`);
  const task: DriverTask = {
    target: { host: url.hostname.replaceAll(/[[\]]/g, ""), port: Number(url.port || 80) },
    hostHeader: url.host,
    path: `${url.pathname.replace(/\/$/, "")}/ct/v1/add-pre-chain`,
    pace: options.pace,
    connections: options.connections,
    opensFirst: options.opensFirst ?? false,
    sendMs: options.sendMs,
    warmupMs: options.warmupMs,
    answerMsMax: ANSWER_MS_MAX,
    certificates: submissions.certificates,
    ends: submissions.ends,
    count: submissions.count,
    chain: [submissions.authority.intermediate],
    answers,
  };
  const worker = new Worker(new URL("./load-driver.ts", import.meta.url), { workerData: task });
  return await new Promise((resolve, reject) => {
    worker.on("error", reject);
    worker.on("message", (message: DriverMessage) => {
      try {
        if (message.type === "measuring") meter.start();
        else resolve(message);
      } catch (error) {
        worker.terminate().then(() => reject(error), reject);
      }
    });
  });
}

async function verifyScts(
  options: LoadOptions,
  run: Pick<VerifyTask, "publicKey" | "startedMs" | "answers" | "verdicts">,
): Promise<VerifyResult> {
  const { kind, seed, first, count } = options;
  const chunks = Math.ceil(count / DIGEST_CHUNK);
  const share = Math.ceil(chunks / options.workers) * DIGEST_CHUNK;
  const results: Promise<VerifyResult>[] = [];
  for (let start = 0; start < count; start += share) {
    const end = Math.min(count, start + share);
    const workerData: VerifyTask = { kind, seed, first, start, end, ...run };
    results.push(
      new Promise((resolve, reject) => {
        const worker = new Worker(new URL("./verify-worker.ts", import.meta.url), { workerData });
        worker.once("message", resolve);
        worker.once("error", reject);
      }),
    );
  }
  const parts = await Promise.all(results);
  const sum = (of: (part: VerifyResult) => number) =>
    parts.reduce((all, part) => all + of(part), 0);
  return {
    verifiedCount: sum((part) => part.verifiedCount),
    unindexedCount: sum((part) => part.unindexedCount),
    problemCount: sum((part) => part.problemCount),
    problems: parts.flatMap((part) => part.problems),
  };
}

/** What the sample of proofs showed. */
export interface ProofCheck {
  /** Entries proven by get-entry-and-proof. */
  readonly treeCount: number;
  /** Entries proven from tiles. */
  readonly tileCount: number;
  /** Size of the tree that they were proven in; 0 if no head was read. */
  readonly treeSize: number;
  readonly problems: readonly string[];
}

async function checkProofs(
  options: LoadOptions,
  run: {
    readonly publicKey: Uint8Array;
    readonly submissions: Submissions;
    readonly answers: Answers;
    readonly verdicts: Verdicts;
  },
): Promise<ProofCheck> {
  const problems: string[] = [];
  const sample = sampleEntries(options, run.submissions, run.verdicts);
  const reader = new LogReader(options.url, run.publicKey);
  const tiles = new LogReader(options.monitorUrl ?? options.url, run.publicKey);
  let treeCount = 0;
  let tileCount = 0;
  let treeSize = 0;
  try {
    const head = await reader.readTreeHead();
    const checkpoint = await tiles.readCheckpoint();
    if (head === undefined && checkpoint === undefined) problems.push("the log shows no head");
    treeSize = Math.max(head?.treeSize ?? 0, checkpoint?.treeSize ?? 0);
    for (const entry of sample) {
      if (head !== undefined) await reader.requireInTree(head, entry);
      treeCount += head === undefined ? 0 : 1;
      if (checkpoint !== undefined) await tiles.requireInTiles(checkpoint, entry);
      tileCount += checkpoint === undefined ? 0 : 1;
    }
  } catch (error) {
    problems.push(messageOf(error));
  }
  return { treeCount, tileCount, treeSize, problems };
}

/** Entries at seeded random positions among those with an SCT that holds. */
function sampleEntries(
  options: LoadOptions,
  submissions: Submissions,
  verdicts: Verdicts,
): readonly ExpectedEntry[] {
  const leafIndexes = new Float64Array(verdicts.leafIndexes);
  const timestampsMs = new Float64Array(verdicts.timestampsMs);
  const { authority, seed, first } = submissions;
  const template = new PrecertificateTemplate(authority, seed);
  const candidates = Array.from(timestampsMs.keys()).filter((at) => (timestampsMs[at] ?? 0) > 0);
  const random = seededRandom(options.seed);
  const sample: ExpectedEntry[] = [];
  while (sample.length < options.sampleCount && candidates.length > 0) {
    const chosen = random(candidates.length);
    const at = candidates[chosen] ?? 0;
    candidates[chosen] = candidates.at(-1) ?? 0;
    candidates.pop();
    const known = leafIndexes[at] ?? -1;
    const leafIndex = known < 0 ? undefined : known;
    const tbs = template.loggedTbs(first + at);
    const leaf = encodeMerkleTreeLeaf({
      timestampMs: timestampsMs[at] ?? 0,
      entry: { type: "precert", issuerKeyHash: authority.issuerKeyHash, tbs },
      extensions: leafIndex === undefined ? new Uint8Array(0) : encodeLeafIndexExtension(leafIndex),
    });
    const precertificate = certificateAt(submissions, at);
    sample.push({ leafIndex, leaf, precertificate, chain: [authority.intermediate] });
  }
  return sample;
}
