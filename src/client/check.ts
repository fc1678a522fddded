/**
 * The named checks that a reader makes of what a log says. Pure: signatures are verified by
 * the key that is passed in. Each either returns or throws a CheckError that says which
 * check failed and what was seen.
 * @module
 */

import { MalformedError, messageOf } from "../base/errors.ts";
import { countOf } from "../base/plural.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { formatHex } from "../encoding/hex.ts";
import type { Sha256 } from "../merkle/hash.ts";
import { rootOfInclusion } from "../merkle/verify.ts";
import {
  decodeMerkleTreeLeaf,
  encodeMerkleTreeLeaf,
  encodeSignedEntry,
  type SignedEntry,
} from "../rfc6962/entry.ts";
import type { Sct } from "../rfc6962/sct.ts";
import { type DigitallySigned, decodeDigitallySigned } from "../rfc6962/signature.ts";
import { encodeTreeHeadToSign, type SignedTreeHead, type TreeHead } from "../rfc6962/tree-head.ts";
import { decodeLeafIndexExtension } from "../static-ct/extensions.ts";

/** What can be wrong with a log's word. */
export type CheckName =
  /** The key is another than the one that was trusted. */
  | "log key"
  /** The SCT names another log. */
  | "log ID"
  /** The SCT is not the key's signature of the entry that was sent. */
  | "SCT signature"
  /** The SCT's time is in the future, or not the one that is logged. */
  | "SCT timestamp"
  /** The SCT names no place in the tree, or another one than the proof. */
  | "leaf index"
  /** Another entry is logged than the one that was sent. */
  | "entry"
  /** The head is not signed by the key. */
  | "tree head signature"
  /** The head is from the future. */
  | "tree head timestamp"
  /** The head does not cover the entry, or is older than its SCT. */
  | "stale head"
  /** A sibling hash is wrong: the path does not lead to the root that everything else leads to. */
  | "audit path"
  /** The head states a root that the tree does not have. */
  | "root"
  /** The hash tiles lead elsewhere than the head and the audit path. */
  | "hash tiles"
  /** The heads of both APIs are not heads of one tree. */
  | "heads agree";

/** One check failed: the log, or whoever stands before it, does not keep its word. */
export class CheckError extends Error {
  override readonly name = "CheckError";
  readonly check: CheckName;
  constructor(check: CheckName, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.check = check;
  }
}

/** The part of a log's key that the checks use. */
export interface CheckingKey {
  /** SHA-256 of the SubjectPublicKeyInfo; 32 bytes. */
  readonly logId: Uint8Array;
  isSignature(data: Uint8Array, signed: DigitallySigned): boolean;
}

/** Clocks may differ by this much: an SCT or head from further ahead is refused. */
export const FUTURE_MS_MAX = 60_000;

/**
 * The leaf that `sct` is about, rebuilt from what was sent and never taken from an answer:
 * encoded `MerkleTreeLeaf`, RFC 6962, section 3.4.
 */
export function leafOfSct(entry: SignedEntry, sct: Sct): Uint8Array {
  const { timestampMs, extensions } = sct;
  return encodeMerkleTreeLeaf({ timestampMs, entry, extensions });
}

/** Checks "log ID" and "SCT signature". @throws CheckError. */
export function verifySctSignature(key: CheckingKey, entry: SignedEntry, sct: Sct): void {
  if (!equalBytes(sct.logId, key.logId)) {
    const ids = `expected ${formatHex(key.logId)}, got ${formatHex(sct.logId)}`;
    throw new CheckError("log ID", `the SCT names another log: ${ids}`);
  }
  if (!isSigned(key, leafOfSct(entry, sct), sct.signature)) {
    throw new CheckError(
      "SCT signature",
      "the signature is not the log's over this certificate, timestamp and extensions",
    );
  }
}

/** Check "SCT timestamp": not in the future by this clock. @throws CheckError. */
export function verifySctTime(sct: Sct, nowMs: number): void {
  if (sct.timestampMs > nowMs + FUTURE_MS_MAX) {
    const aheadMs = sct.timestampMs - nowMs;
    throw new CheckError("SCT timestamp", `the SCT is ${aheadMs} ms in the future by this clock`);
  }
}

/** The leaf index that the SCT promises. @throws CheckError "leaf index" if there is not one. */
export function leafIndexOfSct(sct: Sct): number {
  try {
    return decodeLeafIndexExtension(sct.extensions);
  } catch (cause) {
    const message = `the SCT's extensions name no leaf index: ${messageOf(cause)}`;
    throw new CheckError("leaf index", message, { cause });
  }
}

/**
 * Checks "tree head signature" and "tree head timestamp".
 * @param source What the head was read from, for the message: `get-sth`.
 * @throws CheckError.
 */
export function verifyHead(
  key: CheckingKey,
  head: SignedTreeHead,
  nowMs: number,
  source: string,
): void {
  if (!isSigned(key, encodeTreeHeadToSign(head), head.signature)) {
    throw new CheckError("tree head signature", `the head of ${source} is not signed by the key`);
  }
  if (head.timestampMs > nowMs + FUTURE_MS_MAX) {
    const aheadMs = head.timestampMs - nowMs;
    throw new CheckError(
      "tree head timestamp",
      `the head of ${source} is ${aheadMs} ms in the future by this clock`,
    );
  }
}

/**
 * Check "stale head": the head covers the leaf and is no older than its SCT.
 * @throws CheckError.
 */
export function verifyFreshness(
  head: TreeHead,
  leafIndex: number,
  sctTimestampMs: number,
  source: string,
): void {
  if (head.treeSize <= leafIndex) {
    throw new CheckError(
      "stale head",
      `the head of ${source} has ${countOf(head.treeSize, "entry")} and does not cover entry ${leafIndex}`,
    );
  }
  if (head.timestampMs < sctTimestampMs) {
    throw new CheckError(
      "stale head",
      `the head of ${source} is ${sctTimestampMs - head.timestampMs} ms older than the SCT`,
    );
  }
}

/**
 * What is logged is what was sent: checks "SCT timestamp", "leaf index", "entry".
 * @param leaf Encoded `MerkleTreeLeaf`, rebuilt.
 * @param logged Encoded `MerkleTreeLeaf` as the log shows it; parses.
 * @throws CheckError.
 */
export function verifyLogged(leaf: Uint8Array, logged: Uint8Array, source: string): void {
  if (equalBytes(leaf, logged)) return;
  const ours = decodeMerkleTreeLeaf(leaf);
  const theirs = decodeMerkleTreeLeaf(logged);
  if (!equalBytes(encodeSignedEntry(ours.entry), encodeSignedEntry(theirs.entry))) {
    throw new CheckError("entry", `${source} shows another entry at the SCT's leaf index`);
  }
  if (ours.timestampMs !== theirs.timestampMs) {
    throw new CheckError(
      "SCT timestamp",
      `the SCT says ${ours.timestampMs}, the entry in ${source} ${theirs.timestampMs}`,
    );
  }
  throw new CheckError("leaf index", `the extensions of the entry in ${source} are not the SCT's`);
}

/** What leads, or should lead, to one root. */
export interface RootEvidence {
  readonly head: TreeHead;
  readonly leafIndex: number;
  /** 32 bytes; of the rebuilt leaf. */
  readonly leafHash: Uint8Array;
  /** Sibling hashes that the RFC 6962 API answered. */
  readonly path: readonly Uint8Array[];
  /** The root of the tree of `head.treeSize` leaves computed from hash tiles. */
  readonly tilesRoot: Uint8Array;
}

/**
 * The head's root, the audit path's and the tiles' are one. If not, two against one says who
 * lies: checks "audit path", "root", "hash tiles".
 * @throws CheckError.
 */
export function verifyRoot(sha256: Sha256, evidence: RootEvidence): void {
  const { head, leafIndex, leafHash, path, tilesRoot } = evidence;
  const { treeSize } = head;
  let pathRoot: Uint8Array;
  try {
    pathRoot = rootOfInclusion(sha256, { leafIndex, treeSize, leafHash, path });
  } catch (cause) {
    if (!(cause instanceof MalformedError)) throw cause;
    throw new CheckError("audit path", `for entry ${leafIndex}: ${cause.message}`, { cause });
  }
  const isPathRight = equalBytes(pathRoot, head.rootHash);
  const areTilesRight = equalBytes(tilesRoot, head.rootHash);
  if (isPathRight && areTilesRight) return;
  if (areTilesRight) {
    throw new CheckError(
      "audit path",
      `a sibling hash is wrong: the path of entry ${leafIndex} does not lead to the head's root`,
    );
  }
  if (isPathRight) {
    throw new CheckError("hash tiles", "they do not lead to the root of the head and the path");
  }
  const between = equalBytes(pathRoot, tilesRoot) ? "" : ", nor to one another";
  throw new CheckError(
    "root",
    `neither audit path nor hash tiles lead to the root that the head states${between}`,
  );
}

function isSigned(key: CheckingKey, data: Uint8Array, signature: Uint8Array): boolean {
  let signed: DigitallySigned;
  try {
    signed = decodeDigitallySigned(signature);
  } catch {
    return false;
  }
  return key.isSignature(data, signed);
}
