/**
 * Checkpoints: c2sp.org/tlog-checkpoint, signed as c2sp.org/static-ct-api#checkpoints says:
 * with the very bytes of the RFC 6962 TreeHeadSignature.
 * @module
 */
import { MalformedError, quote } from "../base/errors.ts";
import { formatBase64, parseBase64 } from "../encoding/base64.ts";
import { concatBytes, equalBytes } from "../encoding/bytes.ts";
import { parseDecimal } from "../encoding/decimal.ts";
import { TlsReader } from "../encoding/tls-reader.ts";
import { TlsWriter } from "../encoding/tls-writer.ts";
import { encodeUtf8 } from "../encoding/utf8.ts";
import type { Sha256 } from "../merkle/hash.ts";
import { formatNote, parseNote } from "./note.ts";

/** Signature type of `RFC6962NoteSignature`: c2sp.org/signed-note#signature-types. */
export const RFC6962_SIGNATURE_TYPE = 0x05;

/** What a checkpoint states, and the log's own signature on it. */
export interface Checkpoint {
  /** The submission prefix without scheme and trailing slash. */
  readonly origin: string;
  readonly treeSize: number;
  /** 32 bytes. */
  readonly rootHash: Uint8Array;
  /** Milliseconds since the Unix epoch; part of the signature. */
  readonly timestampMs: number;
  /** Encoded `DigitallySigned`: the same bytes as `tree_head_signature` in get-sth. */
  readonly signature: Uint8Array;
}

/** `SHA-256(origin || 0x0A || 0x05 || log ID)[:4]`: c2sp.org/static-ct-api#checkpoints. */
export function checkpointKeyId(sha256: Sha256, origin: string, logId: Uint8Array): Uint8Array {
  const type = Uint8Array.of(0x0a, RFC6962_SIGNATURE_TYPE);
  return sha256(concatBytes(encodeUtf8(origin), type, logId)).slice(0, 4);
}

/**
 * The signed note that `/checkpoint` answers.
 * `RFC6962NoteSignature`: `struct { uint64 timestamp; TreeHeadSignature signature; }`.
 * @param logId 32 bytes.
 */
export function formatCheckpoint(
  sha256: Sha256,
  checkpoint: Checkpoint,
  logId: Uint8Array,
): string {
  const { origin, treeSize, rootHash } = checkpoint;
  const signature = new TlsWriter(8 + checkpoint.signature.length)
    .uint(checkpoint.timestampMs, 8)
    .fixed(checkpoint.signature)
    .finish();
  return formatNote({
    text: `${origin}\n${treeSize}\n${formatBase64(rootHash)}\n`,
    signatures: [{ name: origin, keyId: checkpointKeyId(sha256, origin, logId), signature }],
  });
}

/**
 * Reads a checkpoint and finds the signature of the log named; further signature lines and
 * extension lines are passed over. The signature itself is not verified here.
 * @throws MalformedError `MALFORMED_NOTE` or `MALFORMED_CHECKPOINT`, also for another origin or key.
 */
export function parseCheckpoint(
  sha256: Sha256,
  source: string,
  log: { readonly origin: string; readonly logId: Uint8Array },
): Checkpoint {
  const note = parseNote(source);
  const [origin, size, root, ...extensions] = note.text.slice(0, -1).split("\n");
  if (origin !== log.origin || size === undefined || root === undefined) {
    throw malformed(`expected origin ${quote(log.origin)}, got ${quote(origin ?? "")}`);
  }
  if (extensions.includes("")) throw malformed("an empty extension line");
  const keyId = checkpointKeyId(sha256, origin, log.logId);
  const line = note.signatures.find(
    (signature) => signature.name === origin && equalBytes(signature.keyId, keyId),
  );
  if (line === undefined) throw malformed(`no signature by the key of ${quote(origin)}`);
  try {
    const rootHash = parseBase64(root);
    if (rootHash.length !== 32) throw malformed(`a root hash of ${rootHash.length} bytes`);
    const timestampMs = new TlsReader(line.signature).uint(8);
    const signature = line.signature.slice(8);
    return { origin, treeSize: parseDecimal(size), rootHash, timestampMs, signature };
  } catch (cause) {
    throw new MalformedError("MALFORMED_CHECKPOINT", "a field does not parse", { cause });
  }
}

function malformed(message: string): MalformedError {
  return new MalformedError("MALFORMED_CHECKPOINT", message);
}
