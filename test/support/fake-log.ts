/**
 * A `Log` for tests of delivery: a tree in memory by the definitions of RFC 6962, section 2.1,
 * written down naively, that publishes each submission at once. Signatures are made up. Each
 * way of failing is a field that a test sets.
 * @module
 */
import { RejectedError, type UnavailableError } from "../../src/base/errors.ts";
import type { ShardDates } from "../../src/base/shard-life.ts";
import { bytesKey, concatBytes } from "../../src/encoding/bytes.ts";
import { formatHex } from "../../src/encoding/hex.ts";
import type { Log, LogStatus, SubmitEndpoint } from "../../src/log/log.ts";
import { LoggedEntry } from "../../src/log/logged-entry.ts";
import type { Verdict } from "../../src/log/validate.ts";
import { encodeExtraData, encodeMerkleTreeLeaf } from "../../src/rfc6962/entry.ts";
import type { JsonEntry } from "../../src/rfc6962/json.ts";
import type { Sct } from "../../src/rfc6962/sct.ts";
import type { SignedTreeHead } from "../../src/rfc6962/tree-head.ts";
import { encodeLeafIndexExtension } from "../../src/static-ct/extensions.ts";
import { encodeTileLeaf, splitTileLeaf } from "../../src/static-ct/tile-leaf.ts";
import type { Into, ShardIdentity } from "../../src/storage/store.ts";
import type { RootSet } from "../../src/x509/roots.ts";
import { sha256 } from "./sha256.ts";

const START_MS = Date.UTC(2026, 10, 1);
const PUBLIC_KEY = Uint8Array.of(0x30, 1, 2, 3);

/** The fake. */
export class FakeLog implements Log {
  readonly identity: ShardIdentity;
  readonly publicKey: Uint8Array = PUBLIC_KEY;
  /** Of its life. */
  dates: ShardDates = { closesAtMs: Date.UTC(2027, 0, 8) };
  /** What get-roots answers. */
  acceptedRoots: readonly Uint8Array[] = [Uint8Array.of(0x30, 0), Uint8Array.of(0x30, 1, 0)];
  /** What `refusalOf` says. */
  closedWith: RejectedError | UnavailableError | undefined;
  /** Thrown by `head` and `checkpoint`. */
  headlessWith: Error | undefined;
  /** Thrown by every read of the store. */
  storeFailsWith: Error | undefined;
  /** Runs before each submission is taken; may throw or wait. */
  beforeSubmit: (endpoint: SubmitEndpoint, chain: readonly Uint8Array[]) => Promise<void> | void =
    () => undefined;
  /** What `status` says. */
  condition: LogStatus = {
    state: "open",
    phase: "open",
    isReady: true,
    reason: "",
    headAgeMs: 0,
    poolEntryCount: 0,
    poolBytes: 0,
  };
  readonly entries: LoggedEntry[] = [];
  /** Who watches for heads. */
  readonly watchers: Set<() => void> = new Set();
  readonly #tileLeafs: Uint8Array[] = [];
  readonly #leafHashes: Uint8Array[] = [];
  readonly #issuers = new Map<string, Uint8Array>();
  #head: SignedTreeHead = this.#makeHead();

  constructor(name: string) {
    const logId = sha256(PUBLIC_KEY);
    const notAfterStartMs = Date.UTC(2026, 0, 1);
    const notAfterLimitMs = Date.UTC(2027, 0, 1);
    const type = "static-ct-api";
    const origin = `ct.example.org/${name}`;
    this.identity = { name, logId, origin, type, notAfterStartMs, notAfterLimitMs };
  }

  /** Logs `count` made-up chains of a leaf and an issuer. */
  fill(count: number): void {
    for (let index = 0; index < count; index += 1) {
      const text = `leaf ${this.entries.length}`;
      this.#append([new TextEncoder().encode(text), Uint8Array.of(0x30, 7)]);
    }
    this.#head = this.#makeHead();
    this.changed();
  }

  /** Leaf hash of an entry. */
  leafHash(index: number): Uint8Array {
    return this.#leafHashes[index] ?? sha256(Uint8Array.of());
  }

  /** Merkle tree hash of the first `size` leaves. */
  root(size: number): Uint8Array {
    return treeHash(this.#leafHashes.slice(0, size));
  }

  roots(): readonly Uint8Array[] {
    return this.acceptedRoots;
  }

  replaceRoots(roots: RootSet): void {
    this.acceptedRoots = roots.ders;
  }

  refusalOf(): RejectedError | UnavailableError | undefined {
    return this.closedWith;
  }

  recall(): { readonly bodyKey: string; readonly sct: Sct | undefined } {
    return { bodyKey: "", sct: undefined };
  }

  async submit(endpoint: SubmitEndpoint, chain: readonly Uint8Array[]): Promise<Sct> {
    await this.beforeSubmit(endpoint, chain);
    const sct = this.#append(chain);
    this.#head = this.#makeHead();
    return sct;
  }

  /** What `validate` says. */
  verdict: Verdict = {
    endpoint: "add-chain",
    takenBy: undefined,
    refusal: new RejectedError("REJECTED_ISSUER_UNKNOWN", "nobody"),
    accepted: undefined,
  };

  async validate(
    endpoint: SubmitEndpoint | undefined,
    chain: readonly Uint8Array[],
  ): Promise<Verdict> {
    await this.beforeSubmit(endpoint ?? "add-chain", chain);
    return this.verdict;
  }

  head(): SignedTreeHead {
    if (this.headlessWith !== undefined) throw this.headlessWith;
    return this.#head;
  }

  /** Publishes another head of the same tree. */
  refresh(): void {
    this.#head = { ...this.#head, timestampMs: this.#head.timestampMs + 1 };
    this.changed();
  }

  /** Tells everyone who watches. */
  changed(): void {
    for (const run of [...this.watchers]) run();
  }

  watch(changed: () => void): () => void {
    this.watchers.add(changed);
    return () => this.watchers.delete(changed);
  }

  checkpoint(): string {
    const { treeSize, timestampMs, rootHash } = this.head();
    const root = Buffer.from(rootHash).toString("base64");
    const { origin } = this.identity;
    return `${origin}\n${treeSize}\n${root}\n\n— ${origin} ${Buffer.from(`${timestampMs}`).toString("base64")}\n`;
  }

  publishedSize(): number {
    return this.entries.length;
  }

  async proveConsistency(first: number, second: number): Promise<readonly Uint8Array[]> {
    this.#requireSize(second);
    if (first === 0 || first === second) return [];
    return subproof(first, this.#leafHashes.slice(0, second), true);
  }

  async proveByHash(
    leafHash: Uint8Array,
    treeSize: number,
  ): Promise<{ leafIndex: number; path: readonly Uint8Array[] }> {
    this.#requireSize(treeSize);
    const wanted = formatHex(leafHash);
    const leafIndex = this.#leafHashes.findIndex((hash) => formatHex(hash) === wanted);
    if (leafIndex === -1 || leafIndex >= treeSize) {
      throw new RejectedError("REJECTED_LEAF_UNKNOWN", "no such leaf");
    }
    return { leafIndex, path: auditPath(leafIndex, this.#leafHashes.slice(0, treeSize)) };
  }

  async readEntries(start: number, end: number): Promise<readonly LoggedEntry[]> {
    this.#requireStore();
    if (start >= this.entries.length) throw new RejectedError("REJECTED_RANGE", "beyond the tree");
    if (end > this.entries.length || end - start > 1024) throw new RangeError(`${start}, ${end}`);
    return this.entries.slice(start, end);
  }

  async entryAndProof(
    leafIndex: number,
    treeSize: number,
  ): Promise<JsonEntry & { path: readonly Uint8Array[] }> {
    this.#requireSize(treeSize);
    const entry = this.entries[leafIndex];
    if (entry === undefined) throw new RangeError(`no entry ${leafIndex}`);
    const { leafInput, extraData } = entry;
    const path = auditPath(leafIndex, this.#leafHashes.slice(0, treeSize));
    return { leafInput, extraData, path };
  }

  async readTile(level: number, index: number, width: number): Promise<Uint8Array | undefined> {
    this.#requireStore();
    const span = 256 ** level;
    const start = index * 256 * span;
    if (start + width * span > this.entries.length) return undefined;
    const hashes = Array.from({ length: width }, (_, position) =>
      treeHash(this.#leafHashes.slice(start + position * span, start + (position + 1) * span)),
    );
    return concatBytes(...hashes);
  }

  async readSealedTile(_index: number, _into?: Into): Promise<Uint8Array | undefined> {
    this.#requireStore();
    return undefined;
  }

  async readDataTile(index: number, width: number): Promise<Uint8Array | undefined> {
    this.#requireStore();
    const start = 256 * index;
    if (start + width > this.entries.length) return undefined;
    return concatBytes(...this.#tileLeafs.slice(start, start + width));
  }

  async readIssuer(fingerprint: Uint8Array): Promise<Uint8Array | undefined> {
    this.#requireStore();
    return this.#issuers.get(bytesKey(fingerprint));
  }

  status(): LogStatus {
    return this.condition;
  }

  #append(chain: readonly Uint8Array[]): Sct {
    const [certificate = Uint8Array.of(0), ...issuers] = chain;
    const index = this.entries.length;
    const timestampMs = START_MS + index;
    const extensions = encodeLeafIndexExtension(index);
    const entry = { type: "x509", certificate } as const;
    const leafInput = encodeMerkleTreeLeaf({ timestampMs, entry, extensions });
    const extraData = encodeExtraData(undefined, issuers);
    const chainFingerprints = issuers.map(sha256);
    for (const issuer of issuers) this.#issuers.set(bytesKey(sha256(issuer)), issuer);
    const leaf = { timestampMs, entry, extensions, precertificate: undefined, chainFingerprints };
    const tileLeaf = encodeTileLeaf(leaf);
    this.#tileLeafs.push(tileLeaf);
    this.entries.push(new LoggedEntry(splitTileLeaf(tileLeaf), extraData));
    this.#leafHashes.push(sha256(concatBytes(Uint8Array.of(0), leafInput)));
    const signature = Uint8Array.of(4, 3, 0, 2, 0xaa, 0xbb);
    return { logId: sha256(PUBLIC_KEY), timestampMs, extensions, signature };
  }

  #makeHead(): SignedTreeHead {
    const treeSize = this.entries.length;
    const signature = Uint8Array.of(4, 3, 0, 1, 0xcc);
    return { treeSize, timestampMs: START_MS + treeSize, rootHash: this.root(treeSize), signature };
  }

  #requireStore(): void {
    if (this.storeFailsWith !== undefined) throw this.storeFailsWith;
  }

  #requireSize(treeSize: number): void {
    this.#requireStore();
    if (treeSize > this.entries.length) {
      throw new RejectedError("REJECTED_TREE_SIZE_UNKNOWN", "beyond the tree");
    }
  }
}

type Hashes = readonly Uint8Array[];

/** MTH of RFC 6962, section 2.1, over leaf hashes. */
function treeHash(leaves: Hashes): Uint8Array {
  const [only] = leaves;
  if (only === undefined) return sha256(new Uint8Array(0));
  if (leaves.length === 1) return only;
  const k = split(leaves.length);
  return parent(treeHash(leaves.slice(0, k)), treeHash(leaves.slice(k)));
}

/** PATH of section 2.1.1. */
function auditPath(index: number, leaves: Hashes): readonly Uint8Array[] {
  if (leaves.length <= 1) return [];
  const k = split(leaves.length);
  return index < k
    ? [...auditPath(index, leaves.slice(0, k)), treeHash(leaves.slice(k))]
    : [...auditPath(index - k, leaves.slice(k)), treeHash(leaves.slice(0, k))];
}

/** SUBPROOF of section 2.1.2. */
function subproof(size: number, leaves: Hashes, isWhole: boolean): readonly Uint8Array[] {
  if (size === leaves.length) return isWhole ? [] : [treeHash(leaves)];
  const k = split(leaves.length);
  return size <= k
    ? [...subproof(size, leaves.slice(0, k), isWhole), treeHash(leaves.slice(k))]
    : [...subproof(size - k, leaves.slice(k), false), treeHash(leaves.slice(0, k))];
}

function split(count: number): number {
  let k = 1;
  while (2 * k < count) k *= 2;
  return k;
}

function parent(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(concatBytes(Uint8Array.of(1), left, right));
}
