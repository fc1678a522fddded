/**
 * Entries for filling a shard, made cheaply: one real TileLeaf of this load
 * (c2sp.org/static-ct-api#log-entries) into which serial, host names, signature, timestamp and
 * index are patched, so that they compress as real ones do. The signature is random bytes: no
 * check of a log at rest looks at it. All of it is a function of seed and index.
 * @module
 */
import { createCipheriv, createHash, hash } from "node:crypto";
import { assert } from "../src/base/assert.ts";
import { encodeUtf8 } from "../src/encoding/utf8.ts";
import { encodeLeafIndexExtension } from "../src/static-ct/extensions.ts";
import { encodeTileLeaf } from "../src/static-ct/tile-leaf.ts";
import type { Issuer } from "../src/storage/store.ts";
import { deriveAuthority, PrecertificateTemplate } from "./certificates.ts";
import { sha256 } from "./log-reader.ts";

/** Consecutive entries and what is derived from each by itself. */
export interface EntryBlock {
  /** The TileLeafs one after the other; all of the same length. */
  readonly bytes: Uint8Array;
  /** 32 bytes for each. */
  readonly leafHashes: Uint8Array;
  /** 32 bytes for each. */
  readonly dedupKeys: Uint8Array;
  /** Of `bytes`. */
  readonly sha256: Uint8Array;
}

/** Random bytes of an entry, in whole blocks of AES. */
const RANDOM_BYTES = 288;
const AES_BLOCK_BYTES = 16;
const SERIAL_BYTES = 16;
const HOST_CHARACTERS = 16;
const SIGNATURE_BYTES = 256;

/** Version and type of a serial: what stands before it in a TBSCertificate. */
const BEFORE_SERIAL = Uint8Array.of(0xa0, 0x03, 0x02, 0x01, 0x02, 0x02, SERIAL_BYTES);
const HOST = /[0-9a-f]{16}(?=\.bench\.example)/g;
const HEX = encodeUtf8("0123456789abcdef");

/** Makes the entries of one seed. */
export class FillEntries {
  /** The certificates that every entry's chain names. */
  readonly issuers: readonly Issuer[];
  /** Bytes of each entry. */
  readonly length: number;
  readonly #template: Uint8Array;
  readonly #serials: readonly number[];
  readonly #hosts: readonly number[];
  /** End of the signed entry, which begins at byte 8: behind the timestamp. */
  readonly #signedEnd: number;
  readonly #signatureStart: number;
  readonly #key: Buffer;

  constructor(seed: number) {
    const authority = deriveAuthority("rsa2048", seed);
    const template = new PrecertificateTemplate(authority, seed);
    const tbs = template.loggedTbs(0);
    const precertificate = template.assemble(0, new Uint8Array(SIGNATURE_BYTES));
    this.issuers = [authority.intermediate, authority.root].map((certificate) => {
      return { fingerprint: sha256(certificate), der: certificate };
    });
    this.#template = encodeTileLeaf({
      timestampMs: 0,
      entry: { type: "precert", issuerKeyHash: authority.issuerKeyHash, tbs },
      extensions: encodeLeafIndexExtension(0),
      precertificate,
      chainFingerprints: this.issuers.map(({ fingerprint }) => fingerprint),
    });
    const text = Buffer.from(this.#template).toString("latin1");
    const before = Buffer.from(BEFORE_SERIAL).toString("latin1");
    this.length = this.#template.length;
    this.#serials = [text.indexOf(before), text.lastIndexOf(before)].map((at) => at + 7);
    this.#hosts = [...text.matchAll(HOST)].map(({ index }) => index);
    this.#signedEnd = 8 + 2 + 32 + 3 + tbs.length;
    this.#signatureStart = this.length - 2 - 64 - SIGNATURE_BYTES;
    this.#key = hash("sha256", `${seed}/fill`, "buffer").subarray(0, AES_BLOCK_BYTES);
    assert(this.#serials[0] !== this.#serials[1] && this.#hosts.length === 6, "two certificates");
  }

  /**
   * Entries [start, start + count) with one timestamp.
   * @param into Memory for their bytes, taken over if it is large enough: fresh pages cost as
   *   much as all the rest (*measured*).
   */
  make(start: number, count: number, timestampMs: number, into?: ArrayBuffer): EntryBlock {
    const random = this.#random(start, count);
    const size = this.length * count;
    const memory = into !== undefined && into.byteLength >= size ? into : new ArrayBuffer(size);
    const bytes = new Uint8Array(memory, 0, size);
    const leafHashes = new Uint8Array(32 * count);
    const dedupKeys = new Uint8Array(32 * count);
    const view = new DataView(bytes.buffer);
    const leaf = new Uint8Array(3 + this.#signedEnd + 2 + 8);
    for (let at = 0; at < count; at += 1) {
      const offset = at * this.length;
      bytes.set(this.#template, offset);
      view.setBigUint64(offset, BigInt(timestampMs));
      const index = start + at;
      view.setUint8(offset + this.#signedEnd + 5, Math.floor(index / 2 ** 32));
      view.setUint32(offset + this.#signedEnd + 6, index % 2 ** 32);
      this.#patch(bytes, offset, random, at * RANDOM_BYTES);
      // MerkleTreeLeaf begins with version and type, both 0, and its hash with another 0.
      leaf.set(bytes.subarray(offset, offset + leaf.length - 3), 3);
      leafHashes.set(hash("sha256", leaf, "buffer"), 32 * at);
      const signed = bytes.subarray(offset + 8, offset + this.#signedEnd);
      dedupKeys.set(hash("sha256", signed, "buffer"), 32 * at);
    }
    const digest = createHash("sha256").update(bytes).digest();
    return { bytes, leafHashes, dedupKeys, sha256: Uint8Array.from(digest) };
  }

  #patch(bytes: Uint8Array, offset: number, random: Uint8Array, from: number): void {
    const serial = random.subarray(from, from + SERIAL_BYTES);
    serial[0] = 0x40 + ((serial[0] ?? 0) % 0x40); // A positive serial of full length.
    for (const at of this.#serials) bytes.set(serial, offset + at);
    const host = from + SERIAL_BYTES;
    const [first = 0, ...others] = this.#hosts;
    for (let at = 0; at < HOST_CHARACTERS / 2; at += 1) {
      const byte = random[host + at] ?? 0;
      bytes[offset + first + 2 * at] = HEX[Math.floor(byte / 16)] ?? 0;
      bytes[offset + first + 2 * at + 1] = HEX[byte % 16] ?? 0;
    }
    for (const at of others) {
      bytes.copyWithin(offset + at, offset + first, offset + first + HOST_CHARACTERS);
    }
    const signature = host + HOST_CHARACTERS / 2;
    bytes.set(
      random.subarray(signature, signature + SIGNATURE_BYTES),
      offset + this.#signatureStart,
    );
  }

  /** The key stream of AES in counter mode, from the blocks of entry `start` on. */
  #random(start: number, count: number): Uint8Array {
    const counter = Buffer.alloc(AES_BLOCK_BYTES);
    counter.writeBigUInt64BE(BigInt(start) * BigInt(RANDOM_BYTES / AES_BLOCK_BYTES), 8);
    const cipher = createCipheriv("aes-128-ctr", this.#key, counter);
    return cipher.update(new Uint8Array(RANDOM_BYTES * count));
  }
}
