/**
 * A log over HTTP through c2sp.org/static-ct-api: checkpoint, hash tiles, data tiles and
 * issuers. Proofs and RFC 6962 entries are computed here from those.
 * @module
 */
import { defined } from "../base/assert.ts";
import { MalformedError } from "../base/errors.ts";
import { type Checkpoint, parseCheckpoint } from "../checkpoint/checkpoint.ts";
import { bytesKey, equalBytes } from "../encoding/bytes.ts";
import { formatHex } from "../encoding/hex.ts";
import { decodeUtf8 } from "../encoding/utf8.ts";
import { HASH_BYTES, type Sha256 } from "../merkle/hash.ts";
import { TILE_WIDTH } from "../merkle/tile.ts";
import { encodeExtraData, encodeMerkleTreeLeaf } from "../rfc6962/entry.ts";
import type { JsonEntry } from "../rfc6962/json.ts";
import { decodeDigitallySigned } from "../rfc6962/signature.ts";
import type { SignedTreeHead } from "../rfc6962/tree-head.ts";
import { decodeDataTile, type TileLeaf } from "../static-ct/tile-leaf.ts";
import { formatTilePath, type TilePath } from "../static-ct/tile-path.ts";
import type { HttpSourceOptions } from "./rfc6962.ts";
import type { EntryAndProof, StaticCtReader } from "./source.ts";
import {
  proveConsistencyFromTiles,
  proveInclusionFromTiles,
  rootFromTiles,
  type TiledTree,
} from "./tile-proof.ts";
import {
  type FetchBytes,
  fetchBytes,
  normalizePrefix,
  type OnExchange,
  parseAnswer,
  SourceError,
  TIMEOUT_MS,
} from "./transport.ts";

/** Largest answers that are taken, in bytes after decompression. */
const CHECKPOINT_BYTES_MAX = 65_536;
const DATA_TILE_BYTES_MAX = 256 * 2 ** 20;
const ISSUER_BYTES_MAX = 2 ** 20;

/** Issuers that are remembered; a log has some thousands. */
const ISSUERS_MAX = 4_096;

/** Where a static log is, and who it must be. */
export interface StaticSourceOptions extends HttpSourceOptions {
  /** Origin line of its checkpoints: the submission prefix without scheme and trailing slash. */
  readonly origin: string;
  /** SHA-256 of its SubjectPublicKeyInfo; 32 bytes. */
  readonly logId: Uint8Array;
  readonly sha256: Sha256;
  /** Fetches in the place of HTTP, for `url` as it is; see `folder-fetch.ts`. */
  readonly fetch?: FetchBytes | undefined;
}

/** Reads a static log. Remembers the issuers that it met, at most 4,096. */
export class HttpStaticSource implements StaticCtReader {
  readonly api = "static-ct-api";
  readonly #prefix: string;
  readonly #exchange: { readonly timeoutMs: number; readonly onExchange: OnExchange | undefined };
  readonly #log: { readonly origin: string; readonly logId: Uint8Array };
  readonly #sha256: Sha256;
  readonly #fetch: FetchBytes;
  /** Written by `issuer`: certificates whose hash was compared, by fingerprint. */
  readonly #issuers = new Map<string, Uint8Array>();

  /** @throws TypeError if the URL is none. */
  constructor(options: StaticSourceOptions) {
    this.#prefix = options.fetch === undefined ? normalizePrefix(options.url) : options.url;
    this.#fetch = options.fetch ?? fetchBytes;
    const { timeoutMs = TIMEOUT_MS, onExchange } = options;
    this.#exchange = { timeoutMs, onExchange };
    this.#log = { origin: options.origin, logId: options.logId };
    this.#sha256 = options.sha256;
  }

  async checkpoint(): Promise<Checkpoint> {
    const url = `${this.#prefix}/checkpoint`;
    const bytes = await this.#fetch({ url, bytesMax: CHECKPOINT_BYTES_MAX, ...this.#exchange });
    return parseAnswer(url, () => {
      const text = decodeUtf8(bytes);
      const checkpoint = parseCheckpoint(this.#sha256, text, this.#log);
      decodeDigitallySigned(checkpoint.signature);
      return checkpoint;
    });
  }

  async head(): Promise<SignedTreeHead> {
    const { treeSize, timestampMs, rootHash, signature } = await this.checkpoint();
    return { treeSize, timestampMs, rootHash, signature };
  }

  async consistency(firstSize: number, secondSize: number): Promise<readonly Uint8Array[]> {
    return await proveConsistencyFromTiles(this.#tree(secondSize), firstSize);
  }

  async rootFromTiles(treeSize: number): Promise<Uint8Array> {
    return await rootFromTiles(this.#tree(treeSize));
  }

  /** Entries of one data tile at most. */
  async entries(start: number, end: number): Promise<readonly JsonEntry[]> {
    if (!(start < end)) throw new RangeError(`expected entries, got [${start}, ${end})`);
    const index = Math.floor(start / TILE_WIDTH);
    const first = index * TILE_WIDTH;
    const width = Math.min(TILE_WIDTH, end - first);
    const leaves = await this.#leaves(index, width);
    return await Promise.all(
      leaves.slice(start - first, width).map((leaf) => this.#jsonEntry(leaf)),
    );
  }

  async entryAndProof(leafIndex: number, treeSize: number): Promise<EntryAndProof> {
    const path = await proveInclusionFromTiles(this.#tree(treeSize), leafIndex);
    const index = Math.floor(leafIndex / TILE_WIDTH);
    const width = Math.min(TILE_WIDTH, treeSize - index * TILE_WIDTH);
    const leaves = await this.#leaves(index, width);
    const leaf = defined(leaves[leafIndex - index * TILE_WIDTH], "the tile has its width");
    return { ...(await this.#jsonEntry(leaf)), path };
  }

  async tile(level: number, index: number, width: number): Promise<Uint8Array> {
    const { url, bytes } = await this.#tileBytes({ level, index, width }, HASH_BYTES * TILE_WIDTH);
    const isFull = bytes.length === HASH_BYTES * TILE_WIDTH;
    if (bytes.length !== HASH_BYTES * width && !isFull) {
      const want = HASH_BYTES * width;
      throw new SourceError(url, `expected a tile of ${want} bytes, got ${bytes.length}`);
    }
    return bytes.subarray(0, HASH_BYTES * width);
  }

  async dataTile(index: number, width: number): Promise<Uint8Array> {
    const path: TilePath = { level: "data", index, width };
    return (await this.#tileBytes(path, DATA_TILE_BYTES_MAX)).bytes;
  }

  async issuer(fingerprint: Uint8Array): Promise<Uint8Array> {
    const key = bytesKey(fingerprint);
    const known = this.#issuers.get(key);
    if (known !== undefined) return known;
    const url = `${this.#prefix}/issuer/${formatHex(fingerprint)}`;
    const der = await this.#fetch({ url, bytesMax: ISSUER_BYTES_MAX, ...this.#exchange });
    if (!equalBytes(this.#sha256(der), fingerprint)) {
      throw new SourceError(url, "the certificate's SHA-256 is not its name");
    }
    if (this.#issuers.size < ISSUERS_MAX) this.#issuers.set(key, der);
    return der;
  }

  #tree(treeSize: number): TiledTree {
    return {
      sha256: this.#sha256,
      readTile: (level, index, width) => this.tile(level, index, width),
      treeSize,
    };
  }

  /** Exactly `width` leaves of a data tile. */
  async #leaves(index: number, width: number): Promise<readonly TileLeaf[]> {
    const bytes = await this.dataTile(index, width);
    const url = `${this.#prefix}/${formatTilePath({ level: "data", index, width })}`;
    return parseAnswer(url, () => {
      const leaves = decodeDataTile(bytes);
      if (leaves.length !== width && leaves.length !== TILE_WIDTH) {
        throw new MalformedError("MALFORMED_TLS", `expected ${width} leaves, got ${leaves.length}`);
      }
      return leaves.slice(0, width);
    });
  }

  /** A tile; where a partial one is gone, the full one that replaced it. */
  async #tileBytes(
    path: TilePath,
    bytesMax: number,
  ): Promise<{ readonly url: string; readonly bytes: Uint8Array }> {
    const url = `${this.#prefix}/${formatTilePath(path)}`;
    try {
      return { url, bytes: await this.#fetch({ url, bytesMax, ...this.#exchange }) };
    } catch (thrown) {
      // Other logs may delete a partial tile once it is full: c2sp.org/tlog-tiles#partial-tiles.
      const isGone = thrown instanceof SourceError && thrown.status === 404;
      if (!isGone || path.width === TILE_WIDTH) throw thrown;
      const full = `${this.#prefix}/${formatTilePath({ ...path, width: TILE_WIDTH })}`;
      try {
        return { url: full, bytes: await this.#fetch({ url: full, bytesMax, ...this.#exchange }) };
      } catch {
        throw thrown;
      }
    }
  }

  async #jsonEntry(leaf: TileLeaf): Promise<JsonEntry> {
    const chain: Uint8Array[] = [];
    for (const fingerprint of leaf.chainFingerprints) chain.push(await this.issuer(fingerprint));
    return {
      leafInput: encodeMerkleTreeLeaf(leaf),
      extraData: encodeExtraData(leaf.precertificate, chain),
    };
  }
}
