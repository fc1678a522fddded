/**
 * The audit of some consecutive entries: what they say of themselves, and everything that a
 * log derives from them.
 * @module
 */
import { defined } from "../base/assert.ts";
import { FatalError, MalformedError, messageOf } from "../base/errors.ts";
import type { AuditSource } from "../client/source.ts";
import { bytesKey, equalBytes } from "../encoding/bytes.ts";
import { formatHex } from "../encoding/hex.ts";
import { appendLeaves, type Frontier, type NodeRun } from "../merkle/frontier.ts";
import type { Sha256 } from "../merkle/hash.ts";
import { TILE_HEIGHT, TILE_WIDTH } from "../merkle/tile.ts";
import { encodeSignedEntry, hashMerkleTreeLeaf } from "../rfc6962/entry.ts";
import { decodeLeafIndexExtension } from "../static-ct/extensions.ts";
import type { TileLeaf } from "../static-ct/tile-leaf.ts";
import { verifyLoggedTbs } from "../x509/logged-tbs.ts";
import { entriesAt, type Finding, finding, isOnEdge } from "./finding.ts";

/** Issuers remembered as right; beyond that they are simply looked at again. */
const KNOWN_ISSUERS_MAX = 50_000;

/** What an audit of entries works with. */
export interface ChunkContext {
  readonly sha256: Sha256;
  readonly source: AuditSource;
  /** Size and timestamp that entries and edge are held against. */
  readonly head: { readonly treeSize: number; readonly timestampMs: number };
  /** Issuers that were found right, by fingerprint; added to. */
  readonly knownIssuers: Set<string>;
  /** Whether each entry must name its place (static-ct-api's `leaf_index`), or only may. */
  readonly requiresLeafIndex: boolean;
}

/** What an audit of entries came to. */
export interface ChunkReport {
  readonly findings: readonly Finding[];
  /** The tree behind the chunk; undefined if neither entries nor stored hashes tell it. */
  readonly frontier: Frontier | undefined;
}

/** Something read, or why it could not be. */
type Read<T> = { readonly value: T } | { readonly damage: string };

/**
 * Audits entries [start, end).
 *
 * @param frontier The tree of the first `start` leaves; undefined if it is not known.
 * @throws whatever the source throws that is no damage: it does not answer now.
 */
export async function auditChunk(
  context: ChunkContext,
  frontier: Frontier | undefined,
  start: number,
  end: number,
): Promise<ChunkReport> {
  const { sha256, source } = context;
  const findings: Finding[] = [];
  const entries = await readEach((first, last) => source.entries(first, last), start, end);
  findings.push(...damageOf("entry", entries, start));
  findings.push(...(await auditSealedTiles(context, start, end)));
  const own: (Uint8Array | undefined)[] = [];
  for (const [position, entry] of entries.entries()) {
    const leaf = "value" in entry ? entry.value : undefined;
    if (leaf !== undefined) findings.push(...(await auditEntry(context, leaf, start + position)));
    own.push(leaf === undefined ? undefined : hashMerkleTreeLeaf(sha256, leaf));
  }
  findings.push(...(await auditIndexes(context, entries, own, start)));
  const stored = await readStored(context, 0, start, end);
  if (stored !== undefined) findings.push(...damageOf("level-0", stored, start));
  const hashes = own.map((hash, position) => hash ?? readValue(stored?.[position]));
  const differing = own.flatMap((hash, position) => {
    const other = readValue(stored?.[position]);
    return hash === undefined || other === undefined || equalBytes(hash, other) ? [] : [position];
  });
  const derived = await follow(context, frontier, hashes, end);
  if (differing.length === 0) {
    return { findings: [...findings, ...derived.findings], frontier: derived.frontier };
  }
  // Which of the two is wrong? The one that the levels above do not follow from.
  const tiles = own.map((hash, position) => readValue(stored?.[position]) ?? hash);
  const other = await follow(context, frontier, tiles, end);
  const isEntryWrong = other.findings.length < derived.findings.length;
  const blamed = differing.map((position) =>
    finding(
      isEntryWrong ? "entry" : "level-0",
      entriesAt(start + position, start + position + 1),
      "the leaf hash of its bytes is not the stored one",
    ),
  );
  const best = isEntryWrong ? other : derived;
  return { findings: [...findings, ...blamed, ...best.findings], frontier: best.frontier };
}

/** Looks at what is stored of the tiles that end in [start, end) besides their entries. */
async function auditSealedTiles(
  { source }: ChunkContext,
  start: number,
  end: number,
): Promise<readonly Finding[]> {
  const { sealedTile } = source;
  if (sealedTile === undefined) return [];
  const findings: Finding[] = [];
  for (let tile = Math.floor(start / TILE_WIDTH); (tile + 1) * TILE_WIDTH <= end; tile += 1) {
    const [read] = await readEach(async () => [await sealedTile(tile)], 0, 1);
    if (read === undefined || !("damage" in read)) continue;
    const where = entriesAt(tile * TILE_WIDTH, (tile + 1) * TILE_WIDTH);
    findings.push(finding("sealed-tile", where, read.damage));
  }
  return findings;
}

/** Checks what one entry says of itself, and that its issuers are there. */
async function auditEntry(
  context: ChunkContext,
  leaf: TileLeaf,
  index: number,
): Promise<readonly Finding[]> {
  const { source, head, requiresLeafIndex } = context;
  const where = entriesAt(index, index + 1);
  const findings: Finding[] = [];
  if (leaf.timestampMs > head.timestampMs) {
    const message = `its timestamp ${leaf.timestampMs} is after its head's, ${head.timestampMs}`;
    findings.push(finding("entry-place", where, message));
  }
  const isPlaced = requiresLeafIndex || leaf.extensions.length > 0;
  const place = isPlaced ? placeOf(leaf) : index;
  if (place !== index) findings.push(finding("entry-place", where, `it names ${place}`));
  if (leaf.entry.type === "precert") {
    const { precertificate = new Uint8Array(0), entry, chainFingerprints } = leaf;
    const [signer] = chainFingerprints;
    try {
      await verifyLoggedTbs({ precertificate, tbs: entry.tbs }, async () =>
        signer === undefined ? undefined : source.issuer(signer),
      );
    } catch (error) {
      if (isNoAnswer(error)) throw error;
      findings.push(finding("entry-tbs", where, messageOf(error)));
    }
  }
  for (const fingerprint of leaf.chainFingerprints) {
    const found = await auditIssuer(context, fingerprint, where);
    if (found !== undefined) findings.push(found);
  }
  return findings;
}

function placeOf(leaf: TileLeaf): number | string {
  try {
    return decodeLeafIndexExtension(leaf.extensions);
  } catch (error) {
    return `no place: ${messageOf(error)}`;
  }
}

/** Each issuer is looked at once; a wrong one is told once as well. */
async function auditIssuer(
  { sha256, source, knownIssuers }: ChunkContext,
  fingerprint: Uint8Array,
  where: string,
): Promise<Finding | undefined> {
  const key = bytesKey(fingerprint);
  if (knownIssuers.has(key)) return undefined;
  const name = `issuer ${formatHex(fingerprint)}`;
  let message: string | undefined;
  try {
    const der = await source.issuer(fingerprint);
    if (der === undefined) message = `${where} names it, and it is not there`;
    else if (!equalBytes(sha256(der), fingerprint)) message = "its SHA-256 is not its name";
  } catch (error) {
    if (!isDamage(error)) throw error;
    message = messageOf(error);
  }
  if (knownIssuers.size >= KNOWN_ISSUERS_MAX) knownIssuers.clear();
  knownIssuers.add(key);
  return message === undefined ? undefined : finding("issuer", name, message);
}

/** Checks that the indexes name each entry, and nothing else for its keys. */
async function auditIndexes(
  { sha256, source }: ChunkContext,
  entries: readonly Read<TileLeaf>[],
  leafHashes: readonly (Uint8Array | undefined)[],
  start: number,
): Promise<readonly Finding[]> {
  const { indexes } = source;
  if (indexes === undefined) return [];
  const findings: Finding[] = [];
  const keyOf = (position: number): Uint8Array | undefined => {
    const leaf = readValue(entries[position]);
    return leaf === undefined ? undefined : sha256(encodeSignedEntry(leaf.entry));
  };
  // One look-up serves all; where one is damaged, each by itself.
  const whole = entries.flatMap((_, position) => {
    const key = keyOf(position);
    return key === undefined ? [] : [{ position, key }];
  });
  const hits = await readEach(
    (first, last) => indexes.findDuplicates(whole.slice(first, last).map(({ key }) => key)),
    0,
    whole.length,
  );
  for (const [nth, { position }] of whole.entries()) {
    const where = entriesAt(start + position, start + position + 1);
    const leaf = defined(readValue(entries[position]), "it has a key");
    const hit = defined(hits[nth], "one answer a key");
    const message = "damage" in hit ? hit.damage : wrongHit(hit.value, start + position, leaf);
    if (message !== undefined) findings.push(finding("dedup", where, message));
    const leafHash = defined(leafHashes[position], "it has bytes");
    const [index] = await readEach(async () => [await indexes.findLeaf(leafHash)], 0, 1);
    const found = defined(index, "one answer a hash");
    if ("damage" in found) findings.push(finding("leaf-index", where, found.damage));
    else if (found.value !== start + position) {
      findings.push(finding("leaf-index", where, `expected its index, got ${found.value}`));
    }
  }
  return findings;
}

function wrongHit(
  hit: { readonly leafIndex: number; readonly timestampMs: number } | undefined,
  index: number,
  leaf: TileLeaf,
): string | undefined {
  if (hit === undefined) return "its dedup key is not there: it could be logged twice";
  if (hit.leafIndex === index && hit.timestampMs === leaf.timestampMs) return undefined;
  return `its dedup key names entry ${hit.leafIndex} of ${hit.timestampMs}`;
}

/** Appends leaf hashes and holds every stored hash that follows from them against it. */
async function follow(
  context: ChunkContext,
  frontier: Frontier | undefined,
  hashes: readonly (Uint8Array | undefined)[],
  end: number,
): Promise<ChunkReport> {
  const whole = hashes.filter((hash) => hash !== undefined);
  if (frontier === undefined || whole.length < hashes.length) {
    const edge = await readEach(async () => [await context.source.frontier(end)], 0, 1);
    const known = readValue(edge[0]);
    return { findings: [], frontier: known && { size: end, hashes: known } };
  }
  const appended = appendLeaves(context.sha256, frontier, whole);
  const findings: Finding[] = [];
  for (const run of appended.runs.slice(1)) findings.push(...(await auditRun(context, run)));
  return { findings, frontier: appended.frontier };
}

async function auditRun(context: ChunkContext, run: NodeRun): Promise<readonly Finding[]> {
  const { level, start, hashes } = run;
  const stored = await readStored(context, level, start, start + hashes.length);
  if (stored === undefined) return [];
  const kind = level % TILE_HEIGHT === 0 ? "tile" : "inner-hash";
  return hashes.flatMap((hash, position) => {
    const node = { level, index: start + position };
    const read = defined(stored[position], "one answer a hash");
    if ("value" in read && equalBytes(read.value, hash)) return [];
    const message = "damage" in read ? read.damage : "it does not follow from the entries";
    const where = `hash (${level}, ${node.index})`;
    return [finding(kind, where, message, isOnEdge(node, context.head.treeSize))];
  });
}

/** Stored hashes of a level; undefined if the source has none of it. */
async function readStored(
  { source }: ChunkContext,
  level: number,
  start: number,
  end: number,
): Promise<readonly Read<Uint8Array>[] | undefined> {
  const { nodeLevelStep } = source;
  if (nodeLevelStep === undefined || level % nodeLevelStep !== 0) return undefined;
  return readEach((first, last) => source.nodes(level, first, last), start, end);
}

/** Reads a range; where that is damaged, its halves, down to what is damaged by itself. */
async function readEach<T>(
  read: (start: number, end: number) => Promise<readonly T[]>,
  start: number,
  end: number,
): Promise<readonly Read<T>[]> {
  if (start === end) return [];
  try {
    const values = await read(start, end);
    if (values.length !== end - start) {
      const message = `expected ${end - start} of [${start}, ${end}), got ${values.length}`;
      throw new MalformedError("MALFORMED_TLS", message);
    }
    return values.map((value) => ({ value }));
  } catch (error) {
    if (!isDamage(error)) throw error;
    if (end - start === 1) return [{ damage: messageOf(error) }];
    const middle = start + Math.ceil((end - start) / 2);
    const left = await readEach(read, start, middle);
    return [...left, ...(await readEach(read, middle, end))];
  }
}

/** One finding for each stretch that is damaged for one reason. */
function damageOf(
  kind: "entry" | "level-0",
  reads: readonly Read<unknown>[],
  start: number,
): readonly Finding[] {
  const findings: Finding[] = [];
  let first = 0;
  while (first < reads.length) {
    const read = defined(reads[first], "the position is in range");
    let last = first + 1;
    if ("damage" in read) {
      const isSame = (other: Read<unknown> | undefined): boolean =>
        other !== undefined && "damage" in other && other.damage === read.damage;
      while (isSame(reads[last])) last += 1;
      findings.push(finding(kind, entriesAt(start + first, start + last), read.damage));
    }
    first = last;
  }
  return findings;
}

function readValue<T>(read: Read<T> | undefined): T | undefined {
  return read !== undefined && "value" in read ? read.value : undefined;
}

/** Whether what was read is wrong, rather than not to be had now. */
export function isDamage(error: unknown): boolean {
  if (error instanceof MalformedError) return true;
  return error instanceof FatalError && error.code === "FATAL_STORE_CORRUPT";
}

/** A plain Error is `verifyLoggedTbs` saying what differs. */
function isNoAnswer(error: unknown): boolean {
  return !isDamage(error) && (!(error instanceof Error) || error.constructor !== Error);
}
