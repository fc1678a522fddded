/**
 * Everything that a submitter can check of the answer to a submission, through both APIs of
 * the log, in an order in which the first failure names the culprit.
 * @module
 */

import { MalformedError, messageOf } from "../base/errors.ts";
import { countOf } from "../base/plural.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { hashLeaf, type Sha256 } from "../merkle/hash.ts";
import { verifyConsistency, verifyInclusion } from "../merkle/verify.ts";
import {
  decodeExtraData,
  decodeMerkleTreeLeaf,
  encodeSignedEntry,
  type SignedEntry,
} from "../rfc6962/entry.ts";
import type { JsonEntry } from "../rfc6962/json.ts";
import type { Sct } from "../rfc6962/sct.ts";
import type { SignedTreeHead } from "../rfc6962/tree-head.ts";
import {
  CheckError,
  type CheckingKey,
  type CheckName,
  leafIndexOfSct,
  leafOfSct,
  verifyFreshness,
  verifyHead,
  verifyLogged,
  verifyRoot,
  verifySctSignature,
  verifySctTime,
} from "./check.ts";
import type { LogSource, Rfc6962Reader, StaticCtReader } from "./source.ts";

/** How many of the last entries are searched for one that is not where its SCT says. */
const LOOKED_BACK_ENTRIES = 256;

/** A submission, its SCT, and where and how it is checked. */
export interface SubmissionCheck {
  /** What the log had to sign, rebuilt from the chain that was sent. */
  readonly entry: SignedEntry;
  /** The chain that was sent: DER, leaf first. */
  readonly chain: readonly Uint8Array[];
  /** The entry of a precertificate and its issuers, DER. @throws MalformedError if there is none. */
  readonly entryOfChain: (chain: readonly Uint8Array[]) => SignedEntry;
  readonly sct: Sct;
  readonly key: CheckingKey;
  readonly rfc6962: Rfc6962Reader;
  readonly staticCt: StaticCtReader;
  readonly sha256: Sha256;
  /** The time now; milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
  /** Is told of each check that held, in order, with a sentence for people. */
  readonly onHeld: (check: CheckName, sentence: string) => void;
}

/** What was proven. */
export interface VerifiedSubmission {
  readonly leafIndex: number;
  /** The head of get-sth. */
  readonly head: SignedTreeHead;
  /** The head of the checkpoint. */
  readonly checkpoint: SignedTreeHead;
}

/**
 * Verifies an SCT and its entry through both APIs.
 * @throws CheckError for the first check that fails, or that could not be made because the
 *   log did not answer it (`cause` is then a SourceError).
 */
export async function verifySubmission(check: SubmissionCheck): Promise<VerifiedSubmission> {
  const leafIndex = verifySct(check);
  const head = await readHead(check, check.rfc6962, leafIndex, "get-sth");
  const path = await readAuditPath(check, leafIndex, head);
  await verifyTree(check, leafIndex, head, path);
  const checkpoint = await readHead(check, check.staticCt, leafIndex, "the checkpoint");
  await verifyAgreement(check, head, checkpoint);
  await verifyStaticEntry(check, leafIndex, checkpoint);
  return { leafIndex, head, checkpoint };
}

/** The SCT by itself: nothing is fetched. @returns Its leaf index. @throws CheckError. */
export function verifySct(
  check: Pick<SubmissionCheck, "entry" | "sct" | "key" | "nowMs" | "onHeld">,
): number {
  const { entry, sct, key, onHeld } = check;
  verifySctSignature(key, entry, sct);
  onHeld("SCT signature", "the SCT is the log's signature of this certificate, time and place");
  verifySctTime(sct, check.nowMs());
  onHeld("SCT timestamp", "the SCT is not from the future");
  const leafIndex = leafIndexOfSct(sct);
  onHeld("leaf index", `the SCT promises entry ${leafIndex}`);
  return leafIndex;
}

async function readHead(
  check: SubmissionCheck,
  source: LogSource,
  leafIndex: number,
  name: string,
): Promise<SignedTreeHead> {
  const head = await during("tree head signature", () => source.head());
  verifyHead(check.key, head, check.nowMs(), name);
  check.onHeld(
    "tree head signature",
    `${name} answers a tree of size ${head.treeSize}, signed by the log's key`,
  );
  if (head.treeSize <= leafIndex) await blameIndex(check, leafIndex, head.treeSize);
  verifyFreshness(head, leafIndex, check.sct.timestampMs, name);
  check.onHeld("stale head", `${name} covers entry ${leafIndex} and is no older than the SCT`);
  return head;
}

/** The audit path by RFC 6962, asked for in both ways. */
async function readAuditPath(
  check: SubmissionCheck,
  leafIndex: number,
  head: SignedTreeHead,
): Promise<readonly Uint8Array[]> {
  const { rfc6962, sha256, onHeld } = check;
  const leaf = leafOfSct(check.entry, check.sct);
  const logged = await during("entry", () => rfc6962.entryAndProof(leafIndex, head.treeSize));
  try {
    verifyLogged(leaf, logged.leafInput, "get-entry-and-proof");
  } catch (thrown) {
    await blameIndex(check, leafIndex, head.treeSize);
    throw thrown;
  }
  verifyExtraData(check, logged, "get-entry-and-proof");
  onHeld("entry", `entry ${leafIndex} in get-entry-and-proof is the leaf rebuilt from the chain`);
  const leafHash = hashLeaf(sha256, leaf);
  const proof = await during("audit path", () => rfc6962.proofByHash(leafHash, head.treeSize));
  if (proof.leafIndex !== leafIndex) {
    throw new CheckError(
      "leaf index",
      `the SCT says entry ${leafIndex}, get-proof-by-hash says ${proof.leafIndex}`,
    );
  }
  onHeld("leaf index", "get-proof-by-hash finds the leaf where the SCT says");
  const isSame =
    proof.path.length === logged.path.length &&
    proof.path.every((hash, index) => equalBytes(hash, logged.path[index] ?? hash.subarray(1)));
  if (!isSame) {
    throw new CheckError(
      "audit path",
      "a sibling hash differs between get-proof-by-hash and get-entry-and-proof",
    );
  }
  return proof.path;
}

async function verifyTree(
  check: SubmissionCheck,
  leafIndex: number,
  head: SignedTreeHead,
  path: readonly Uint8Array[],
): Promise<void> {
  const { sha256 } = check;
  const tilesRoot = await during("hash tiles", () => check.staticCt.rootFromTiles(head.treeSize));
  const leafHash = hashLeaf(sha256, leafOfSct(check.entry, check.sct));
  verifyRoot(sha256, { head, leafIndex, leafHash, path, tilesRoot });
  check.onHeld(
    "audit path",
    `the audit path (${path.length} hashes) leads from the leaf to the root`,
  );
  check.onHeld("root", "the root computed from hash tiles is the head's");
}

/** The heads of both APIs are heads of one tree: check "heads agree". */
async function verifyAgreement(
  check: SubmissionCheck,
  head: SignedTreeHead,
  checkpoint: SignedTreeHead,
): Promise<void> {
  const { sha256, onHeld } = check;
  const isSameSize = head.treeSize === checkpoint.treeSize;
  if (isSameSize && !equalBytes(head.rootHash, checkpoint.rootHash)) {
    throw new CheckError(
      "heads agree",
      `the checkpoint and get-sth state two roots for size ${head.treeSize}`,
    );
  }
  if (isSameSize && head.timestampMs === checkpoint.timestampMs) {
    if (!equalBytes(head.signature, checkpoint.signature)) {
      throw new CheckError("heads agree", "the checkpoint and get-sth sign one head in two ways");
    }
    onHeld("heads agree", "get-sth and the checkpoint are the same head and signature");
    return;
  }
  const [first, second] =
    head.treeSize <= checkpoint.treeSize ? [head, checkpoint] : [checkpoint, head];
  const { treeSize: firstSize, rootHash: firstRoot } = first;
  const { treeSize: secondSize, rootHash: secondRoot } = second;
  for (const source of [check.rfc6962, check.staticCt]) {
    const proof = await during("heads agree", () => source.consistency(firstSize, secondSize));
    try {
      verifyConsistency(sha256, { firstSize, firstRoot, secondSize, secondRoot, proof });
    } catch (cause) {
      if (!(cause instanceof MalformedError)) throw cause;
      const message = `get-sth and the checkpoint are not consistent by ${source.api}`;
      throw new CheckError("heads agree", `${message}: ${cause.message}`, { cause });
    }
  }
  onHeld(
    "heads agree",
    `the tree of ${countOf(firstSize, "entry")} is a prefix of that of ${secondSize}`,
  );
}

/** The static API shows the same entry, and proves it under the checkpoint. */
async function verifyStaticEntry(
  check: SubmissionCheck,
  leafIndex: number,
  checkpoint: SignedTreeHead,
): Promise<void> {
  const { staticCt, sha256, onHeld } = check;
  const { treeSize, rootHash } = checkpoint;
  const leaf = leafOfSct(check.entry, check.sct);
  const logged = await during("entry", () => staticCt.entryAndProof(leafIndex, treeSize));
  verifyLogged(leaf, logged.leafInput, "the data tile");
  verifyExtraData(check, logged, "the data tile");
  onHeld("entry", `entry ${leafIndex} in the data tile is the same, and its issuers are served`);
  const claim = { leafIndex, treeSize, leafHash: hashLeaf(sha256, leaf), path: logged.path };
  try {
    verifyInclusion(sha256, claim, rootHash);
  } catch (cause) {
    if (!(cause instanceof MalformedError)) throw cause;
    throw new CheckError("hash tiles", `by the checkpoint: ${cause.message}`, { cause });
  }
  onHeld("hash tiles", "the audit path computed from tiles leads to the checkpoint's root");
}

/**
 * The certificates that stand beside the leaf explain it: RFC 6962, section 4.6. They need
 * not be those that were sent: the log adds the root, and a duplicate gets the entry of the
 * first submission, which may have been another precertificate of the same TBSCertificate.
 */
function verifyExtraData(check: SubmissionCheck, logged: JsonEntry, source: string): void {
  const { entry, chain } = check;
  const { precertificate, chain: issuers } = decodeExtraData(entry.type, logged.extraData);
  if (issuers.length === 0 && chain.length > 1) {
    throw new CheckError("entry", `${source} shows no issuer of the certificate`);
  }
  if (precertificate === undefined) return;
  let explained: Uint8Array;
  try {
    explained = encodeSignedEntry(check.entryOfChain([precertificate, ...issuers]));
  } catch (cause) {
    if (!(cause instanceof MalformedError)) throw cause;
    throw new CheckError("entry", `the precertificate in ${source}: ${cause.message}`, { cause });
  }
  if (!equalBytes(explained, encodeSignedEntry(entry))) {
    throw new CheckError("entry", `the precertificate in ${source} is not that of its leaf`);
  }
}

/**
 * Called when the entry is not where the SCT says: if it stands elsewhere among the last
 * entries, the index is what is wrong, not the head or the entry.
 * @throws CheckError "leaf index" if so.
 */
async function blameIndex(
  check: SubmissionCheck,
  leafIndex: number,
  treeSize: number,
): Promise<void> {
  const ours = encodeSignedEntry(check.entry);
  const start = Math.max(0, treeSize - LOOKED_BACK_ENTRIES);
  let page: readonly JsonEntry[] = [];
  try {
    if (start < treeSize) page = await check.rfc6962.entries(start, treeSize);
  } catch {
    return; // The caller's own finding stands.
  }
  const position = page.findIndex(({ leafInput }) =>
    equalBytes(encodeSignedEntry(decodeMerkleTreeLeaf(leafInput).entry), ours),
  );
  if (position >= 0 && start + position !== leafIndex) {
    throw new CheckError(
      "leaf index",
      `the SCT says entry ${leafIndex}, the certificate is entry ${start + position}`,
    );
  }
}

/** What `ask` answers; if it does not, `check` could not be made. @throws CheckError. */
async function during<T>(check: CheckName, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    if (cause instanceof CheckError) throw cause;
    throw new CheckError(check, `it could not be made: ${messageOf(cause)}`, { cause });
  }
}
