/**
 * A log in memory, written naively and apart from `src`'s engine: add-pre-chain, get-sth,
 * get-entry-and-proof and the other reads of both APIs over RFC 6962's own recursion. It
 * tests the load generator, and can lie on purpose.
 * @module
 */
import {
  createHash,
  generateKeyPairSync,
  type KeyObject,
  sign,
  X509Certificate,
} from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";

/** What the log may get wrong, or do as older logs do: an SCT with no index, no tiles. */
export type Lie =
  | "another-entry"
  | "another-tree-head"
  | "future-timestamp"
  | "no-index"
  | "refuse-every-third"
  | "same-index"
  | "same-signature"
  | "wrong-path";

interface Entry {
  readonly leaf: Buffer;
  readonly tileLeaf: Buffer;
  readonly extra: Buffer;
}

const b64 = (bytes: Buffer) => bytes.toString("base64");
const sha = (...parts: readonly Uint8Array[]) => {
  const digest = createHash("sha256");
  for (const part of parts) digest.update(part);
  return digest.digest();
};
const uint = (value: number, width: number) =>
  Buffer.from(value.toString(16).padStart(2 * width, "0"), "hex");
const vector = (bytes: Uint8Array, width: number) =>
  Buffer.concat([uint(bytes.length, width), bytes]);

/** A log that listens. */
export class BenchLog implements AsyncDisposable {
  readonly #server: Server;
  readonly #root: X509Certificate;
  readonly #lies: ReadonlySet<Lie>;
  readonly #key: KeyObject;
  readonly #spki: Buffer;
  readonly #entries: Entry[] = [];
  readonly #hashes: Buffer[] = [];
  readonly #issuers = new Map<string, Buffer>();
  readonly #answers = new Map<string, string>();
  #refused = 0;
  #lastSignature: Buffer = Buffer.alloc(0);
  /** Without path: `http://127.0.0.1:port/bench2027`. */
  readonly url: string;

  private constructor(server: Server, root: Uint8Array, lies: readonly Lie[]) {
    const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.#key = pair.privateKey;
    this.#spki = pair.publicKey.export({ type: "spki", format: "der" });
    this.#server = server;
    this.#root = new X509Certificate(root);
    this.#lies = new Set(lies);
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/bench2027`;
  }

  /** @param root DER of the one root that is accepted. */
  static async open(root: Uint8Array, lies: readonly Lie[] = []): Promise<BenchLog> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const log = new BenchLog(server, root, lies);
    server.on("request", (request, response) => log.#serve(request, response));
    return log;
  }

  /** Entries in the tree. */
  get size(): number {
    return this.#entries.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      try {
        const url = new URL(request.url ?? "/", this.url);
        const answer = this.#answer(url, Buffer.concat(chunks).toString("latin1"));
        const isGzip = url.pathname.includes("/tile/data/");
        if (isGzip) response.setHeader("content-encoding", "gzip");
        const body = isGzip ? gzipSync(answer) : answer;
        response.writeHead(200, { "content-length": Buffer.byteLength(body) }).end(body);
      } catch (error) {
        response.writeHead(Reflect.get(Object(error), "status") ?? 400).end(String(error));
      }
    });
  }

  #answer(url: URL, body: string): string | Buffer {
    const path = url.pathname.slice("/bench2027".length);
    const number = (name: string) => Number(url.searchParams.get(name));
    switch (path) {
      case "/ct/v1/add-pre-chain":
        return this.#addOnce(body);
      case "/ct/v1/get-sth": {
        const { root, timestamp, signature } = this.#head();
        return `{"tree_size":${this.size},"timestamp":${timestamp},"sha256_root_hash":"${b64(root)}","tree_head_signature":"${b64(signature)}"}`;
      }
      case "/ct/v1/get-entry-and-proof":
        return this.#entryAndProof(number("leaf_index"), number("tree_size"));
      case "/ct/v1/get-proof-by-hash": {
        const wanted = Buffer.from(url.searchParams.get("hash") ?? "", "base64");
        const index = this.#hashes.findIndex((hash) => hash.equals(wanted));
        const proof = this.#path(index, 0, number("tree_size"));
        return JSON.stringify({ leaf_index: index, audit_path: proof.map(b64) });
      }
      case "/ct/v1/get-sth-consistency": {
        const proof = this.#subproof(number("first"), 0, number("second"), true);
        return JSON.stringify({ consistency: proof.map(b64) });
      }
      case "/ct/v1/get-entries":
        return JSON.stringify({
          entries: this.#entries
            .slice(number("start"), number("end") + 1)
            .map(({ leaf, extra }) => ({ leaf_input: b64(leaf), extra_data: b64(extra) })),
        });
      case "/log.v3.json":
        return JSON.stringify({ key: b64(this.#spki) });
      case "/checkpoint":
        if (this.#lies.has("no-index")) throw Object.assign(new Error("none"), { status: 404 });
        return this.#checkpoint();
      default:
        return this.#tile(path);
    }
  }

  #addOnce(body: string): string {
    const known = this.#answers.get(body);
    if (known !== undefined) return known;
    const { chain } = JSON.parse(body);
    const answer = this.#add(chain.map((text: string) => Buffer.from(text, "base64")));
    this.#answers.set(body, answer);
    return answer;
  }

  #add(chain: readonly Buffer[]): string {
    this.#refused += 1;
    if (this.#lies.has("refuse-every-third") && this.#refused % 3 === 0) {
      throw Object.assign(new Error("the pool is full"), { status: 503 });
    }
    const [precertificate, issuer] = chain;
    if (precertificate === undefined || issuer === undefined) throw new Error("a chain of two");
    const leaf = new X509Certificate(precertificate);
    const intermediate = new X509Certificate(issuer);
    if (!leaf.checkIssued(intermediate) || !leaf.verify(intermediate.publicKey)) {
      throw new Error("not signed by the intermediate");
    }
    if (!intermediate.checkIssued(this.#root) || !intermediate.verify(this.#root.publicKey)) {
      throw new Error("not signed by the root");
    }
    const index = this.#lies.has("same-index") ? 0 : this.size;
    const timestamp = Date.now() + (this.#lies.has("future-timestamp") ? 60_000 : 0);
    const issuerKeyHash = sha(intermediate.publicKey.export({ type: "spki", format: "der" }));
    const tbs = vector(withoutPoison(precertificate), 3);
    const extensions = this.#lies.has("no-index")
      ? Buffer.alloc(0)
      : Buffer.concat([uint(0, 1), uint(5, 2), uint(index, 5)]);
    const head = Buffer.concat([uint(timestamp, 8), uint(1, 2), issuerKeyHash]);
    const timestamped = Buffer.concat([head, tbs, vector(extensions, 2)]);
    const merkleLeaf = Buffer.concat([uint(0, 2), timestamped]);
    const fingerprints = Buffer.concat([sha(issuer), sha(this.#root.raw)]);
    const chainBytes = Buffer.concat([vector(issuer, 3), vector(this.#root.raw, 3)]);
    const logged = this.#lies.has("another-entry")
      ? Buffer.from(merkleLeaf).fill(0, 40, 44)
      : merkleLeaf;
    this.#issuers.set(sha(issuer).toString("hex"), issuer);
    this.#hashes.push(sha(uint(0, 1), logged));
    this.#entries.push({
      leaf: logged,
      tileLeaf: Buffer.concat([
        logged.subarray(2),
        vector(precertificate, 3),
        vector(fingerprints, 2),
      ]),
      extra: Buffer.concat([vector(precertificate, 3), vector(chainBytes, 3)]),
    });
    const repeats = this.#lies.has("same-signature") && this.#lastSignature.length > 0;
    const signature = repeats ? this.#lastSignature : this.#sign(merkleLeaf);
    this.#lastSignature = signature;
    return `{"sct_version":0,"id":"${b64(sha(this.#spki))}","timestamp":${timestamp},"extensions":"${b64(extensions)}","signature":"${b64(signature)}"}`;
  }

  #entryAndProof(index: number, size: number): string {
    const entry = this.#entries[index];
    if (entry === undefined || size > this.size) throw new Error("out of range");
    const path = this.#path(index, 0, size);
    if (this.#lies.has("wrong-path")) path[0] = sha(path[0] ?? Buffer.alloc(0));
    return JSON.stringify({
      leaf_input: b64(entry.leaf),
      extra_data: b64(entry.extra),
      audit_path: path.map(b64),
    });
  }

  #head(): { readonly root: Buffer; readonly timestamp: number; readonly signature: Buffer } {
    const timestamp = Date.now();
    const root = this.#treeHash(0, this.size);
    const signed = [uint(1, 2), uint(timestamp, 8), uint(this.size, 8), root];
    const isLie = this.#lies.has("another-tree-head");
    const signature = this.#sign(Buffer.concat(isLie ? [...signed, root] : signed));
    return { root, timestamp, signature };
  }

  #checkpoint(): string {
    const { root, timestamp, signature } = this.#head();
    const origin = this.url.slice("http://".length);
    const keyId = sha(Buffer.from(`${origin}\n\x05`, "latin1"), sha(this.#spki)).subarray(0, 4);
    const note = b64(Buffer.concat([keyId, uint(timestamp, 8), signature]));
    return `${origin}\n${this.size}\n${b64(root)}\n\n— ${origin} ${note}\n`;
  }

  #tile(path: string): Buffer {
    const issuer = this.#issuers.get(path.slice("/issuer/".length));
    if (issuer !== undefined) return issuer;
    const match = /^\/tile\/([0-9]+|data)\/([x0-9/]+?)(?:\.p\/([0-9]+))?$/.exec(path);
    if (match === null) throw Object.assign(new Error("not found"), { status: 404 });
    const start = 256 * Number((match[2] ?? "").replaceAll(/[x/]/g, ""));
    const width = Number(match[3] ?? 256);
    if (match[1] === "data") {
      return Buffer.concat(
        this.#entries.slice(start, start + width).map((entry) => entry.tileLeaf),
      );
    }
    const span = 256 ** Number(match[1]);
    const hashes = Array.from({ length: width }, (_, at) =>
      this.#treeHash((start + at) * span, (start + at + 1) * span),
    );
    return Buffer.concat(hashes);
  }

  #sign(message: Buffer): Buffer {
    return Buffer.concat([Buffer.of(4, 3), vector(sign("sha256", message, this.#key), 2)]);
  }

  /** RFC 6962, section 2.1, word for word. */
  #treeHash(start: number, end: number): Buffer {
    if (end === start) return sha();
    if (end - start === 1) return this.#hashes[start] ?? Buffer.alloc(0);
    const middle = start + split(end - start);
    return sha(uint(1, 1), this.#treeHash(start, middle), this.#treeHash(middle, end));
  }

  /** RFC 6962, section 2.1.1. */
  #path(index: number, start: number, end: number): Buffer[] {
    if (end - start === 1) return [];
    const middle = start + split(end - start);
    return index < middle
      ? [...this.#path(index, start, middle), this.#treeHash(middle, end)]
      : [...this.#path(index, middle, end), this.#treeHash(start, middle)];
  }

  /** RFC 6962, section 2.1.2. */
  #subproof(first: number, start: number, end: number, isWhole: boolean): Buffer[] {
    if (first === end) return isWhole ? [] : [this.#treeHash(start, end)];
    const middle = start + split(end - start);
    return first <= middle
      ? [...this.#subproof(first, start, middle, isWhole), this.#treeHash(middle, end)]
      : [...this.#subproof(first, middle, end, false), this.#treeHash(start, middle)];
  }
}

function split(count: number): number {
  let power = 1;
  while (2 * power < count) power *= 2;
  return power;
}

interface Element {
  readonly tag: number;
  /** The whole element. */
  readonly bytes: Buffer;
  readonly content: Buffer;
}

/** The TBSCertificate without poison: parsed and built again, element by element. */
function withoutPoison(certificate: Buffer): Buffer {
  const [tbs] = children(children(certificate)[0]?.content ?? Buffer.alloc(0));
  const fields = children(tbs?.content ?? Buffer.alloc(0)).map((field) => {
    if (field.tag !== 0xa3) return field.bytes;
    const kept = children(children(field.content)[0]?.content ?? Buffer.alloc(0))
      .map((extension) => extension.bytes)
      .filter((bytes) => !bytes.includes(Buffer.from("060a2b06010401d679020403", "hex")));
    return element(0xa3, element(0x30, Buffer.concat(kept)));
  });
  return element(0x30, Buffer.concat(fields));
}

function children(bytes: Buffer): readonly Element[] {
  const out: Element[] = [];
  for (let at = 0; at < bytes.length; ) {
    const short = bytes[at + 1] ?? 0;
    const extra = short < 128 ? 0 : short - 128;
    const length = extra === 0 ? short : bytes.readUIntBE(at + 2, extra);
    const start = at + 2 + extra;
    const end = start + length;
    out.push({
      tag: bytes[at] ?? 0,
      bytes: bytes.subarray(at, end),
      content: bytes.subarray(start, end),
    });
    at = end;
  }
  return out;
}

function element(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const head =
    length < 128
      ? [tag, length]
      : length < 256
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from(head), content]);
}
