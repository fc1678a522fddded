/**
 * A log over HTTP through the API of RFC 6962, section 4.
 * @module
 */
import { MalformedError } from "../base/errors.ts";
import { formatBase64 } from "../encoding/base64.ts";
import { HASH_BYTES } from "../merkle/hash.ts";
import { decodeExtraData, decodeMerkleTreeLeaf } from "../rfc6962/entry.ts";
import {
  formatChainJson,
  type JsonEntry,
  parseConsistencyJson,
  parseEntriesJson,
  parseEntryAndProofJson,
  parseInclusionJson,
  parseRootsJson,
  parseSctJson,
  parseTreeHeadJson,
} from "../rfc6962/json.ts";
import type { Sct } from "../rfc6962/sct.ts";
import { decodeDigitallySigned } from "../rfc6962/signature.ts";
import type { SignedTreeHead } from "../rfc6962/tree-head.ts";
import type { EntryAndProof, Rfc6962Reader } from "./source.ts";
import {
  fetchText,
  normalizePrefix,
  type OnExchange,
  parseAnswer,
  TIMEOUT_MS,
} from "./transport.ts";

/** Largest answers that are taken, in bytes. */
const SMALL_BYTES_MAX = 65_536;
const ENTRY_BYTES_MAX = 4 * 2 ** 20;
const PAGE_BYTES_MAX = 64 * 2 ** 20;
const ROOTS_BYTES_MAX = 64 * 2 ** 20;

/** Proofs have at most this many elements: a tree has at most 2^40 leaves. */
const PROOF_ELEMENTS_MAX = 64;

/** Where a log is and how long an answer may take. */
export interface HttpSourceOptions {
  /** The log's prefix, before `/ct/v1/` or `/checkpoint`. */
  readonly url: string;
  /** Deadline of each exchange; default 30,000. */
  readonly timeoutMs?: number;
  /** Is told of each exchange. */
  readonly onExchange?: OnExchange | undefined;
}

/** Posts chains to a log and reads it. Holds no state but its address. */
export class HttpRfc6962Source implements Rfc6962Reader {
  readonly api = "RFC 6962";
  readonly #prefix: string;
  readonly #timeoutMs: number;
  readonly #onExchange: OnExchange | undefined;

  /** @throws TypeError if the URL is none. */
  constructor(options: HttpSourceOptions) {
    this.#prefix = `${normalizePrefix(options.url)}/ct/v1`;
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#onExchange = options.onExchange;
  }

  /**
   * add-chain or add-pre-chain: sections 4.1 and 4.2.
   * @param chain DER certificates, leaf first.
   * @throws SourceError; a refusal has `status`, `text` and, where the log sent it, `retryAfter`.
   */
  async submit(
    endpoint: "add-chain" | "add-pre-chain",
    chain: readonly Uint8Array[],
  ): Promise<Sct> {
    const json = formatChainJson(chain, (bytes) => Buffer.from(bytes).toString("base64"));
    return await this.#ask(
      endpoint,
      SMALL_BYTES_MAX,
      (text) => {
        const sct = parseSctJson(text);
        requireHashes([sct.logId]);
        decodeDigitallySigned(sct.signature);
        return sct;
      },
      json,
    );
  }

  async head(): Promise<SignedTreeHead> {
    return await this.#ask("get-sth", SMALL_BYTES_MAX, (text) => {
      const head = parseTreeHeadJson(text);
      requireHashes([head.rootHash]);
      decodeDigitallySigned(head.signature);
      return head;
    });
  }

  async consistency(firstSize: number, secondSize: number): Promise<readonly Uint8Array[]> {
    if (firstSize === 0 || firstSize === secondSize) return [];
    const query = `get-sth-consistency?first=${firstSize}&second=${secondSize}`;
    return await this.#ask(query, SMALL_BYTES_MAX, (text) =>
      requireProof(parseConsistencyJson(text)),
    );
  }

  async proofByHash(
    leafHash: Uint8Array,
    treeSize: number,
  ): Promise<{ readonly leafIndex: number; readonly path: readonly Uint8Array[] }> {
    const hash = encodeURIComponent(formatBase64(leafHash));
    const query = `get-proof-by-hash?hash=${hash}&tree_size=${treeSize}`;
    return await this.#ask(query, SMALL_BYTES_MAX, (text) => {
      const proof = parseInclusionJson(text);
      requireProof(proof.path);
      return proof;
    });
  }

  async entries(start: number, end: number): Promise<readonly JsonEntry[]> {
    const query = `get-entries?start=${start}&end=${end - 1}`;
    return await this.#ask(query, PAGE_BYTES_MAX, (text) => {
      const entries = parseEntriesJson(text);
      if (entries.length === 0 || entries.length > end - start) {
        throw malformed(`expected 1 to ${end - start} entries, got ${entries.length}`);
      }
      for (const entry of entries) requireEntry(entry);
      return entries;
    });
  }

  async entryAndProof(leafIndex: number, treeSize: number): Promise<EntryAndProof> {
    const query = `get-entry-and-proof?leaf_index=${leafIndex}&tree_size=${treeSize}`;
    return await this.#ask(query, ENTRY_BYTES_MAX, (text) => {
      const entry = parseEntryAndProofJson(text);
      requireProof(entry.path);
      requireEntry(entry);
      return entry;
    });
  }

  async roots(): Promise<readonly Uint8Array[]> {
    return await this.#ask("get-roots", ROOTS_BYTES_MAX, parseRootsJson);
  }

  async #ask<T>(
    path: string,
    bytesMax: number,
    parse: (text: string) => T,
    json?: string,
  ): Promise<T> {
    const url = `${this.#prefix}/${path}`;
    const body = json === undefined ? {} : { json };
    const onExchange = this.#onExchange;
    const exchange = { url, bytesMax, timeoutMs: this.#timeoutMs, onExchange };
    const text = await fetchText({ ...exchange, ...body });
    return parseAnswer(url, () => parse(text));
  }
}

function requireEntry(entry: JsonEntry): void {
  const leaf = decodeMerkleTreeLeaf(entry.leafInput);
  decodeExtraData(leaf.entry.type, entry.extraData);
}

function requireProof(proof: readonly Uint8Array[]): readonly Uint8Array[] {
  if (proof.length > PROOF_ELEMENTS_MAX) throw malformed(`a proof of ${proof.length} hashes`);
  requireHashes(proof);
  return proof;
}

function requireHashes(hashes: readonly Uint8Array[]): void {
  for (const hash of hashes) {
    if (hash.length !== HASH_BYTES) throw malformed(`expected 32 bytes, got ${hash.length}`);
  }
}

function malformed(message: string): MalformedError {
  return new MalformedError("MALFORMED_JSON", message);
}
