/**
 * One entry as get-entries answers it (RFC 6962, section 4.6), in the pieces that it is stored
 * in: a page of a thousand of them is written without putting any of them together.
 * @module
 */
import { concatBytes } from "../encoding/bytes.ts";
import type { JsonEntry } from "../rfc6962/json.ts";
import type { TileLeafParts } from "../static-ct/tile-leaf.ts";

/** Bytes of a `MerkleTreeLeaf` before its TimestampedEntry: version 0, leaf type 0. */
const LEAF_HEADER: Uint8Array = new Uint8Array(2);

/** An entry whose `leafInput` and `extraData` are put together by whoever asks for them. */
export class LoggedEntry implements JsonEntry {
  /**
   * What `leafInput` holds behind two zero bytes, the encoded TimestampedEntry, and what
   * `extraData` begins with, `pre_certificate` with its length or nothing.
   */
  readonly parts: TileLeafParts;
  /**
   * What `extraData` ends with: `certificate_chain` with its length, at least 3 bytes. Entries
   * of one chain mostly share one array.
   */
  readonly chain: Uint8Array;

  /** @param chain `ASN.1Cert certificate_chain<0..2^24-1>`, as `encodeExtraData` writes it. */
  constructor(parts: TileLeafParts, chain: Uint8Array) {
    this.parts = parts;
    this.chain = chain;
  }

  /** Encoded `MerkleTreeLeaf`; fresh. */
  get leafInput(): Uint8Array {
    return concatBytes(LEAF_HEADER, this.parts.timestampedEntry);
  }

  /** `extra_data`; fresh. */
  get extraData(): Uint8Array {
    return concatBytes(this.parts.precertificate, this.chain);
  }
}
