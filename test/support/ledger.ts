/**
 * A submitter that writes down what it sent and what came back, and proves every answer
 * against the log: the leaf is rebuilt from what was sent, never taken from an answer.
 * @module
 */
import assert from "node:assert/strict";
import { Agent, request } from "node:http";
import type { LogKey } from "../../src/checkpoint/browser-key.ts";
import {
  leafIndexOfSct,
  leafOfSct,
  verifyHead,
  verifySctSignature,
} from "../../src/client/check.ts";
import { HttpRfc6962Source } from "../../src/client/rfc6962.ts";
import { appendLeaves, EMPTY_FRONTIER, frontierRoot } from "../../src/merkle/frontier.ts";
import { hashLeaf } from "../../src/merkle/hash.ts";
import { verifyConsistency, verifyInclusion } from "../../src/merkle/verify.ts";
import {
  decodeMerkleTreeLeaf,
  encodeSignedEntry,
  type SignedEntry,
} from "../../src/rfc6962/entry.ts";
import { formatChainJson, parseSctJson } from "../../src/rfc6962/json.ts";
import type { Sct } from "../../src/rfc6962/sct.ts";
import type { SignedTreeHead } from "../../src/rfc6962/tree-head.ts";
import type { TestCa } from "./certificates.ts";
import { sha256 } from "./sha256.ts";

/** NotAfter of every certificate made here: within the window of the test shards. */
const NOT_AFTER = new Date("2027-07-01T00:00:00Z");

/** One submission and what became of it. */
export interface Sent {
  readonly endpoint: "add-chain" | "add-pre-chain";
  readonly body: string;
  /** What the log must record of it, made without the log's code. */
  readonly entry: SignedEntry;
  /** Undefined until an SCT came back. */
  sct: Sct | undefined;
}

/** An HTTP answer. */
export interface HttpAnswer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly text: string;
}

/** Makes submission number `serial` of `ca`; every fourth is a certificate. */
export function makeSubmission(ca: TestCa, serial: number): Sent {
  const options = { serial, notAfter: NOT_AFTER };
  const isPrecert = serial % 4 !== 0;
  const leaf = ca.issue({ ...options, precert: isPrecert });
  const entry: SignedEntry = isPrecert
    ? {
        type: "precert",
        issuerKeyHash: sha256(ca.spki),
        // The TBS as the CA would sign it without poison: test-side code.
        tbs: Uint8Array.from(ca.tbs(options)),
      }
    : { type: "x509", certificate: leaf };
  const body = formatChainJson([leaf, ca.der], (bytes) => Buffer.from(bytes).toString("base64"));
  return { endpoint: isPrecert ? "add-pre-chain" : "add-chain", body, entry, sct: undefined };
}

/** POSTs a body. @throws the connection's error if no whole answer comes. */
export function post(url: string, body: string, agent: Agent): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method: "POST", agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () => {
        const text = Buffer.concat(chunks).toString();
        const { statusCode = 0, headers } = response;
        resolve({ status: statusCode, retryAfter: headers["retry-after"], text });
      });
    });
    outgoing.once("error", reject);
    outgoing.setHeader("content-type", "application/json");
    outgoing.end(body);
  });
}

/** Submits, and keeps account. */
export class Ledger {
  /** Everything sent, in order; never shortened. */
  readonly sent: Sent[] = [];
  /** Heads seen, in the order of their reading; never shortened. */
  readonly heads: SignedTreeHead[] = [];
  readonly #ca: TestCa;
  #serial = 0;

  constructor(ca: TestCa) {
    this.#ca = ca;
  }

  /** Submissions with an SCT. */
  get answered(): readonly Sent[] {
    return this.sent.filter(({ sct }) => sct !== undefined);
  }

  /** Submissions whose fate is not known. */
  get unanswered(): readonly Sent[] {
    return this.sent.filter(({ sct }) => sct === undefined);
  }

  /** A new submission, written down before it is sent. */
  next(): Sent {
    this.#serial += 1;
    const sent = makeSubmission(this.#ca, this.#serial);
    this.sent.push(sent);
    return sent;
  }

  /** Sends one and writes its SCT down. @returns the answer. @throws if none came. */
  async submit(url: string, sent: Sent, agent: Agent): Promise<HttpAnswer> {
    const answer = await post(`${url}/ct/v1/${sent.endpoint}`, sent.body, agent);
    if (answer.status === 200) {
      const sct = parseSctJson(answer.text);
      if (sent.sct !== undefined) {
        assert.deepEqual(
          [sct.timestampMs, sct.extensions],
          [sent.sct.timestampMs, sent.sct.extensions],
          "a submission sent twice has one entry",
        );
      }
      sent.sct = sct;
    }
    return answer;
  }

  /**
   * Submits from `clientCount` connections until `signal` or the log ends them.
   * @returns Statuses and their counts; 0 is no answer.
   */
  async run(url: string, clientCount: number, signal: AbortSignal): Promise<Map<number, number>> {
    const statuses = new Map<number, number>();
    const agent = new Agent({ keepAlive: true, maxSockets: clientCount });
    const client = async (): Promise<void> => {
      while (!signal.aborted) {
        let status = 0;
        try {
          ({ status } = await this.submit(url, this.next(), agent));
        } catch (error) {
          if (error instanceof assert.AssertionError) throw error;
        }
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (status === 0) return;
      }
    };
    try {
      await Promise.all(Array.from({ length: clientCount }, client));
    } finally {
      agent.destroy();
    }
    return statuses;
  }
}

/** Reads one shard and proves what it is asked to prove. */
export class Prover {
  readonly source: HttpRfc6962Source;
  readonly key: LogKey;

  /** @param url Prefix of the shard. */
  constructor(url: string, key: LogKey) {
    this.source = new HttpRfc6962Source({ url });
    this.key = key;
  }

  /** The head, with its signature verified. */
  async head(): Promise<SignedTreeHead> {
    const head = await this.source.head();
    verifyHead(this.key, head, Date.now(), "get-sth");
    return head;
  }

  /** Proves that `next` follows `head`: never back, one root for one size, a prefix. */
  async requireFollows(head: SignedTreeHead, next: SignedTreeHead): Promise<void> {
    assert(next.treeSize >= head.treeSize, `from size ${head.treeSize} to ${next.treeSize}`);
    assert(next.timestampMs >= head.timestampMs, "from a later head to an earlier one");
    if (next.timestampMs === head.timestampMs) assert.deepEqual(next, head, "two heads at once");
    verifyConsistency(sha256, {
      firstSize: head.treeSize,
      firstRoot: head.rootHash,
      secondSize: next.treeSize,
      secondRoot: next.rootHash,
      proof: await this.source.consistency(head.treeSize, next.treeSize),
    });
  }

  /** Proves an SCT below `head`: signature, place, entry, inclusion. */
  async requireProven(sent: Sent, head: SignedTreeHead): Promise<void> {
    const { entry, sct } = sent;
    assert(sct !== undefined, "there is an SCT");
    verifySctSignature(this.key, entry, sct);
    const leafIndex = leafIndexOfSct(sct);
    assert(leafIndex < head.treeSize, `entry ${leafIndex} in a tree of ${head.treeSize}`);
    assert(sct.timestampMs <= head.timestampMs, "a head is not older than its entries");
    const logged = await this.source.entryAndProof(leafIndex, head.treeSize);
    const leaf = leafOfSct(entry, sct);
    assert.deepEqual(logged.leafInput, leaf, `entry ${leafIndex} is what was sent`);
    verifyInclusion(
      sha256,
      { leafIndex, treeSize: head.treeSize, leafHash: hashLeaf(sha256, leaf), path: logged.path },
      head.rootHash,
    );
  }

  /** Proves many, some at a time. */
  async requireAllProven(all: readonly Sent[], head: SignedTreeHead): Promise<void> {
    const left = all.values();
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        for (const sent of left) await this.requireProven(sent, head);
      }),
    );
  }

  /**
   * Walks the whole tree: its leaves lead to the root, no entry stands twice, each was sent.
   * @returns The number of entries.
   */
  async requireWhole(head: SignedTreeHead, sent: readonly Sent[]): Promise<number> {
    const expected = new Set(sent.map(({ entry }) => keyOf(entry)));
    const seen = new Set<string>();
    let frontier = EMPTY_FRONTIER;
    while (frontier.size < head.treeSize) {
      const page = await this.source.entries(frontier.size, head.treeSize);
      for (const { leafInput } of page) {
        const key = keyOf(decodeMerkleTreeLeaf(leafInput).entry);
        assert(!seen.has(key), "no entry stands twice");
        assert(expected.has(key), "every entry was sent");
        seen.add(key);
      }
      const hashes = page.map(({ leafInput }) => hashLeaf(sha256, leafInput));
      frontier = appendLeaves(sha256, frontier, hashes).frontier;
    }
    assert.deepEqual(frontierRoot(sha256, frontier), head.rootHash, "the entries are the tree");
    return frontier.size;
  }
}

function keyOf(entry: SignedEntry): string {
  return Buffer.from(sha256(encodeSignedEntry(entry))).toString("hex");
}
