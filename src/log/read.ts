/**
 * Reads of one shard: every answer is cut to a published size that the caller gives, and made
 * from stored hashes and entries alone.
 * @module
 */
import { defined } from "../base/assert.ts";
import { FatalError, RejectedError } from "../base/errors.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { formatHex } from "../encoding/hex.ts";
import { HASH_BYTES, type Sha256 } from "../merkle/hash.ts";
import { planConsistency, planInclusion } from "../merkle/proof.ts";
import { TILE_WIDTH, tileWidth } from "../merkle/tile.ts";
import { encodeExtraData } from "../rfc6962/entry.ts";
import type { JsonEntry } from "../rfc6962/json.ts";
import { hasSameChain, splitTileLeaf } from "../static-ct/tile-leaf.ts";
import type { Into, StoreReader } from "../storage/store.ts";
import { ChainCache } from "./chain-cache.ts";
import { LoggedEntry } from "./logged-entry.ts";
import { TreeHashes } from "./tree-hashes.ts";

/** Entries of one answer at most. */
export const PAGE_ENTRIES_MAX = 1024;

/** Bytes of one answer at most, as JSON; a page ends early, but has one entry. */
const PAGE_JSON_BYTES_MAX = 32_000_000;

/** Reads one shard's store. */
export class Reader {
  readonly #store: StoreReader;
  readonly #sha256: Sha256;
  readonly #hashes: TreeHashes;
  readonly #chains = new ChainCache();

  constructor(store: StoreReader, sha256: Sha256) {
    this.#store = store;
    this.#sha256 = sha256;
    this.#hashes = new TreeHashes(store, sha256);
  }

  /** Consistency proof: RFC 6962, section 2.1.2. @param publishedSize At least `second`. */
  async proveConsistency(
    first: number,
    second: number,
    publishedSize: number,
  ): Promise<readonly Uint8Array[]> {
    requireTreeSize(second, publishedSize);
    return this.#hashes.prove(planConsistency(first, second), publishedSize);
  }

  /** Audit path of a leaf by its hash: RFC 6962, section 4.5. */
  async proveByHash(
    leafHash: Uint8Array,
    treeSize: number,
    publishedSize: number,
  ): Promise<{ readonly leafIndex: number; readonly path: readonly Uint8Array[] }> {
    const leafIndex = await this.#store.findLeaf(leafHash);
    if (leafIndex === undefined || leafIndex >= treeSize || leafIndex >= publishedSize) {
      throw new RejectedError(
        "REJECTED_LEAF_UNKNOWN",
        `No leaf found for hash: ${formatHex(leafHash)} in tree size ${treeSize}`,
      );
    }
    requireTreeSize(treeSize, publishedSize);
    // The index is a hint: the tree says whether it is right.
    const { nodes, counts } = planInclusion(leafIndex, treeSize);
    const leaf = { level: 0, index: leafIndex };
    const plan = { nodes: [leaf, ...nodes], counts: [1, ...counts] };
    const [stored, ...path] = await this.#hashes.prove(plan, publishedSize);
    if (stored === undefined || !equalBytes(stored, leafHash)) {
      const name = formatHex(leafHash);
      throw new FatalError("FATAL_STORE_CORRUPT", `${name} is not the hash of leaf ${leafIndex}`);
    }
    return { leafIndex, path };
  }

  /** One entry and its audit path: RFC 6962, section 4.8. */
  async entryAndProof(
    leafIndex: number,
    treeSize: number,
    publishedSize: number,
  ): Promise<JsonEntry & { readonly path: readonly Uint8Array[] }> {
    requireTreeSize(treeSize, publishedSize);
    const path = await this.#hashes.prove(planInclusion(leafIndex, treeSize), publishedSize);
    const [entry] = await this.readEntries(leafIndex, leafIndex + 1, publishedSize);
    const { leafInput, extraData } = defined(entry, "one entry was asked for");
    return { leafInput, extraData, path };
  }

  /** Entries [start, end) as far as a page goes: RFC 6962, section 4.6. */
  async readEntries(
    start: number,
    end: number,
    publishedSize: number,
    into?: Into,
  ): Promise<readonly LoggedEntry[]> {
    if (start >= publishedSize) {
      throw new RejectedError(
        "REJECTED_RANGE",
        `need tree size: ${start + 1} to get leaves but only got: ${publishedSize}`,
      );
    }
    const last = Math.min(end, publishedSize, start + PAGE_ENTRIES_MAX);
    const run = await this.#store.readEntries(start, last, into);
    const entries: LoggedEntry[] = [];
    let jsonBytes = 0;
    let leafStart = 0;
    let before: LoggedEntry | undefined;
    for (const leafEnd of run.ends) {
      const parts = splitTileLeaf(run.bytes, leafStart, leafEnd);
      leafStart = leafEnd;
      // Mostly the one of the entry before it.
      const chain =
        before !== undefined && hasSameChain(before.parts, parts)
          ? before.chain
          : await this.#findChain(parts.fingerprints);
      const bytes = parts.precertificateEnd - parts.start + chain.length;
      jsonBytes += 52 + Math.ceil(bytes / 3) * 4;
      if (jsonBytes > PAGE_JSON_BYTES_MAX && entries.length > 0) break;
      before = new LoggedEntry(parts, chain);
      entries.push(before);
    }
    return entries;
  }

  /** A hash tile; undefined unless all of it is published. */
  async readTile(
    level: number,
    index: number,
    width: number,
    publishedSize: number,
  ): Promise<Uint8Array | undefined> {
    if (width > tileWidth(level, index, publishedSize)) return undefined;
    return this.#store.readTile(level, index, width);
  }

  /** The entries of a data tile; undefined unless all of it is published. */
  async readDataTile(
    index: number,
    width: number,
    publishedSize: number,
  ): Promise<Uint8Array | undefined> {
    if (width > tileWidth(0, index, publishedSize)) return undefined;
    const start = index * TILE_WIDTH;
    return (await this.#store.readEntries(start, start + width)).bytes;
  }

  /** A full data tile as the gzip that is stored of it; undefined if there is none yet. */
  async readSealedTile(
    index: number,
    publishedSize: number,
    into?: Into,
  ): Promise<Uint8Array | undefined> {
    if ((index + 1) * TILE_WIDTH > publishedSize) return undefined;
    return this.#store.readSealedTile(index, into);
  }

  /** An issuer by SHA-256, which is compared: its name is the best of checksums. */
  async readIssuer(fingerprint: Uint8Array): Promise<Uint8Array | undefined> {
    const issuer = await this.#store.readIssuer(fingerprint);
    if (issuer === undefined || equalBytes(this.#sha256(issuer), fingerprint)) return issuer;
    const name = formatHex(fingerprint);
    throw new FatalError("FATAL_STORE_CORRUPT", `the SHA-256 of issuer ${name} is another`);
  }

  #findChain(fingerprints: Uint8Array): Uint8Array | Promise<Uint8Array> {
    return this.#chains.get(fingerprints) ?? this.#readChain(fingerprints);
  }

  async #readChain(fingerprints: Uint8Array): Promise<Uint8Array> {
    const certificates: Uint8Array[] = [];
    for (let start = 0; start < fingerprints.length; start += HASH_BYTES) {
      const fingerprint = fingerprints.subarray(start, start + HASH_BYTES);
      const certificate = await this.readIssuer(fingerprint);
      if (certificate === undefined) {
        const name = formatHex(fingerprint);
        throw new FatalError("FATAL_STORE_CORRUPT", `issuer ${name} of an entry is not stored`);
      }
      certificates.push(certificate);
    }
    const chain = encodeExtraData(undefined, certificates);
    this.#chains.set(fingerprints, chain);
    return chain;
  }
}

function requireTreeSize(treeSize: number, publishedSize: number): void {
  if (treeSize <= publishedSize) return;
  throw new RejectedError(
    "REJECTED_TREE_SIZE_UNKNOWN",
    `need tree size: ${treeSize} for proof but only got: ${publishedSize}`,
  );
}
