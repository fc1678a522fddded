/**
 * A log of somebody else: a key, an entry in a log list of Chrome's form, and SCTs.
 * @module
 */
import { generateKeyPairSync, sign } from "node:crypto";
import { encodeMerkleTreeLeaf, type SignedEntry } from "../../src/rfc6962/entry.ts";
import type { Sct } from "../../src/rfc6962/sct.ts";
import { encodeDigitallySigned } from "../../src/rfc6962/signature.ts";
import { sha256 } from "./sha256.ts";

/** Somebody else's log. */
export interface OtherLog {
  readonly logId: Uint8Array;
  /** A log list that has it, and nothing else. */
  readonly listText: string;
  /** What it gives for an entry. */
  sctOf(entry: SignedEntry, timestampMs: number): Sct;
}

/** Makes a log that is not there. */
export function makeOtherLog(
  description: string = "Example Other Log 2027",
  operator: string = "Other Operator",
): OtherLog {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const der = new Uint8Array(publicKey.export({ type: "spki", format: "der" }));
  const logId = sha256(der);
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
  const log = {
    description,
    log_id: base64(logId),
    key: base64(der),
    url: "https://other.example/2027/",
    mmd: 86_400,
    state: { usable: { timestamp: "2026-01-01T00:00:00Z" } },
  };
  const list = { version: "1", operators: [{ name: operator, email: [], logs: [log] }] };
  return {
    logId,
    listText: JSON.stringify(list),
    sctOf(entry, timestampMs) {
      const extensions = new Uint8Array(0);
      const leaf = encodeMerkleTreeLeaf({ timestampMs, entry, extensions });
      const signature = new Uint8Array(sign("sha256", leaf, privateKey));
      const signed = encodeDigitallySigned({ algorithm: "ecdsa", signature });
      return { logId, timestampMs, extensions, signature: signed };
    },
  };
}
