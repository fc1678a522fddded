/**
 * A log for tests of its readers: a plain node:http server over leaves in memory that serves
 * both APIs. Told nothing it is truthful; each lie is a function in `lies`. It shares the
 * byte formats with src, but neither the Merkle code nor anything of src/http or src/x509.
 * @module
 */
import {
  createHash,
  generateKeyPairSync,
  type KeyObject,
  sign,
  X509Certificate,
} from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { fromBER, Sequence } from "asn1js";
import { formatCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import {
  encodeExtraData,
  encodeMerkleTreeLeaf,
  type SignedEntry,
} from "../../src/rfc6962/entry.ts";
import {
  formatConsistencyJson,
  formatEntriesJson,
  formatEntryAndProofJson,
  formatInclusionJson,
  formatRootsJson,
  formatSctJson,
  formatTreeHeadJson,
  type JsonEntry,
  parseChainJson,
} from "../../src/rfc6962/json.ts";
import type { Sct } from "../../src/rfc6962/sct.ts";
import { encodeDigitallySigned } from "../../src/rfc6962/signature.ts";
import {
  encodeTreeHeadToSign,
  type SignedTreeHead,
  type TreeHead,
} from "../../src/rfc6962/tree-head.ts";
import { encodeLeafIndexExtension } from "../../src/static-ct/extensions.ts";
import { encodeTileLeaf, type TileLeaf } from "../../src/static-ct/tile-leaf.ts";
import { formatTilePath } from "../../src/static-ct/tile-path.ts";
import { ReferenceTree, referenceLeafHash } from "../reference/merkle.ts";

/** What the server answers. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string | Uint8Array;
}

/** The part of an SCT that is signed, beside the entry. */
export type SctPromise = Pick<Sct, "timestampMs" | "extensions">;

/** How a log lies. Whatever a lie returns is signed with the log's own key where it is signed. */
export interface Lies {
  /** Changes timestamp and extensions of an SCT before it is signed; the tree keeps the truth. */
  promise?: (truth: SctPromise) => SctPromise;
  /** Changes timestamp and extensions of what is signed *and* logged. */
  logged?: (truth: SctPromise) => SctPromise;
  /** Changes an SCT after it was signed. */
  sct?: (truth: Sct) => Sct;
  /** Changes a head before it is signed. */
  head?: (truth: TreeHead, api: "get-sth" | "checkpoint") => TreeHead;
  /** Changes a signed head. */
  signedHead?: (truth: SignedTreeHead, api: "get-sth" | "checkpoint") => SignedTreeHead;
  /** Changes the bytes of a data tile before compression, and any other answer. */
  plainAnswer?: (truth: Answer, path: string) => Answer;
  /** Changes any answer; `path` is without leading slash and query. */
  answer?: (truth: Answer, path: string) => Answer;
  /** Takes over the socket; true if it did. */
  raw?: (path: string, response: ServerResponse) => boolean;
}

interface Leaf {
  readonly entry: JsonEntry;
  readonly tileLeaf: Uint8Array;
}

/** A running log at `url`. */
export class NaiveLog implements AsyncDisposable {
  lies: Lies = {};
  /** What get-roots answers. */
  roots: Uint8Array[] = [];
  /** Paths that were asked for, in order. */
  readonly requests: string[] = [];
  readonly publicKey: Uint8Array;
  readonly logId: Uint8Array;
  readonly #name: string;
  readonly #key: KeyObject;
  readonly #leaves: Leaf[] = [];
  readonly #hashes: Uint8Array[] = [];
  /** Over `#hashes`, which only grows. */
  readonly #tree: ReferenceTree = new ReferenceTree(this.#hashes);
  readonly #issuers = new Map<string, Uint8Array>();
  readonly #server = createServer((request, response) => {
    this.#serve(request, response).catch((thrown: unknown) => response.destroy(thrown as Error));
  });
  #head: SignedTreeHead | undefined;

  private constructor(name: string) {
    this.#name = name;
    const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.#key = pair.privateKey;
    this.publicKey = Uint8Array.from(pair.publicKey.export({ format: "der", type: "spki" }));
    this.logId = sha256(this.publicKey);
  }

  /** Starts a log with `seedCount` made-up entries; `name` is the last part of its URL. */
  static async start(seedCount = 0, name = "naive"): Promise<NaiveLog> {
    const log = new NaiveLog(name);
    for (let index = 0; index < seedCount; index += 1) {
      log.add({ type: "x509", certificate: Uint8Array.of(0x30, 2, 5, index % 256) }, undefined, []);
    }
    await new Promise<void>((resolve) => log.#server.listen(0, "127.0.0.1", resolve));
    return log;
  }

  get url(): string {
    return `http://${this.origin}`;
  }

  get origin(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}/${this.#name}`;
  }

  get size(): number {
    return this.#leaves.length;
  }

  entryAt(index: number): JsonEntry {
    return this.#leaves[index]!.entry;
  }

  /** The truthful head, as both APIs answer it. */
  head(): SignedTreeHead {
    if (this.#head?.treeSize !== this.size) {
      const rootHash = this.rootOf(this.size);
      this.#head = this.signHead({ treeSize: this.size, timestampMs: Date.now(), rootHash });
    }
    return this.#head;
  }

  /** `head` with the log's signature, whatever it says. */
  signHead(head: TreeHead): SignedTreeHead {
    return { ...head, signature: this.#sign(encodeTreeHeadToSign(head)) };
  }

  rootOf(treeSize: number): Uint8Array {
    return this.#tree.root(0, treeSize);
  }

  /** Logs an entry. @returns Its SCT. */
  add(
    entry: SignedEntry,
    precertificate: Uint8Array | undefined,
    chain: readonly Uint8Array[],
  ): Sct {
    const truth: SctPromise = {
      timestampMs: Date.now(),
      extensions: encodeLeafIndexExtension(this.#leaves.length),
    };
    const logged = this.lies.logged?.(truth) ?? truth;
    const leaf: TileLeaf = {
      ...logged,
      entry,
      precertificate,
      chainFingerprints: chain.map(sha256),
    };
    const leafInput = encodeMerkleTreeLeaf(leaf);
    for (const issuer of chain) this.#issuers.set(hex(sha256(issuer)), issuer);
    this.#leaves.push({
      entry: { leafInput, extraData: encodeExtraData(precertificate, chain) },
      tileLeaf: encodeTileLeaf(leaf),
    });
    this.#hashes.push(referenceLeafHash(leafInput));
    const promise = this.lies.promise?.(logged) ?? logged;
    const signature = this.#sign(encodeMerkleTreeLeaf({ ...promise, entry }));
    const sct: Sct = { logId: this.logId, ...promise, signature };
    return this.lies.sct?.(sct) ?? sct;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  #sign(data: Uint8Array): Uint8Array {
    const signature = sign("sha256", data, this.#key);
    return encodeDigitallySigned({ algorithm: "ecdsa", signature });
  }

  /** One head, and one signature, for both APIs, until the tree grows; then the lies. */
  #headFor(api: "get-sth" | "checkpoint"): SignedTreeHead {
    const truth = this.head();
    const signed = this.lies.head ? this.signHead(this.lies.head({ ...truth }, api)) : truth;
    return this.lies.signedHead?.(signed, api) ?? signed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "", "http://naive");
    const path = url.pathname.slice(this.#name.length + 2);
    this.requests.push(path);
    if (this.lies.raw?.(path, response)) return;
    const plain = this.#answer(path, url.searchParams, await buffer(request));
    const truth = compressed(this.lies.plainAnswer?.(plain, path) ?? plain, path);
    const answer = this.lies.answer?.(truth, path) ?? truth;
    response.writeHead(answer.status, answer.headers).end(answer.body);
  }

  #answer(path: string, query: URLSearchParams, body: Buffer): Answer {
    if (path.startsWith("ct/v1/add-")) return this.#submit(path, body.toString());
    if (path.startsWith("ct/v1/")) return this.#rfc6962(path.slice(6), query);
    if (path === "checkpoint") {
      const checkpoint = { origin: this.origin, ...this.#headFor("checkpoint") };
      return text(formatCheckpoint(sha256, checkpoint, this.logId));
    }
    if (path === "log.v3.json") return json(this.#logJson());
    const issuer = /^issuer\/([0-9a-f]{64})$/.exec(path)?.[1];
    if (issuer !== undefined) return bytes(this.#issuers.get(issuer));
    const tile = /^tile\/(data|[0-5])\/([x0-9/]+)(?:\.p\/([0-9]+))?$/.exec(path);
    return tile === null ? notFound() : this.#tile(path, tile);
  }

  #tile(path: string, match: RegExpExecArray): Answer {
    const index = Number(match[2]?.replaceAll(/[x/]/g, ""));
    const width = match[3] === undefined ? 256 : Number(match[3]);
    const level = match[1] === "data" ? "data" : Number(match[1]);
    const depth = level === "data" ? 0 : level;
    const isKnown = (256 * index + width) * 256 ** depth <= this.size;
    if (!isKnown || formatTilePath({ level, index, width }) !== path) return notFound();
    if (level !== "data") return bytes(referenceTile(this.#tree, level, index, width));
    const leaves = this.#leaves.slice(256 * index, 256 * index + width);
    return bytes(Buffer.concat(leaves.map(({ tileLeaf }) => tileLeaf)));
  }

  #rfc6962(endpoint: string, query: URLSearchParams): Answer {
    const number = (name: string): number => Number(query.get(name));
    const treeSize = number("tree_size");
    switch (endpoint) {
      case "get-sth":
        return json(formatTreeHeadJson(this.#headFor("get-sth")));
      case "get-roots":
        return json(formatRootsJson(this.roots));
      case "get-sth-consistency": {
        const [first, second] = [number("first"), number("second")];
        if (second > this.size) return refuse(400, "need a smaller tree size");
        return json(formatConsistencyJson(this.#tree.proof(first, second)));
      }
      case "get-proof-by-hash": {
        const wanted = query.get("hash") ?? "";
        const index = this.#hashes.findIndex(
          (hash) => Buffer.from(hash).toString("base64") === wanted,
        );
        if (index < 0 || index >= treeSize) return refuse(404, "no leaf found for hash");
        return json(formatInclusionJson(index, this.#tree.path(index, 0, treeSize)));
      }
      case "get-entries": {
        const [start, end] = [number("start"), Math.min(number("end") + 1, this.size)];
        if (start >= end) return refuse(400, "need a larger tree");
        return json(formatEntriesJson(this.#leaves.slice(start, end).map(({ entry }) => entry)));
      }
      case "get-entry-and-proof": {
        const index = number("leaf_index");
        if (index >= treeSize || treeSize > this.size) return refuse(400, "out of range");
        const path = this.#tree.path(index, 0, treeSize);
        return json(formatEntryAndProofJson(this.entryAt(index), path));
      }
      default:
        return notFound();
    }
  }

  #submit(path: string, body: string): Answer {
    const chain = parseChainJson(body);
    const [leaf, ...issuers] = chain;
    if (path === "ct/v1/add-chain") {
      return json(
        formatSctJson(this.add({ type: "x509", certificate: leaf! }, undefined, issuers)),
      );
    }
    const tbs = withoutPoison(leaf!);
    const parent = issuers.length > 0 ? issuers : this.roots;
    const issuerKeyHash = sha256(
      new X509Certificate(parent[0]!).publicKey.export({ format: "der", type: "spki" }),
    );
    return json(formatSctJson(this.add({ type: "precert", issuerKeyHash, tbs }, leaf, parent)));
  }

  #logJson(): string {
    return JSON.stringify({
      description: this.origin,
      log_id: Buffer.from(this.logId).toString("base64"),
      key: Buffer.from(this.publicKey).toString("base64"),
      url: `${this.url}/`,
      mmd: 86400,
      temporal_interval: {
        start_inclusive: "2026-01-01T00:00:00Z",
        end_exclusive: "2027-01-01T00:00:00Z",
      },
    });
  }
}

/** The first `width` hashes of a hash tile: c2sp.org/tlog-tiles#merkle-tree. */
export function referenceTile(
  tree: ReferenceTree,
  level: number,
  index: number,
  width: number,
): Uint8Array {
  const span = 256 ** level;
  const parts = Array.from({ length: width }, (_, position) => {
    const start = (256 * index + position) * span;
    return tree.root(start, start + span);
  });
  return Uint8Array.from(Buffer.concat(parts));
}

/** The TBSCertificate without its poison, by asn1js: decode, drop, encode. */
export function withoutPoison(precertificate: Uint8Array): Uint8Array {
  const certificate = fromBER(precertificate).result;
  if (!(certificate instanceof Sequence)) throw new Error("expected a certificate");
  const [tbs] = certificate.valueBlock.value;
  if (!(tbs instanceof Sequence)) throw new Error("expected a TBSCertificate");
  const wrapper = tbs.valueBlock.value.at(-1) as Sequence;
  const [list] = wrapper.valueBlock.value as [Sequence];
  list.valueBlock.value = list.valueBlock.value.filter((extension) => {
    const [oid] = (extension as Sequence).valueBlock.value;
    return oid?.toString() !== "OBJECT IDENTIFIER : 1.3.6.1.4.1.11129.2.4.3";
  });
  return new Uint8Array(tbs.toBER());
}

function sha256(data: Uint8Array): Uint8Array {
  return Uint8Array.from(createHash("sha256").update(data).digest());
}

function hex(data: Uint8Array): string {
  return Buffer.from(data).toString("hex");
}

function json(body: string): Answer {
  return { status: 200, headers: { "content-type": "application/json" }, body };
}

function text(body: string): Answer {
  return { status: 200, headers: { "content-type": "text/plain; charset=utf-8" }, body };
}

function bytes(body: Uint8Array | undefined): Answer {
  if (body === undefined) return notFound();
  return { status: 200, headers: { "content-type": "application/octet-stream" }, body };
}

function refuse(status: number, reason: string): Answer {
  return { status, headers: { "content-type": "text/plain" }, body: `Refused\n${reason}\n` };
}

/** Data tiles go out as gzip. */
function compressed(plain: Answer, path: string): Answer {
  if (!path.startsWith("tile/data/") || plain.status !== 200) return plain;
  const headers = { ...plain.headers, "content-encoding": "gzip" };
  return { ...plain, headers, body: gzipSync(plain.body) };
}

function notFound(): Answer {
  return { status: 404, headers: {}, body: "" };
}
