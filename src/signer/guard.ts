/**
 * The signing guard: the one place that signs tree heads. It remembers the last head that it
 * signed and signs nothing that does not extend it, whatever its caller believes.
 * @module
 */
import { assert } from "../base/assert.ts";
import { FatalError, messageOf } from "../base/errors.ts";
import type { Sha256 } from "../merkle/hash.ts";
import { verifyConsistency } from "../merkle/verify.ts";
import {
  encodeTreeHeadToSign,
  isSameTreeHead,
  type SignedTreeHead,
  type TreeHead,
} from "../rfc6962/tree-head.ts";
import type { EcdsaKey } from "./ecdsa.ts";
import type { GuardFolder } from "./guard-folder.ts";
import type { Signer } from "./signer.ts";

/** A key behind its guard. */
export class GuardedSigner implements Signer {
  readonly #key: EcdsaKey;
  readonly #folder: GuardFolder;
  readonly #sha256: Sha256;
  /** Set for good by the first write whose outcome is unknown. */
  #broken: FatalError | undefined;
  #isSigning = false;

  /** Takes over `folder`: disposing of the signer closes it. */
  constructor(options: {
    readonly key: EcdsaKey;
    readonly folder: GuardFolder;
    readonly sha256: Sha256;
  }) {
    this.#key = options.key;
    this.#folder = options.folder;
    this.#sha256 = options.sha256;
    const last = options.folder.last.head;
    if (last !== undefined) options.key.verify(encodeTreeHeadToSign(last), last.signature);
  }

  get publicKey(): Uint8Array {
    return this.#key.publicKey;
  }

  get logId(): Uint8Array {
    return this.#key.logId;
  }

  get lastHead(): SignedTreeHead | undefined {
    return this.#folder.last.head;
  }

  async signTreeHead(head: TreeHead, consistency: readonly Uint8Array[]): Promise<SignedTreeHead> {
    assert(!this.#isSigning, "one head at a time");
    if (this.#broken !== undefined) throw this.#broken;
    const last = this.#folder.last.head;
    if (last !== undefined && isSameTreeHead(last, head)) return last;
    if (last !== undefined) this.#requireExtension(last, head, consistency);
    this.#isSigning = true;
    try {
      const message = encodeTreeHeadToSign(head);
      const signature = this.#key.sign(message);
      this.#key.verify(message, signature);
      const signed: SignedTreeHead = { ...head, rootHash: head.rootHash.slice(), signature };
      const { sequence, logId } = this.#folder.last;
      await this.#folder.write({ sequence: sequence + 1, logId, head: signed });
      return signed;
    } catch (cause) {
      // The record may or may not be on disk, and a second look would only see the page
      // cache. The signature stays here; the next process reads what is there.
      this.#broken =
        cause instanceof FatalError
          ? cause
          : new FatalError(
              "FATAL_FSYNC",
              `the guard's record could not be made durable (${messageOf(cause)}); ` +
                "check the disk, then restart",
              { cause },
            );
      throw this.#broken;
    } finally {
      this.#isSigning = false;
    }
  }

  async signScts(leaves: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
    if (this.#broken !== undefined) throw this.#broken;
    const signatures = leaves.map((leaf) => this.#key.sign(leaf));
    const [leaf] = leaves;
    const [signature] = signatures;
    if (leaf !== undefined && signature !== undefined) this.#key.verify(leaf, signature);
    return signatures;
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#folder[Symbol.asyncDispose]();
  }

  #requireExtension(last: TreeHead, head: TreeHead, proof: readonly Uint8Array[]): void {
    if (head.treeSize < last.treeSize || head.timestampMs <= last.timestampMs) {
      throw disagrees(
        `size ${head.treeSize} at ${head.timestampMs} does not follow ` +
          `size ${last.treeSize} at ${last.timestampMs}`,
      );
    }
    try {
      verifyConsistency(this.#sha256, {
        firstSize: last.treeSize,
        firstRoot: last.rootHash,
        secondSize: head.treeSize,
        secondRoot: head.rootHash,
        proof,
      });
    } catch (cause) {
      throw disagrees(
        `size ${head.treeSize} does not contain the tree of size ${last.treeSize} ` +
          `that was signed before (${messageOf(cause)})`,
      );
    }
  }
}

/** A key whose guard could not be opened: it signs nothing, and says why. */
export class RefusingSigner implements Signer {
  readonly publicKey: Uint8Array;
  readonly logId: Uint8Array;
  readonly #reason: FatalError;

  constructor(key: EcdsaKey, reason: FatalError) {
    this.publicKey = key.publicKey;
    this.logId = key.logId;
    this.#reason = reason;
  }

  /** @throws FatalError the reason: without a guard nobody knows what was signed. */
  get lastHead(): SignedTreeHead | undefined {
    throw this.#reason;
  }

  signTreeHead(): Promise<SignedTreeHead> {
    return Promise.reject(this.#reason);
  }

  signScts(): Promise<readonly Uint8Array[]> {
    return Promise.reject(this.#reason);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function disagrees(message: string): FatalError {
  return new FatalError("FATAL_GUARD_DISAGREES", `the signing guard refuses: ${message}`);
}
