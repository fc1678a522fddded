/**
 * A log as the checks of `src/dashboard/check` see it: a key, a tree in memory, and the answers
 * of the public API, any of which a test replaces.
 * @module
 */
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { formatCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { AnswerError, type World } from "../../src/dashboard/check/world.ts";
import { hashLeaf, type Sha256 } from "../../src/merkle/hash.ts";
import { encodeExtraData, encodeMerkleTreeLeaf } from "../../src/rfc6962/entry.ts";
import {
  formatConsistencyJson,
  formatEntriesJson,
  formatEntryAndProofJson,
  formatInclusionJson,
} from "../../src/rfc6962/json.ts";
import type { Sct } from "../../src/rfc6962/sct.ts";
import { encodeDigitallySigned } from "../../src/rfc6962/signature.ts";
import { encodeTreeHeadToSign, type TreeHead } from "../../src/rfc6962/tree-head.ts";
import { encodeLeafIndexExtension } from "../../src/static-ct/extensions.ts";
import { formatLogJson } from "../../src/static-ct/log-json.ts";
import { ReferenceTree } from "../reference/merkle.ts";
import { sha256 } from "./sha256.ts";

const ORIGIN = "log.example/check";

/** A log of made-up certificates, and a visitor's world around it. */
export class CheckWorld implements World {
  readonly url: string = "https://log.example/check";
  readonly sha256: Sha256 = sha256;
  readonly texts: Map<string, string> = new Map();
  /** Answers by path up to the query; they go before the true ones. */
  readonly lies: Map<string, string | AnswerError> = new Map();
  readonly leaves: readonly Uint8Array[];
  timeMs: number = Date.UTC(2026, 10, 28);
  /** Entries that the newest head covers. */
  treeSize: number;
  condition: "active" | "readonly" = "active";
  #key = makeKey();
  readonly #tree: ReferenceTree;

  constructor(count: number) {
    this.leaves = Array.from({ length: count }, (_, index) => leafOf(index, this.timeMs));
    this.treeSize = count;
    this.#tree = new ReferenceTree(this.leaves.map((leaf) => hashLeaf(sha256, leaf)));
  }

  readonly memory: World["memory"] = {
    read: (key) => this.texts.get(key),
    write: (key, text) => void this.texts.set(key, text),
    forget: (key) => void this.texts.delete(key),
  };

  readonly api: World["api"] = {
    get: async (target) => {
      const [path = "", query = ""] = target.split("?");
      const lie = this.lies.get(path);
      if (lie instanceof AnswerError) throw lie;
      return lie ?? this.#answer(path, new URLSearchParams(query));
    },
    // What is posted changes nothing here: a test says what is answered.
    post: async (path) => {
      const lie = this.lies.get(path) ?? new AnswerError(404, path);
      if (lie instanceof AnswerError) throw lie;
      return lie;
    },
  };

  nowMs = (): number => this.timeMs;

  get logId(): Uint8Array {
    return sha256(this.#key.der);
  }

  get publicKey(): Uint8Array {
    return this.#key.der;
  }

  /** From now on the log has another key. */
  changeKey(): void {
    this.#key = makeKey();
  }

  /** The newest head, or another one, signed. */
  checkpoint(change: Partial<TreeHead> = {}): string {
    const { treeSize, timeMs } = this;
    const rootHash = this.#tree.root(0, treeSize);
    const head = { treeSize, timestampMs: timeMs, rootHash, ...change };
    const signature = this.#sign(encodeTreeHeadToSign(head));
    return formatCheckpoint(sha256, { ...head, origin: ORIGIN, signature }, this.logId);
  }

  /** The SCT of an entry. */
  sctOf(leafIndex: number): Sct {
    const leaf = this.leaves[leafIndex] ?? new Uint8Array(0);
    const extensions = encodeLeafIndexExtension(leafIndex);
    const timestampMs = this.timeMs - 1_000 + leafIndex;
    return { logId: this.logId, timestampMs, extensions, signature: this.#sign(leaf) };
  }

  #sign(data: Uint8Array): Uint8Array {
    const signature = new Uint8Array(sign("sha256", data, this.#key.privateKey));
    return encodeDigitallySigned({ algorithm: "ecdsa", signature });
  }

  #answer(path: string, query: URLSearchParams): string {
    const number = (name: string): number => Number(query.get(name));
    const entry = (index: number) => ({
      leafInput: this.leaves[index] ?? new Uint8Array(0),
      extraData: encodeExtraData(undefined, []),
    });
    switch (path) {
      case "log.v3.json":
        return this.#describe();
      case "checkpoint":
        return this.checkpoint();
      case "ct/v1/get-sth-consistency":
        return formatConsistencyJson(this.#tree.proof(number("first"), number("second")));
      case "ct/v1/get-entry-and-proof": {
        const index = number("leaf_index");
        const proof = this.#tree.path(index, 0, number("tree_size"));
        return formatEntryAndProofJson(entry(index), proof);
      }
      case "ct/v1/get-entries": {
        const [start, end] = [number("start"), Math.min(number("end"), this.treeSize - 1)];
        const indexes = Array.from({ length: end - start + 1 }, (_, offset) => start + offset);
        return formatEntriesJson(indexes.map(entry));
      }
      case "ct/v1/get-proof-by-hash": {
        const wanted = query.get("hash");
        const index = this.leaves.findIndex(
          (leaf) => Buffer.from(hashLeaf(sha256, leaf)).toString("base64") === wanted,
        );
        if (index < 0) throw new AnswerError(404, "not found");
        return formatInclusionJson(index, this.#tree.path(index, 0, number("tree_size")));
      }
      default:
        throw new AnswerError(404, path);
    }
  }

  #describe(): string {
    return formatLogJson({
      description: ORIGIN,
      publicKey: this.publicKey,
      logId: this.logId,
      type: "static-ct-api",
      submissionUrl: this.url,
      monitoringUrl: this.url,
      mmdSeconds: 60,
      notAfterStartMs: 0,
      notAfterLimitMs: 1_000,
      condition: this.condition,
      conditionSinceMs: undefined,
      plannedChanges: [],
      listState: undefined,
      finalTreeHead: undefined,
      software: { name: "test", version: "0" },
    });
  }
}

function makeKey(): { readonly privateKey: KeyObject; readonly der: Uint8Array } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  return { privateKey, der: new Uint8Array(publicKey.export({ type: "spki", format: "der" })) };
}

/** The certificate of an entry: no certificate, but bytes of its own. */
export function certificateOf(index: number): Uint8Array {
  return new TextEncoder().encode(`certificate ${index}`);
}

function leafOf(index: number, timeMs: number): Uint8Array {
  return encodeMerkleTreeLeaf({
    timestampMs: timeMs - 1_000 + index,
    entry: { type: "x509", certificate: certificateOf(index) },
    extensions: encodeLeafIndexExtension(index),
  });
}
