/**
 * One `Extension` of a certificate: RFC 5280, section 4.1.2.9. A certificate has some ten, of
 * which a log looks into one or two, so views are made when they are asked for.
 * @module
 */
import { byteAt, hasBytesAt } from "../encoding/bytes.ts";
import { type DerReader, decodeBoolean, requireLastOid, TAG } from "./der.ts";

/** Where the parts of an extension lie in the bytes of its certificate. */
export class Extension {
  readonly critical: boolean;
  /** Where the TLV begins in the certificate's DER. */
  readonly start: number;
  /** Where it ends. */
  readonly end: number;
  readonly #der: Uint8Array;
  readonly #oidStart: number;
  readonly #oidEnd: number;
  readonly #valueStart: number;
  readonly #valueContentStart: number;
  readonly #valueEnd: number;

  /**
   * Reads past the next TLV of `list`, whose bytes are the certificate's.
   * @throws MalformedError `MALFORMED_DER`.
   */
  constructor(list: DerReader) {
    const outerEnd = list.open(TAG.sequence, "extension");
    this.start = list.start;
    list.skipTag(TAG.oid, "extension");
    requireLastOid(list, "extension");
    this.#der = list.bytes;
    this.#oidStart = list.contentStart;
    this.#oidEnd = list.offset;
    let critical = false;
    if (list.isNext(TAG.boolean)) {
      list.skip("extension");
      critical = decodeBoolean(list.lastContent(), "critical");
    }
    this.critical = critical;
    list.skipTag(TAG.octetString, "extension value");
    this.#valueStart = list.start;
    this.#valueContentStart = list.contentStart;
    this.#valueEnd = list.offset;
    list.leave(outerEnd);
    this.end = list.offset;
  }

  /** Content octets of extnID: a view. */
  get oid(): Uint8Array {
    return this.#der.subarray(this.#oidStart, this.#oidEnd);
  }

  /** Content octets of extnValue: a view. */
  get value(): Uint8Array {
    return this.#der.subarray(this.#valueContentStart, this.#valueEnd);
  }

  /** The whole TLV: a view. */
  get raw(): Uint8Array {
    return this.#der.subarray(this.start, this.end);
  }

  /** Offset in `raw` of extnValue's TLV. */
  get valueOffset(): number {
    return this.#valueStart - this.start;
  }

  /** Whether extnID has these content octets. */
  isOf(oid: Uint8Array): boolean {
    return (
      this.#oidEnd - this.#oidStart === oid.length && hasBytesAt(this.#der, this.#oidStart, oid)
    );
  }

  /** The arc below id-ce (2.5.29) that extnID is, if it has one octet; else 0, which is none. */
  get idCeArc(): number {
    if (this.#oidEnd - this.#oidStart !== 3) return 0;
    const isIdCe = this.#der[this.#oidStart] === 0x55 && this.#der[this.#oidStart + 1] === 0x1d;
    return isIdCe ? byteAt(this.#der, this.#oidStart + 2) : 0;
  }

  /** Goes over extnValue with `reader`, which must be one of the same bytes. */
  enterValue(reader: DerReader): void {
    reader.moveTo(this.#valueContentStart, this.#valueEnd);
  }
}
