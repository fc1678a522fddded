/**
 * What a backup says of itself: `backup.json` in its folder, which is there once everything else
 * was verified. JSON, format 1; unknown fields are passed over.
 * @module
 */
import { MalformedError } from "../base/errors.ts";
import { formatBase64 } from "../encoding/base64.ts";
import { parseJsonObject } from "../encoding/json.ts";
import type { SignedTreeHead } from "../rfc6962/tree-head.ts";

/** Name of the file. */
export const BACKUP_NOTE = "backup.json";

/** See the module. */
export interface BackupNote {
  /** Version of the program that made it. */
  readonly program: string;
  /** When it was verified; milliseconds since the Unix epoch. */
  readonly timeMs: number;
  readonly shard: string;
  readonly origin: string;
  /** SubjectPublicKeyInfo, DER: what verifies `head` without the private key. */
  readonly publicKey: Uint8Array;
  /** The published head that it is consistent with. */
  readonly head: SignedTreeHead;
  /** Entries of the store: those of `head`, or of one commit more. */
  readonly committedSize: number;
  /** All files but keys, and their bytes. */
  readonly fileCount: number;
  readonly bytes: number;
}

/** The text of the file. */
export function formatBackupNote(note: BackupNote): string {
  const { timeMs, publicKey, head, ...rest } = note;
  const json = {
    format: 1,
    time: new Date(timeMs).toISOString(),
    ...rest,
    publicKey: formatBase64(publicKey),
    head: {
      treeSize: head.treeSize,
      timestampMs: head.timestampMs,
      rootHash: formatBase64(head.rootHash),
      signature: formatBase64(head.signature),
    },
  };
  return `${JSON.stringify(json, undefined, 2)}\n`;
}

/** Reads what {@link formatBackupNote} writes. @throws MalformedError `MALFORMED_JSON`. */
export function parseBackupNote(text: string): BackupNote {
  const json = parseJsonObject(text);
  const format = json.uint("format");
  if (format !== 1) {
    const message = `a backup of format ${format}: a newer program wrote it`;
    throw new MalformedError("MALFORMED_JSON", message);
  }
  const timeMs = Date.parse(json.text("time"));
  const head = json.object("head");
  const rootHash = head.bytes("rootHash");
  if (Number.isNaN(timeMs)) throw new MalformedError("MALFORMED_JSON", "expected a time");
  if (rootHash.length !== 32) throw new MalformedError("MALFORMED_JSON", "expected 32 bytes");
  return {
    program: json.text("program"),
    timeMs,
    shard: json.text("shard"),
    origin: json.text("origin"),
    publicKey: json.bytes("publicKey"),
    head: {
      treeSize: head.uint("treeSize"),
      timestampMs: head.uint("timestampMs"),
      rootHash,
      signature: head.bytes("signature"),
    },
    committedSize: json.uint("committedSize"),
    fileCount: json.uint("fileCount"),
    bytes: json.uint("bytes"),
  };
}
