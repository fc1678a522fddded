/**
 * What must hold after each step of a simulation, whatever went wrong: a model of the log made
 * from what it showed, against which everything it shows later is held.
 * @module
 */
import assert from "node:assert/strict";
import { parseCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { bytesKey } from "../../src/encoding/bytes.ts";
import { formatHex } from "../../src/encoding/hex.ts";
import type { Log } from "../../src/log/log.ts";
import { appendLeaves, EMPTY_FRONTIER, frontierRoot } from "../../src/merkle/frontier.ts";
import { hashLeaf } from "../../src/merkle/hash.ts";
import { verifyConsistency, verifyInclusion } from "../../src/merkle/verify.ts";
import { encodeMerkleTreeLeaf } from "../../src/rfc6962/entry.ts";
import type { Sct } from "../../src/rfc6962/sct.ts";
import {
  encodeTreeHeadToSign,
  isSameTreeHead,
  type SignedTreeHead,
  type TreeHead,
} from "../../src/rfc6962/tree-head.ts";
import type { EcdsaKey } from "../../src/signer/ecdsa.ts";
import { decodeLeafIndexExtension } from "../../src/static-ct/extensions.ts";
import { decodeTileLeaf } from "../../src/static-ct/tile-leaf.ts";
import type { LogEvent } from "../../src/telemetry/observer.ts";
import { sha256 } from "../support/sha256.ts";
import type { SimDisk } from "./sim-store.ts";
import type { SimSubmission } from "./submissions.ts";
import { START_MS, type World } from "./world.ts";

/** An SCT that a client holds. */
export interface Receipt {
  readonly submission: SimSubmission;
  readonly leafIndex: number;
  readonly timestampMs: number;
  readonly leafHash: Uint8Array;
}

/** Heads and SCTs from the future: the watch lets a second go unnoticed, drifts are its own. */
const FUTURE_TOLERANCE_MS = 1_100;

/** Fatal errors that the injected faults explain; any other is a bug. */
const EXPECTED_CODES: ReadonlySet<string> = new Set([
  "FATAL_CLOCK",
  "FATAL_COMMIT_UNKNOWN",
  "FATAL_FSYNC",
  "UNAVAILABLE_STORE",
]);
const DAMAGE_CODES: ReadonlySet<string> = new Set(["FATAL_VERIFY_MISMATCH", "FATAL_STORE_CORRUPT"]);

/** Everything that was ever shown. */
export class Checker {
  readonly receipts: Map<string, Receipt> = new Map();
  /** Leaf hashes of the published tree. */
  readonly leafHashes: Uint8Array[] = [];
  readonly heads: SignedTreeHead[] = [];
  violation: Error | undefined;
  readonly #isDamageExpected: boolean;
  readonly #world: World;
  readonly #disk: SimDisk;
  readonly #key: EcdsaKey;
  readonly #dedupKeys = new Set<string>();
  readonly #rootBySize = new Map<number, string>();
  #frontier = EMPTY_FRONTIER;
  #lastSigned: TreeHead | undefined;

  constructor(world: World, disk: SimDisk, key: EcdsaKey) {
    this.#world = world;
    this.#disk = disk;
    this.#key = key;
    this.#isDamageExpected = world.knobs.damage > 0;
  }

  /** Runs a check; the first that fails ends the simulation. */
  guard(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.violation ??= error instanceof Error ? error : new Error(String(error));
    }
  }

  /** A signature over `head` exists from this moment on, though it may never be released. */
  onSigned(head: TreeHead): void {
    const { memory } = this.#disk;
    const { committed } = memory;
    assert(
      committed !== undefined && isSameTreeHead(committed, head),
      `signed size ${head.treeSize}, which is not committed`,
    );
    this.#requireOneRoot(head);
    const last = this.#lastSigned;
    assert(
      last === undefined ||
        isSameTreeHead(last, head) ||
        (head.timestampMs > last.timestampMs && head.treeSize >= last.treeSize),
      `signed ${head.treeSize}@${head.timestampMs} after ${last?.treeSize}@${last?.timestampMs}`,
    );
    this.#lastSigned = head;
    const { steadyMs, confirmedSkewMs, driftMs } = this.#world;
    const trueMs = START_MS + steadyMs + Math.max(0, confirmedSkewMs) + driftMs;
    assert(
      head.timestampMs <= trueMs + FUTURE_TOLERANCE_MS,
      `signed a head ${head.timestampMs - trueMs} ms from the future`,
    );
  }

  /** What the log shows now. */
  onHead(log: Log): void {
    let head: SignedTreeHead;
    try {
      head = log.head();
    } catch {
      return;
    }
    const last = this.heads.at(-1);
    if (last !== head) this.#onNewHead(head, last);
    const { origin, ...shown } = parseCheckpoint(sha256, log.checkpoint(), log.identity);
    assert.equal(origin, log.identity.origin);
    assert.deepEqual(shown, { ...head }, "get-sth and checkpoint agree");
  }

  /** A client got an SCT from `log`. */
  onSct(log: Log, submission: SimSubmission, sct: Sct): void {
    this.onHead(log);
    const { timestampMs, extensions } = sct;
    const leafIndex = decodeLeafIndexExtension(extensions);
    const leaf = encodeMerkleTreeLeaf({ timestampMs, entry: submission.entry, extensions });
    this.#key.verify(leaf, sct.signature);
    const leafHash = hashLeaf(sha256, leaf);
    const size = this.heads.at(-1)?.treeSize ?? 0;
    assert(leafIndex < size, `an SCT for entry ${leafIndex} of a published tree of ${size}`);
    assert.deepEqual(this.leafHashes[leafIndex], leafHash, `entry ${leafIndex} is the SCT's`);
    const known = this.receipts.get(submission.name);
    if (known !== undefined) {
      assert.deepEqual(
        [leafIndex, timestampMs],
        [known.leafIndex, known.timestampMs],
        "twins get one entry",
      );
    }
    this.receipts.set(submission.name, { submission, leafIndex, timestampMs, leafHash });
  }

  onEvent(event: LogEvent): void {
    if (event.type !== "shard-fatal") return;
    const isExpected =
      EXPECTED_CODES.has(event.code) || (this.#isDamageExpected && DAMAGE_CODES.has(event.code));
    assert(isExpected, `no fault explains ${event.code}: ${event.message}`);
  }

  /** An audit path that was read for a leaf of the model. */
  onInclusion(
    leaf: Pick<Receipt, "leafIndex" | "leafHash">,
    head: SignedTreeHead,
    path: readonly Uint8Array[],
  ): void {
    const { leafIndex, leafHash } = leaf;
    const claim = { leafIndex, treeSize: head.treeSize, leafHash, path };
    verifyInclusion(sha256, claim, head.rootHash);
  }

  /** A consistency proof that was read. */
  onConsistency(older: SignedTreeHead, head: SignedTreeHead, proof: readonly Uint8Array[]): void {
    verifyConsistency(sha256, {
      firstSize: older.treeSize,
      firstRoot: older.rootHash,
      secondSize: head.treeSize,
      secondRoot: head.rootHash,
      proof,
    });
  }

  #onNewHead(head: SignedTreeHead, last: SignedTreeHead | undefined): void {
    this.#key.verify(encodeTreeHeadToSign(head), head.signature);
    if (last !== undefined && isSameTreeHead(last, head)) {
      assert.deepEqual(head.signature, last.signature, "one head, one signature");
      return;
    }
    const before = `${last?.treeSize}@${last?.timestampMs}`;
    assert(
      last === undefined || (head.treeSize >= last.treeSize && head.timestampMs > last.timestampMs),
      `published ${head.treeSize}@${head.timestampMs} after ${before}`,
    );
    const { entries } = this.#disk.memory;
    const fresh: Uint8Array[] = [];
    for (let index = this.#frontier.size; index < head.treeSize; index += 1) {
      const bytes = entries[index];
      assert(bytes !== undefined, `entry ${index} is published, but not stored`);
      const leaf = decodeTileLeaf(bytes);
      assert(leaf.timestampMs <= head.timestampMs, "no head is older than its entries");
      const key = bytesKey(sha256(encodeMerkleTreeLeaf({ ...leaf, ...UNTIMED })));
      assert(!this.#dedupKeys.has(key), `entry ${index} is in the log twice`);
      this.#dedupKeys.add(key);
      fresh.push(hashLeaf(sha256, encodeMerkleTreeLeaf(leaf)));
    }
    this.leafHashes.push(...fresh);
    this.#frontier = appendLeaves(sha256, this.#frontier, fresh).frontier;
    assert.equal(this.#frontier.size, head.treeSize);
    const root = formatHex(frontierRoot(sha256, this.#frontier));
    assert.equal(formatHex(head.rootHash), root, `the root of size ${head.treeSize} extends all`);
    this.#requireOneRoot(head);
    this.heads.push(head);
  }

  #requireOneRoot(head: TreeHead): void {
    const root = formatHex(head.rootHash);
    const known = this.#rootBySize.get(head.treeSize) ?? root;
    assert.equal(root, known, `two roots for size ${head.treeSize}`);
    this.#rootBySize.set(head.treeSize, root);
  }
}

const UNTIMED = { timestampMs: 0, extensions: new Uint8Array(0) };
