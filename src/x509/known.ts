/**
 * What was learnt about issuers, which repeat in every submission: their parsed form by
 * bytes, and which signatures were found good. Bounded; the caller owns it. Only
 * certificates with a verified path are put in, so strangers cannot fill it.
 * @module
 */
import { keep, LinkedMap } from "../base/linked-map.ts";
import { byteAt, bytesKey, equalBytes } from "../encoding/bytes.ts";
import { type Certificate, parseCertificate } from "./certificate.ts";

/** SHA-256 of `bytes`: 32 fresh bytes. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;

/** A certificate and the SHA-256 of its DER. */
export interface KnownCertificate {
  readonly certificate: Certificate;
  /** 32 bytes. */
  readonly fingerprint: Uint8Array;
  /** SHA-256 of its SubjectPublicKeyInfo: what precertificate entries name; 32 bytes. */
  readonly keyHash: Uint8Array;
  /** The fingerprint as a `Map` key. */
  readonly key: string;
}

/** Parses a certificate from a copy of its bytes, so that nothing larger is held by it. @throws MalformedError. */
export function readCopied(der: Uint8Array, sha256: Sha256): KnownCertificate {
  const certificate = parseCertificate(Uint8Array.from(der));
  const fingerprint = sha256(certificate.der);
  const keyHash = sha256(certificate.spki);
  return { certificate, fingerprint, keyHash, key: bytesKey(fingerprint) };
}

/** Parsed issuers by their DER; the least recently used gives way. */
export class IssuerCache {
  readonly #entriesMax: number;
  readonly #entries = new LinkedMap<number, KnownCertificate>();

  /** @param entriesMax Certificates held at most; each takes some 5 kB with its key. */
  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
  }

  /** The known certificate with exactly these bytes. */
  find(der: Uint8Array): KnownCertificate | undefined {
    const key = tailKey(der);
    const known = this.#entries.get(key);
    if (known === undefined || !equalBytes(known.certificate.der, der)) return undefined;
    return this.#entries.use(key);
  }

  /** Puts in a certificate whose path was verified. */
  remember(known: KnownCertificate): void {
    keep(this.#entries, tailKey(known.certificate.der), known, this.#entriesMax);
  }
}

/** Pairs of certificates whose signature was found good; the least recently used gives way. */
export class VerifiedPairs {
  readonly #pairsMax: number;
  readonly #pairs = new LinkedMap<string, true>();

  /** @param pairsMax Pairs held at most; each takes some 200 bytes. */
  constructor(pairsMax: number) {
    this.#pairsMax = pairsMax;
  }

  /** Whether `issuer` is known to have signed `child`. */
  has(child: KnownCertificate, issuer: KnownCertificate): boolean {
    return this.#pairs.use(pairKey(child, issuer)) === true;
  }

  /** Records that `issuer` signed `child`. */
  add(child: KnownCertificate, issuer: KnownCertificate): void {
    keep(this.#pairs, pairKey(child, issuer), true, this.#pairsMax);
  }

  /** Forgets all: when the accepted roots change. */
  clear(): void {
    this.#pairs.clear();
  }
}

/**
 * A number of the last 6 bytes, which in a certificate belong to the signature and in a name
 * to its most specific attribute: a `Map` key that costs no hash. Equal keys prove nothing.
 */
export function tailKey(bytes: Uint8Array): number {
  let key = 0;
  for (let index = Math.max(0, bytes.length - 6); index < bytes.length; index += 1) {
    key = key * 256 + byteAt(bytes, index);
  }
  return key;
}

function pairKey(child: KnownCertificate, issuer: KnownCertificate): string {
  return child.key + issuer.key;
}
