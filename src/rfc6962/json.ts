/**
 * The JSON bodies of RFC 6962, section 4, in both directions. Binary values are canonical
 * base64; numbers are JSON numbers below 2^53.
 * @module
 */
import { MalformedError } from "../base/errors.ts";
import { formatBase64, parseLaxBase64 } from "../encoding/base64.ts";
import { JsonObject, parseJsonObject } from "../encoding/json.ts";
import type { Sct } from "./sct.ts";
import type { SignedTreeHead } from "./tree-head.ts";

/** How binary values become base64 text: `formatBase64`, or a faster one of the same result. */
export type FormatBase64 = (bytes: Uint8Array) => string;

/** How base64 text of a client becomes bytes: `parseLaxBase64`, or a faster one of the same result. */
export type ParseBase64 = (text: string) => Uint8Array;

/** One entry as get-entries answers it: section 4.6. */
export interface JsonEntry {
  /** Encoded `MerkleTreeLeaf`. */
  readonly leafInput: Uint8Array;
  readonly extraData: Uint8Array;
}

/** Answer of add-chain and add-pre-chain: section 4.1. */
export function formatSctJson(sct: Sct, base64: FormatBase64 = formatBase64): string {
  return `{"sct_version":0,"id":"${base64(sct.logId)}","timestamp":${sct.timestampMs},"extensions":"${base64(sct.extensions)}","signature":"${base64(sct.signature)}"}`;
}

/** Reads what {@link formatSctJson} writes. @throws MalformedError `MALFORMED_JSON`. */
export function parseSctJson(text: string): Sct {
  const body = parseJsonObject(text);
  if (body.uint("sct_version") !== 0) throw malformed("expected sct_version 0");
  return {
    logId: hashOf(body, "id"),
    timestampMs: body.uint("timestamp"),
    extensions: body.bytes("extensions"),
    signature: body.bytes("signature"),
  };
}

/** Answer of get-sth: section 4.3. */
export function formatTreeHeadJson(
  head: SignedTreeHead,
  base64: FormatBase64 = formatBase64,
): string {
  return `{"tree_size":${head.treeSize},"timestamp":${head.timestampMs},"sha256_root_hash":"${base64(head.rootHash)}","tree_head_signature":"${base64(head.signature)}"}`;
}

/** Reads what {@link formatTreeHeadJson} writes. @throws MalformedError `MALFORMED_JSON`. */
export function parseTreeHeadJson(text: string): SignedTreeHead {
  const body = parseJsonObject(text);
  return {
    treeSize: body.uint("tree_size"),
    timestampMs: body.uint("timestamp"),
    rootHash: hashOf(body, "sha256_root_hash"),
    signature: body.bytes("tree_head_signature"),
  };
}

/** Answer of get-sth-consistency: section 4.4. */
export function formatConsistencyJson(
  proof: readonly Uint8Array[],
  base64: FormatBase64 = formatBase64,
): string {
  return `{"consistency":[${formatHashes(proof, base64)}]}`;
}

/** Reads what {@link formatConsistencyJson} writes. @throws MalformedError `MALFORMED_JSON`. */
export function parseConsistencyJson(text: string): readonly Uint8Array[] {
  return parseJsonObject(text).byteList("consistency");
}

/** Answer of get-proof-by-hash: section 4.5. */
export function formatInclusionJson(
  leafIndex: number,
  path: readonly Uint8Array[],
  base64: FormatBase64 = formatBase64,
): string {
  return `{"leaf_index":${leafIndex},"audit_path":[${formatHashes(path, base64)}]}`;
}

/** Reads what {@link formatInclusionJson} writes. @throws MalformedError `MALFORMED_JSON`. */
export function parseInclusionJson(text: string): {
  readonly leafIndex: number;
  readonly path: readonly Uint8Array[];
} {
  const body = parseJsonObject(text);
  return { leafIndex: body.uint("leaf_index"), path: body.byteList("audit_path") };
}

/** Answer of get-entries: section 4.6. */
export function formatEntriesJson(
  entries: readonly JsonEntry[],
  base64: FormatBase64 = formatBase64,
): string {
  const items = entries.map((entry) => `{${formatEntryFields(entry, base64)}}`);
  return `{"entries":[${items.join(",")}]}`;
}

/** Reads what {@link formatEntriesJson} writes. @throws MalformedError `MALFORMED_JSON`. */
export function parseEntriesJson(text: string): readonly JsonEntry[] {
  return parseJsonObject(text)
    .list("entries")
    .map((item) => {
      const entry = new JsonObject(item);
      return { leafInput: entry.bytes("leaf_input"), extraData: entry.bytes("extra_data") };
    });
}

/** Answer of get-roots: section 4.7. */
export function formatRootsJson(
  roots: readonly Uint8Array[],
  base64: FormatBase64 = formatBase64,
): string {
  return `{"certificates":[${roots.map((root) => `"${base64(root)}"`).join(",")}]}`;
}

/** Reads what {@link formatRootsJson} writes. @throws MalformedError `MALFORMED_JSON`. */
export function parseRootsJson(text: string): readonly Uint8Array[] {
  return parseJsonObject(text).byteList("certificates");
}

/** Answer of get-entry-and-proof: section 4.8. */
export function formatEntryAndProofJson(
  entry: JsonEntry,
  path: readonly Uint8Array[],
  base64: FormatBase64 = formatBase64,
): string {
  return `{${formatEntryFields(entry, base64)},"audit_path":[${formatHashes(path, base64)}]}`;
}

/** Reads what {@link formatEntryAndProofJson} writes. @throws MalformedError `MALFORMED_JSON`. */
export function parseEntryAndProofJson(
  text: string,
): JsonEntry & { readonly path: readonly Uint8Array[] } {
  const body = parseJsonObject(text);
  return {
    leafInput: body.bytes("leaf_input"),
    extraData: body.bytes("extra_data"),
    path: body.byteList("audit_path"),
  };
}

/** Body of a submission: section 4.1. */
export function formatChainJson(
  chain: readonly Uint8Array[],
  base64: FormatBase64 = formatBase64,
): string {
  return `{"chain":[${chain.map((certificate) => `"${base64(certificate)}"`).join(",")}]}`;
}

/**
 * Reads a submission: the exact field `chain`, other fields ignored, base64 as clients
 * send it. The text is an attacker's.
 * @returns At least one certificate; none is empty.
 * @throws MalformedError `MALFORMED_BODY`.
 */
export function parseChainJson(
  text: string,
  base64: ParseBase64 = parseLaxBase64,
): readonly Uint8Array[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new MalformedError("MALFORMED_BODY", "expected JSON", { cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new MalformedError("MALFORMED_BODY", "expected a JSON object");
  }
  const chain: unknown = Object.hasOwn(value, "chain") ? Reflect.get(value, "chain") : undefined;
  if (chain === undefined || chain === null || (Array.isArray(chain) && chain.length === 0)) {
    throw new MalformedError("MALFORMED_BODY", "cert chain was empty");
  }
  if (!Array.isArray(chain)) {
    throw new MalformedError("MALFORMED_BODY", "expected 'chain' to be an array");
  }
  return chain.map((item: unknown, index) => {
    if (typeof item !== "string") {
      throw new MalformedError("MALFORMED_BODY", `expected base64 at chain[${index}]`);
    }
    try {
      const certificate = base64(item);
      if (certificate.length > 0) return certificate;
    } catch (cause) {
      throw new MalformedError("MALFORMED_BODY", `expected base64 at chain[${index}]`, { cause });
    }
    throw new MalformedError("MALFORMED_BODY", `expected a certificate at chain[${index}]`);
  });
}

function formatEntryFields(entry: JsonEntry, base64: FormatBase64): string {
  return `"leaf_input":"${base64(entry.leafInput)}","extra_data":"${base64(entry.extraData)}"`;
}

function formatHashes(hashes: readonly Uint8Array[], base64: FormatBase64): string {
  return hashes.map((hash) => `"${base64(hash)}"`).join(",");
}

function hashOf(body: JsonObject, name: string): Uint8Array {
  const hash = body.bytes(name);
  if (hash.length !== 32) throw malformed(`expected 32 bytes in '${name}', got ${hash.length}`);
  return hash;
}

function malformed(message: string): MalformedError {
  return new MalformedError("MALFORMED_JSON", message);
}
