/**
 * Finds an entry through the public API. A leaf hash is looked up, an SCT of this log names its
 * entry; for the SHA-256 of a certificate no log has an index, so the newest entries are looked
 * through, and how many is said.
 * @module
 */
import { MalformedError } from "../../base/errors.ts";
import { formatBase64 } from "../../encoding/base64.ts";
import { equalBytes } from "../../encoding/bytes.ts";
import { formatHex } from "../../encoding/hex.ts";
import { decodeExtraData, decodeMerkleTreeLeaf } from "../../rfc6962/entry.ts";
import { parseEntriesJson, parseInclusionJson } from "../../rfc6962/json.ts";
import type { Sct } from "../../rfc6962/sct.ts";
import { decodeDigitallySigned } from "../../rfc6962/signature.ts";
import type { TreeHead } from "../../rfc6962/tree-head.ts";
import { describeExtensions } from "../../sct/describe.ts";
import { parseCertificate } from "../../x509/certificate.ts";
import { tbsWithoutSctList } from "../../x509/precert.ts";
import { formatCount, formatTimeMs } from "../view/format.ts";
import type { OpenLog } from "./log.ts";
import type { Search } from "./search.ts";
import { AnswerError, type Step, type World } from "./world.ts";

/** Entries that are looked through for a certificate at a time. */
export const SCANNED_MAX = 2_048;

/** Entries that are asked for at once. */
const PAGE = 256;

/** What was found. */
export interface Found {
  /** Undefined if no entry was. */
  readonly leafIndex: number | undefined;
  /** What was looked at, and how far. */
  readonly text: string;
  /** Of an SCT: what holds of it. */
  readonly steps: readonly Step[];
  /** The first so many entries were not looked through; absent: nothing is left to look through. */
  readonly olderCount?: number;
}

/** What a search needs. */
export interface FindOptions {
  readonly world: World;
  readonly log: OpenLog;
  /** A verified head. */
  readonly head: TreeHead;
  /** Called with how many of the newest entries have been looked through. */
  readonly onProgress: (count: number) => void;
  /** `olderCount` of a search for the same before; absent: from the newest entry on. */
  readonly olderCount?: number;
}

/** Looks for what `search` names. @throws AnswerError; MalformedError for answers that do not decode. */
export async function findEntry(options: FindOptions, search: Search): Promise<Found> {
  const { world, head } = options;
  switch (search.kind) {
    case "index":
      if (search.leafIndex < head.treeSize) return found(search.leafIndex, "");
      return found(
        undefined,
        `The tree has ${formatCount(head.treeSize)} entries, numbered from 0.`,
      );
    case "hash": {
      const leafIndex = await findLeaf(options, search.hash);
      if (leafIndex !== undefined) return found(leafIndex, "It is the leaf hash of this entry.");
      const scanned = await scan(options, search.hash);
      return { ...scanned, text: `No entry has it as its leaf hash. ${scanned.text}` };
    }
    case "scts":
      return findSct(options, search.scts, search.certificate);
    case "certificate":
      return scan(options, world.sha256(search.certificate));
    case "unknown":
      return found(undefined, search.message);
  }
}

function found(leafIndex: number | undefined, text: string): Found {
  return { leafIndex, text, steps: [] };
}

async function findLeaf(
  { world, head }: FindOptions,
  hash: Uint8Array,
): Promise<number | undefined> {
  if (head.treeSize === 0) return undefined;
  const name = encodeURIComponent(formatBase64(hash));
  try {
    const path = `ct/v1/get-proof-by-hash?hash=${name}&tree_size=${head.treeSize}`;
    return parseInclusionJson(await world.api.get(path)).leafIndex;
  } catch (thrown) {
    // As CTFE has it, what is not found is 404; some say 400.
    if (thrown instanceof AnswerError && (thrown.status === 404 || thrown.status === 400)) {
      return undefined;
    }
    throw thrown;
  }
}

/** Looks through entries, newest first, for a certificate or precertificate with this SHA-256. */
async function scan(
  { world, head, onProgress, olderCount = head.treeSize }: FindOptions,
  fingerprint: Uint8Array,
): Promise<Found> {
  const stop = Math.max(0, olderCount - SCANNED_MAX);
  let end = olderCount;
  while (end > stop) {
    const start = Math.max(stop, end - PAGE);
    const entries = await readEntries(world, start, end);
    for (const [offset, entry] of entries.entries()) {
      if (equalBytes(world.sha256(submittedOf(entry)), fingerprint)) {
        return found(start + offset, "It is the SHA-256 of this entry\u2019s certificate.");
      }
    }
    end = start;
    onProgress(head.treeSize - end);
  }
  const seen = formatCount(head.treeSize - end);
  const none = `No certificate or precertificate with SHA-256 ${formatHex(fingerprint)} among`;
  if (end === 0) return found(undefined, `${none} all ${seen} entries.`);
  const hint =
    "A log has no index by certificate: an SCT, or the certificate with its SCTs, finds its entry at once.";
  return { ...found(undefined, `${none} the newest ${seen} entries. ${hint}`), olderCount: end };
}

/** Entries [start, end); a server may give fewer at once. */
async function readEntries(
  world: World,
  start: number,
  end: number,
): Promise<ReturnType<typeof parseEntriesJson>> {
  const entries = [];
  while (start + entries.length < end) {
    const path = `ct/v1/get-entries?start=${start + entries.length}&end=${end - 1}`;
    const page = parseEntriesJson(await world.api.get(path));
    if (page.length === 0) throw new MalformedError("MALFORMED_JSON", "an empty page of entries");
    entries.push(...page);
  }
  return entries;
}

/** What was submitted for an entry: the certificate, or the precertificate. */
function submittedOf(entry: { readonly leafInput: Uint8Array; readonly extraData: Uint8Array }) {
  const { entry: signed } = decodeMerkleTreeLeaf(entry.leafInput);
  if (signed.type === "x509") return signed.certificate;
  const { precertificate } = decodeExtraData("precert", entry.extraData);
  return precertificate ?? new Uint8Array(0);
}

/** The entry that an SCT of this log names, and whether the SCT is over that very entry. */
async function findSct(
  { world, log, head }: FindOptions,
  scts: readonly Sct[],
  certificate: Uint8Array | undefined,
): Promise<Found> {
  const own = scts.find(({ logId }) => equalBytes(logId, log.key.logId));
  if (own === undefined) {
    const ids = scts.map(({ logId }) => formatBase64(logId)).join(", ");
    return found(undefined, `Not an SCT of this log: it names ${ids}.`);
  }
  const { leafIndex, text } = describeExtensions(own.extensions);
  if (leafIndex === undefined)
    return found(undefined, `The SCT does not name its entry. Extensions: ${text}.`);
  if (leafIndex >= head.treeSize) {
    const said = `The SCT of ${formatTimeMs(own.timestampMs)} promises entry ${formatCount(leafIndex)}, and the tree ends before it: a promise that is not kept, or a head that is old.`;
    return { leafIndex: undefined, text: said, steps: [{ name: "SCT", state: "bad", text: said }] };
  }
  const [entry] = await readEntries(world, leafIndex, leafIndex + 1);
  if (entry === undefined) throw new MalformedError("MALFORMED_JSON", "no entry");
  const steps = [stepOfSct(log, own, entry.leafInput)];
  if (certificate !== undefined) steps.push(stepOfCertificate(certificate, entry));
  return { leafIndex, text: "The SCT names this entry.", steps };
}

/** An SCT signs the bytes of its leaf: RFC 6962, section 3.2. */
function stepOfSct(log: OpenLog, sct: Sct, leafInput: Uint8Array): Step {
  const name = "SCT";
  const leaf = decodeMerkleTreeLeaf(leafInput);
  const isSame =
    leaf.timestampMs === sct.timestampMs && equalBytes(leaf.extensions, sct.extensions);
  if (!isSame) {
    return {
      name,
      state: "bad",
      text: "The entry at this index has another timestamp or other extensions.",
    };
  }
  return isSignature(log, sct, leafInput)
    ? { name, state: "ok", text: "Signed by the log\u2019s key over this very leaf." }
    : {
        name,
        state: "bad",
        text: "Its signature is not the log\u2019s over the entry at this index.",
      };
}

function isSignature(log: OpenLog, sct: Sct, leafInput: Uint8Array): boolean {
  try {
    return log.key.isSignature(leafInput, decodeDigitallySigned(sct.signature));
  } catch (thrown) {
    if (thrown instanceof MalformedError) return false;
    throw thrown;
  }
}

function stepOfCertificate(
  der: Uint8Array,
  { leafInput }: { readonly leafInput: Uint8Array },
): Step {
  const name = "Certificate";
  const { entry } = decodeMerkleTreeLeaf(leafInput);
  const isLogged =
    entry.type === "x509"
      ? equalBytes(entry.certificate, der)
      : equalBytes(entry.tbs, tbsWithoutSctList(parseCertificate(der)));
  return isLogged
    ? { name, state: "ok", text: "Without its SCTs it is what was logged, byte for byte." }
    : { name, state: "bad", text: "The entry is of another certificate." };
}
