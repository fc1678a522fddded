/**
 * Synthetic entries and the valid commits that append them: real TileLeafs, real hashes.
 * The same seed gives the same bytes.
 * @module
 */
import { hash } from "node:crypto";
import { bytesKey, concatBytes } from "../../src/encoding/bytes.ts";
import {
  appendLeaves,
  EMPTY_FRONTIER,
  type Frontier,
  frontierRoot,
} from "../../src/merkle/frontier.ts";
import { hashLeaf, type Sha256 } from "../../src/merkle/hash.ts";
import {
  encodeMerkleTreeLeaf,
  encodeSignedEntry,
  type SignedEntry,
} from "../../src/rfc6962/entry.ts";
import type { SignedTreeHead, TreeHead } from "../../src/rfc6962/tree-head.ts";
import { encodeLeafIndexExtension } from "../../src/static-ct/extensions.ts";
import { encodeTileLeaf } from "../../src/static-ct/tile-leaf.ts";
import { MemoryDisk, openMemoryStore } from "../../src/storage/memory.ts";
import type {
  Commit,
  DerivedRecords,
  Issuer,
  ShardIdentity,
  Store,
} from "../../src/storage/store.ts";

/** Node's SHA-256, as a plain Uint8Array. */
export const sha256: Sha256 = (bytes) => new Uint8Array(hash("sha256", bytes, "buffer"));

/** The identity of every synthetic shard. */
export const TEST_IDENTITY: ShardIdentity = {
  name: "test2026h1",
  logId: new Uint8Array(32).fill(7),
  origin: "log.example/test2026h1",
  type: "static-ct-api",
  notAfterStartMs: Date.UTC(2026, 0, 1),
  notAfterLimitMs: Date.UTC(2026, 6, 1),
};

/** The timestamp of the first head of a {@link SyntheticLog}. */
export const FIRST_TIMESTAMP_MS: number = Date.UTC(2026, 0, 1);

/** One synthetic entry, as the log records it. */
export interface SyntheticEntry {
  readonly tileLeaf: Uint8Array;
  readonly dedupKey: Uint8Array;
  readonly leafHash: Uint8Array;
  readonly timestampMs: number;
  readonly issuer: Issuer;
}

/** Shape of synthetic entries. */
export interface SyntheticOptions {
  /** Distinguishes logs; 0 unless given. */
  readonly seed?: number;
  /** Bytes of certificate or TBS; varying between 20 and 83 unless given. */
  readonly bodyBytes?: number;
}

/** Entry `index` of the synthetic log of `options`; every third is a precertificate, every 250 have five issuers of
 * their own. */
export function syntheticEntry(
  index: number,
  timestampMs: number,
  options: SyntheticOptions = {},
): SyntheticEntry {
  const seed = options.seed ?? 0;
  const body = randomBytes(`${seed}/${index}`, options.bodyBytes ?? 20 + (index % 64));
  const isPrecert = index % 3 === 1;
  const entry: SignedEntry = isPrecert
    ? { type: "precert", issuerKeyHash: randomBytes(`issuer key ${index % 5}`, 32), tbs: body }
    : { type: "x509", certificate: body };
  const der = randomBytes(`issuer ${index % 5}, ${Math.floor(index / 250)}`, 100);
  const issuer = { fingerprint: sha256(der), der };
  const leaf = {
    timestampMs,
    entry,
    extensions: encodeLeafIndexExtension(index),
    precertificate: isPrecert ? randomBytes(`precertificate ${seed}/${index}`, 30) : undefined,
    chainFingerprints: [issuer.fingerprint],
  };
  return {
    tileLeaf: encodeTileLeaf(leaf),
    dedupKey: sha256(encodeSignedEntry(entry)),
    leafHash: hashLeaf(sha256, encodeMerkleTreeLeaf(leaf)),
    timestampMs,
    issuer,
  };
}

/** A log that grows: remembers everything, so that a store can be compared with it. */
export class SyntheticLog {
  readonly entries: SyntheticEntry[] = [];
  head: TreeHead | undefined;
  #frontier: Frontier = EMPTY_FRONTIER;
  #before: { readonly frontier: Frontier; readonly head: TreeHead | undefined } | undefined;
  readonly #options: SyntheticOptions;

  constructor(options: SyntheticOptions = {}) {
    this.#options = options;
  }

  /** The commit that appends `count` entries; the log goes on as if it had succeeded. */
  next(count: number): Commit {
    return this.nextOf(count, this.#options.seed ?? 0);
  }

  /** As `next`, with entries of another seed. */
  nextOf(count: number, seed: number): Commit {
    const options = { ...this.#options, seed };
    const start = this.entries.length;
    const timestampMs = (this.head?.timestampMs ?? FIRST_TIMESTAMP_MS - 1_000) + 1_000;
    const added: SyntheticEntry[] = [];
    for (let index = start; index < start + count; index += 1) {
      added.push(syntheticEntry(index, timestampMs, options));
    }
    const expected = this.head;
    const { frontier, runs } = appendLeaves(
      sha256,
      this.#frontier,
      added.map((entry) => entry.leafHash),
    );
    const rootHash =
      frontier.size === 0 ? sha256(new Uint8Array(0)) : frontierRoot(sha256, frontier);
    this.#before = { frontier: this.#frontier, head: this.head };
    this.#frontier = frontier;
    this.head = { treeSize: start + count, timestampMs, rootHash };
    this.entries.push(...added);
    const tileLeaves = added.map((entry) => entry.tileLeaf);
    return {
      expected,
      head: this.head,
      entries: tileLeaves,
      entriesSha256: sha256(concatBytes(...tileLeaves)),
      issuers: distinctIssuers(added),
      runs,
      dedupKeys: added.map((entry) => entry.dedupKey),
      timestampsMs: added.map((entry) => entry.timestampMs),
    };
  }

  /** Takes the last `next` back. */
  undo(): void {
    if (this.#before === undefined) throw new Error("nothing to take back");
    this.#frontier = this.#before.frontier;
    this.head = this.#before.head;
    this.entries.length = this.#frontier.size;
    this.#before = undefined;
  }

  /** The derived records of the last `count` entries. */
  derived(count: number): DerivedRecords {
    const start = this.entries.length - count;
    const hashes = this.entries.map((entry) => entry.leafHash);
    const { frontier } = appendLeaves(sha256, EMPTY_FRONTIER, hashes.slice(0, start));
    const last = this.entries.slice(start);
    return {
      runs: appendLeaves(sha256, frontier, hashes.slice(start)).runs,
      dedupKeys: last.map((entry) => entry.dedupKey),
      timestampsMs: last.map((entry) => entry.timestampMs),
    };
  }
}

function distinctIssuers(entries: readonly SyntheticEntry[]): readonly Issuer[] {
  const issuers = entries.map(({ issuer }) => [bytesKey(issuer.fingerprint), issuer] as const);
  return [...new Map(issuers).values()];
}

/** A head with some bytes in the place of its signature. */
export function signedHead(head: TreeHead): SignedTreeHead {
  return { ...head, signature: Uint8Array.of(4, 3, 0, 3, 1, 2, 3) };
}

/** `length` bytes that depend on `label` alone. */
export function randomBytes(label: string, length: number): Uint8Array {
  const out = new Uint8Array(length);
  for (let offset = 0, block = 0; offset < length; offset += 32, block += 1) {
    const bytes = sha256(new TextEncoder().encode(`${label}:${block}`));
    out.set(bytes.subarray(0, Math.min(32, length - offset)), offset);
  }
  return out;
}

/** See {@link commitOnTop}. */
export interface CommittedStore {
  readonly disk: MemoryDisk;
  readonly store: Store;
  /** The signed head. */
  readonly last: TreeHead | undefined;
  /** What came on top. */
  readonly commit: Commit;
}

/** A store that holds `before` entries under a signed head, and `count` more on top. */
export async function commitOnTop(before: number, count: number): Promise<CommittedStore> {
  const disk = new MemoryDisk(TEST_IDENTITY);
  const store = openMemoryStore(disk);
  const log = new SyntheticLog();
  const first = log.next(before);
  await store.commit(first);
  const commit = log.next(count);
  await store.commit(commit);
  return { disk, store, last: first.head, commit };
}
