/**
 * Port: the log's key. A tree head is signed only through the guard that the adapter holds;
 * frontends hold no Signer.
 * @module
 */
import type { SignedTreeHead, TreeHead } from "../rfc6962/tree-head.ts";

/** One key, with a memory of the last head that it signed. */
export interface Signer extends AsyncDisposable {
  /** The key's SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;

  /** SHA-256 of `publicKey`; 32 bytes. */
  readonly logId: Uint8Array;

  /** The last head that was signed, from the guard's durable record; undefined before the first. */
  readonly lastHead: SignedTreeHead | undefined;

  /**
   * Signs a tree head. The guard's record is durable before this resolves, and the signature
   * was verified with the public key.
   *
   * A head equal to `lastHead` gets the recorded signature again, the same bytes.
   *
   * @param consistency Proof from `lastHead.treeSize` to `head.treeSize`; verified here.
   * @returns `head` with its signature.
   * @throws FatalError `FATAL_GUARD_DISAGREES` unless `head` is `lastHead`, or extends it with
   *   a later timestamp; `FATAL_FSYNC` if the record may not be durable: nothing was released,
   *   and this signer signs no more.
   */
  signTreeHead(head: TreeHead, consistency: readonly Uint8Array[]): Promise<SignedTreeHead>;

  /**
   * Signs SCTs. The first signature of each call is verified with the public key.
   *
   * @param leaves Encoded `MerkleTreeLeaf` each, of entries in the published tree.
   * @returns Encoded `DigitallySigned`, one for each leaf, in order.
   * @throws FatalError `FATAL_SIGNATURE` if the key does not verify its own signature; what
   *   `signTreeHead` threw, if it broke this signer.
   */
  signScts(leaves: readonly Uint8Array[]): Promise<readonly Uint8Array[]>;
}
