/**
 * The certificates that submissions must chain to: RFC 6962, section 3.1 and get-roots.
 * @module
 */
import { MalformedError, quote } from "../base/errors.ts";
import { formatBase64, parseLaxBase64 } from "../encoding/base64.ts";
import { bytesKey, equalBytes } from "../encoding/bytes.ts";
import { type KnownCertificate, readCopied, type Sha256, tailKey } from "./known.ts";

/**
 * Accepted roots, in the order given, and certificates that no path may contain; never changes.
 * Doubles count once, and a root that is blocked does not count.
 */
export class RootSet {
  readonly #roots: readonly KnownCertificate[];
  readonly #byFingerprint: ReadonlyMap<string, KnownCertificate>;
  readonly #byDerTail: ReadonlyMap<number, readonly KnownCertificate[]>;
  readonly #bySubjectTail: ReadonlyMap<number, readonly KnownCertificate[]>;
  readonly #blocked: ReadonlySet<string>;

  /**
   * @param blocked SHA-256 of certificates, 32 bytes each.
   * @throws MalformedError `MALFORMED_CERTIFICATE` for a root that does not parse.
   */
  constructor(ders: readonly Uint8Array[], sha256: Sha256, blocked: readonly Uint8Array[] = []) {
    this.#blocked = new Set(blocked.map(bytesKey));
    const byFingerprint = new Map<string, KnownCertificate>();
    for (const der of ders) {
      const root = readCopied(der, sha256);
      if (byFingerprint.has(root.key) || this.#blocked.has(root.key)) continue;
      byFingerprint.set(root.key, root);
    }
    this.#roots = [...byFingerprint.values()];
    this.#byFingerprint = byFingerprint;
    this.#byDerTail = Map.groupBy(this.#roots, ({ certificate }) => tailKey(certificate.der));
    this.#bySubjectTail = Map.groupBy(this.#roots, ({ certificate }) =>
      tailKey(certificate.subject),
    );
  }

  /** Number of roots. */
  get count(): number {
    return this.#roots.length;
  }

  /** All roots, in order. */
  get all(): readonly KnownCertificate[] {
    return this.#roots;
  }

  /** DER of all roots, in order. */
  get ders(): readonly Uint8Array[] {
    return this.#roots.map(({ certificate }) => certificate.der);
  }

  /** The root with this SHA-256 of its DER. */
  withFingerprint(fingerprint: Uint8Array): KnownCertificate | undefined {
    return fingerprint.length === 32 ? this.#byFingerprint.get(bytesKey(fingerprint)) : undefined;
  }

  /** SHA-256 of the certificates that are blocked, roots or not, as `Map` keys. */
  get blockedKeys(): ReadonlySet<string> {
    return this.#blocked;
  }

  /** Whether no path may contain this certificate. */
  isBlocked(known: Pick<KnownCertificate, "key">): boolean {
    return this.#blocked.has(known.key);
  }

  /** The root with exactly these bytes. */
  find(der: Uint8Array): KnownCertificate | undefined {
    const alike = this.#byDerTail.get(tailKey(der));
    return alike?.find(({ certificate }) => equalBytes(certificate.der, der));
  }

  /** The roots with this subject, byte for byte, in order. */
  withSubject(name: Uint8Array): readonly KnownCertificate[] {
    const alike = this.#bySubjectTail.get(tailKey(name)) ?? [];
    return alike.filter(({ certificate }) => equalBytes(certificate.subject, name));
  }
}

/** A certificate as a PEM block: RFC 7468; ends in a newline. */
export function formatPem(der: Uint8Array): string {
  const body = formatBase64(der).replaceAll(/.{64}(?=.)/g, "$&\n");
  return `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`;
}

/**
 * The DER of each `CERTIFICATE` block of a PEM bundle, RFC 7468, in order; text between
 * blocks and blocks of other kinds are skipped. Empty if there is none.
 * @throws MalformedError `MALFORMED_PEM` for a block without end or with invalid base64.
 */
export function parsePem(text: string): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  let label: string | undefined;
  let body = "";
  for (const [index, line] of text.split(/\r\n|\n|\r/).entries()) {
    const [, edge, name] = /^\s*-----(BEGIN|END) ([^-]*)-----\s*$/.exec(line) ?? [];
    if (edge === "BEGIN") {
      if (label !== undefined) throw malformed(index, `no end of ${quote(label)} before`);
      label = name;
      body = "";
    } else if (edge === "END") {
      if (label !== name) throw malformed(index, `unexpected end of ${quote(name ?? "")}`);
      if (label === "CERTIFICATE") found.push(decodeBody(body, index));
      label = undefined;
    } else if (label !== undefined) {
      body += line.trim();
    }
  }
  if (label !== undefined) throw new MalformedError("MALFORMED_PEM", `no end of ${quote(label)}`);
  return found;
}

function decodeBody(body: string, index: number): Uint8Array {
  if (body === "") throw malformed(index, "empty certificate");
  try {
    return parseLaxBase64(body);
  } catch (error) {
    throw malformed(index, "invalid base64", error);
  }
}

function malformed(index: number, message: string, cause?: unknown): MalformedError {
  return new MalformedError("MALFORMED_PEM", `line ${index + 1}: ${message}`, { cause });
}
