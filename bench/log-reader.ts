/**
 * Reads a log through either API and checks what it says: tree heads with the log's key,
 * entries against what was sent, proofs against the head. For checks beside a run, never on
 * the measured path.
 * @module
 */
import { createPublicKey, hash, type KeyObject, verify } from "node:crypto";
import { parseCheckpoint } from "../src/checkpoint/checkpoint.ts";
import { formatBase64, parseBase64 } from "../src/encoding/base64.ts";
import { equalBytes } from "../src/encoding/bytes.ts";
import { decodeUtf8 } from "../src/encoding/utf8.ts";
import { hashLeaf, type Sha256 } from "../src/merkle/hash.ts";
import { assembleProof, type ProofPlan, planInclusion, planRoot } from "../src/merkle/proof.ts";
import { foldComplete, spanOfNode, TILE_WIDTH, tileWidth } from "../src/merkle/tile.ts";
import { verifyInclusion } from "../src/merkle/verify.ts";
import { decodeExtraData, encodeMerkleTreeLeaf } from "../src/rfc6962/entry.ts";
import {
  parseEntryAndProofJson,
  parseInclusionJson,
  parseTreeHeadJson,
} from "../src/rfc6962/json.ts";
import { decodeDigitallySigned } from "../src/rfc6962/signature.ts";
import { encodeTreeHeadToSign, type SignedTreeHead } from "../src/rfc6962/tree-head.ts";
import { decodeDataTile } from "../src/static-ct/tile-leaf.ts";
import { formatTilePath, type TilePath } from "../src/static-ct/tile-path.ts";

/** Node's own SHA-256. */
export const sha256: Sha256 = (bytes) => Uint8Array.from(hash("sha256", bytes, "buffer"));

/** An entry that must be in the log, from what was sent and the SCT that came back. */
export interface ExpectedEntry {
  /** Undefined if the SCT does not say: other logs. */
  readonly leafIndex: number | undefined;
  /** Encoded `MerkleTreeLeaf`. */
  readonly leaf: Uint8Array;
  readonly precertificate: Uint8Array;
  /** DER after the precertificate, as sent; the log may append the root. */
  readonly chain: readonly Uint8Array[];
}

/** The key of a log from its log.v3.json. @throws Error if there is none. */
export async function readPublicKey(url: string): Promise<Uint8Array> {
  const text = decodeUtf8(await get(`${url}/log.v3.json`));
  const key: unknown = Reflect.get(Object(JSON.parse(text)), "key");
  if (typeof key !== "string") throw new Error(`no key in ${url}/log.v3.json; name it with --key`);
  return parseBase64(key);
}

/** Whether `signature`, an encoded `DigitallySigned`, is by `key` over `message`. */
export function isSignedBy(key: KeyObject, message: Uint8Array, signature: Uint8Array): boolean {
  return verify("sha256", message, key, decodeDigitallySigned(signature).signature);
}

/** One log, by the URL before `/ct/v1` and `/checkpoint`, without trailing slash. */
export class LogReader {
  readonly #url: string;
  readonly #publicKey: Uint8Array;
  readonly #key: KeyObject;
  readonly #tiles = new Map<string, Promise<Uint8Array>>();

  constructor(url: string, publicKey: Uint8Array) {
    this.#url = url;
    this.#publicKey = publicKey;
    this.#key = createPublicKey({ key: Buffer.from(publicKey), format: "der", type: "spki" });
  }

  /** The head of get-sth; undefined if the log has no such endpoint. @throws Error on a bad signature. */
  async readTreeHead(): Promise<SignedTreeHead | undefined> {
    const body = await getIfAny(`${this.#url}/ct/v1/get-sth`);
    return body === undefined ? undefined : this.parseTreeHead(body);
  }

  /** The head of a body of get-sth. @throws Error on a bad signature or a time in the future. */
  parseTreeHead(body: Uint8Array): SignedTreeHead {
    return this.#verified(parseTreeHeadJson(decodeUtf8(body)));
  }

  /** The head of the checkpoint; undefined if the log has none. @throws Error on a bad signature. */
  async readCheckpoint(): Promise<SignedTreeHead | undefined> {
    const body = await getIfAny(`${this.#url}/checkpoint`);
    return body === undefined ? undefined : this.parseCheckpoint(body);
  }

  /** The head of a checkpoint. @throws Error on a bad signature or a time in the future. */
  parseCheckpoint(body: Uint8Array): SignedTreeHead {
    const source = decodeUtf8(body);
    const origin = source.slice(0, source.indexOf("\n"));
    const log = { origin, logId: sha256(this.#publicKey) };
    return this.#verified(parseCheckpoint(sha256, source, log));
  }

  /**
   * An entry without index is found by get-proof-by-hash first.
   * @throws Error unless get-entry-and-proof shows the entry, and its path leads to the root.
   */
  async requireInTree(head: SignedTreeHead, expected: ExpectedEntry): Promise<void> {
    const leafIndex = expected.leafIndex ?? (await this.#findByHash(head, expected.leaf));
    const query = `leaf_index=${leafIndex}&tree_size=${head.treeSize}`;
    const body = await get(`${this.#url}/ct/v1/get-entry-and-proof?${query}`);
    const entry = parseEntryAndProofJson(decodeUtf8(body));
    require(equalBytes(entry.leafInput, expected.leaf), `entry ${leafIndex} is another leaf`);
    const extra = decodeExtraData("precert", entry.extraData);
    require(extra.precertificate !== undefined &&
      equalBytes(extra.precertificate, expected.precertificate) &&
      expected.chain.every((der, at) =>
        equalBytes(der, extra.chain[at] ?? new Uint8Array(0)),
      ), `entry ${leafIndex} has another chain than was sent`);
    this.#requirePath(head, leafIndex, entry.leafInput, entry.path);
  }

  /** @throws Error unless the tiles show the entry, which must have an index, and lead to the root. */
  async requireInTiles(head: SignedTreeHead, expected: ExpectedEntry): Promise<void> {
    const { leafIndex } = expected;
    if (leafIndex === undefined) throw new Error("an SCT of a static log carries a leaf index");
    const index = Math.floor(leafIndex / TILE_WIDTH);
    const width = tileWidth(0, index, head.treeSize);
    const tile = decodeDataTile(await this.readTile({ level: "data", index, width }));
    const entry = tile[leafIndex - index * TILE_WIDTH];
    require(entry?.precertificate !== undefined &&
      equalBytes(encodeMerkleTreeLeaf(entry), expected.leaf) &&
      equalBytes(entry.precertificate, expected.precertificate) &&
      expected.chain.every((der, at) =>
        equalBytes(sha256(der), entry.chainFingerprints[at] ?? new Uint8Array(0)),
      ), `entry ${leafIndex} of its data tile is not what was sent`);
    const plan = planInclusion(leafIndex, head.treeSize);
    const path = await this.proveFromTiles(plan, head.treeSize);
    this.#requirePath(head, leafIndex, expected.leaf, path);
  }

  /** The root of the first `size` leaves, from the tiles of a tree of `treeSize`. */
  async rootFromTiles(size: number, treeSize: number): Promise<Uint8Array> {
    const [root] = await this.proveFromTiles(planRoot(size), treeSize);
    if (root === undefined) throw new Error("the empty tree has no tiles");
    return root;
  }

  /** The proof of `plan` from the tiles of a tree of `treeSize`. */
  async proveFromTiles(plan: ProofPlan, treeSize: number): Promise<readonly Uint8Array[]> {
    const hashes = plan.nodes.map(async (node) => {
      const { level, index, start, count } = spanOfNode(node);
      const width = tileWidth(level, index, treeSize);
      const tile = await this.readTile({ level, index, width });
      return foldComplete(
        sha256,
        Array.from({ length: count }, (_, at) =>
          tile.slice(32 * (start + at), 32 * (start + at + 1)),
        ),
      );
    });
    return assembleProof(sha256, plan, await Promise.all(hashes));
  }

  /** A tile's bytes, not compressed; kept for the life of this reader. */
  readTile(tile: TilePath): Promise<Uint8Array> {
    const path = formatTilePath(tile);
    const known = this.#tiles.get(path);
    if (known !== undefined) return known;
    const fetched = get(`${this.#url}/${path}`);
    this.#tiles.set(path, fetched);
    return fetched;
  }

  async #findByHash(head: SignedTreeHead, leaf: Uint8Array): Promise<number> {
    const hashText = formatHashParameter(hashLeaf(sha256, leaf));
    const query = `hash=${hashText}&tree_size=${head.treeSize}`;
    const body = await get(`${this.#url}/ct/v1/get-proof-by-hash?${query}`);
    const { leafIndex, path } = parseInclusionJson(decodeUtf8(body));
    this.#requirePath(head, leafIndex, leaf, path);
    return leafIndex;
  }

  #requirePath(
    head: SignedTreeHead,
    leafIndex: number,
    leaf: Uint8Array,
    path: readonly Uint8Array[],
  ): void {
    const { treeSize, rootHash } = head;
    const leafHash = hashLeaf(sha256, leaf);
    verifyInclusion(sha256, { leafIndex, treeSize, leafHash, path }, rootHash);
  }

  #verified(head: SignedTreeHead): SignedTreeHead {
    const isSigned = isSignedBy(this.#key, encodeTreeHeadToSign(head), head.signature);
    require(isSigned, `the head of size ${head.treeSize} is not signed by the log's key`);
    require(head.timestampMs <= Date.now(), `the head of size ${head.treeSize} is from the future`);
    return head;
  }
}

/** The body of a GET. @throws Error unless it was answered with 200. */
export async function get(url: string): Promise<Uint8Array> {
  const response = await fetch(url, { redirect: "error" });
  if (response.status !== 200) throw new Error(`${url} answered ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** Query value of a hash. */
export function formatHashParameter(leafHash: Uint8Array): string {
  return encodeURIComponent(formatBase64(leafHash));
}

async function getIfAny(url: string): Promise<Uint8Array | undefined> {
  const response = await fetch(url, { redirect: "error" });
  const body = new Uint8Array(await response.arrayBuffer());
  if (response.status === 200) return body;
  if (response.status === 404 || response.status === 405) return undefined;
  throw new Error(`${url} answered ${response.status}`);
}

function require(condition: boolean, message: string): void {
  if (!condition) throw new Error(message);
}
