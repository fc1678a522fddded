/**
 * Precertificates for load: a template TBSCertificate (RFC 5280; poison of RFC 6962, section
 * 3.1) into which serial and host names are patched, and the small CA that signs them. All
 * of it is a function of the seed but for the ECDSA signatures of the precertificates.
 * @module
 */
import { hash } from "node:crypto";
import { encodeUtf8 } from "../src/encoding/utf8.ts";
import {
  bitString,
  der,
  extension,
  name,
  octetString,
  oid,
  sequence,
  text,
  utcTime,
} from "./der.ts";
import { deriveRsaSubject, deriveSigningKey, type IssuerKind, type SigningKey } from "./keys.ts";

/** Expiry of every precertificate made here; a shard of 2027 takes it. */
export const NOT_AFTER_MS: number = Date.UTC(2027, 5, 15, 12, 0, 0);

const NOT_BEFORE_MS = Date.UTC(2026, 10, 1);
const SERIAL_BYTES = 16;
const HOST_CHARACTERS = 16;

/** A root, and the intermediate that signs the precertificates. */
export interface Authority {
  /** DER; self-signed. */
  readonly root: Uint8Array;
  /** DER; signed by the root. */
  readonly intermediate: Uint8Array;
  /** SHA-256 of the intermediate's SubjectPublicKeyInfo. */
  readonly issuerKeyHash: Uint8Array;
  readonly issuerKey: SigningKey;
}

/** The CA that `kind` and `seed` decide; the same bytes in every process. */
export function deriveAuthority(kind: IssuerKind, seed: number): Authority {
  const rootKey = deriveSigningKey(kind, seed, `${kind}/root`);
  const issuerKey = deriveSigningKey(kind, seed, `${kind}/intermediate`);
  const rootName = name(["C", "XX"], ["O", "Stratus bench"], ["CN", `Root ${kind} ${seed}`]);
  const root = makeCaCertificate({
    subject: rootName,
    key: rootKey,
    issuer: rootName,
    by: rootKey,
  });
  const intermediate = makeCaCertificate({
    subject: issuerName(kind, seed),
    key: issuerKey,
    issuer: rootName,
    by: rootKey,
  });
  return { root, intermediate, issuerKeyHash: sha256(issuerKey.spki), issuerKey };
}

/** Makes the TBSCertificates of one authority: number `index` differs from all others. */
export class PrecertificateTemplate {
  readonly #seed: number;
  readonly #algorithm: Uint8Array;
  readonly #poisoned: Patchable;
  readonly #plain: Patchable;

  constructor(authority: Authority, seed: number) {
    const { issuerKey } = authority;
    const leafSpki = deriveRsaSubject(seed);
    const tbs = (isPoisoned: boolean) =>
      findFields(makeLeafTbs({ issuerKey, leafSpki, seed, isPoisoned }));
    this.#seed = seed;
    this.#algorithm = issuerKey.algorithm;
    this.#poisoned = tbs(true);
    this.#plain = tbs(false);
  }

  /** What the issuer signs: with poison. A fresh array. */
  poisonedTbs(index: number): Uint8Array {
    return this.#patch(this.#poisoned, index);
  }

  /** What the log logs: the same without poison. A fresh array. */
  loggedTbs(index: number): Uint8Array {
    return this.#patch(this.#plain, index);
  }

  /** The precertificate from its TBS and the signature over it. */
  assemble(index: number, signature: Uint8Array): Uint8Array {
    return sequence(this.poisonedTbs(index), this.#algorithm, bitString(signature));
  }

  #patch(template: Patchable, index: number): Uint8Array {
    const random = hash("sha256", `${this.#seed}/precertificate/${index}`, "buffer");
    random[0] = 0x40 + ((random[0] ?? 0) % 0x40); // A positive serial of full length.
    const tbs = template.bytes.slice();
    tbs.set(random.subarray(0, SERIAL_BYTES), template.serialOffset);
    const host = encodeHex(random.subarray(SERIAL_BYTES, SERIAL_BYTES + HOST_CHARACTERS / 2));
    for (const offset of template.hostOffsets) tbs.set(host, offset);
    return tbs;
  }
}

/** A TBSCertificate and where its fields stand. */
interface Patchable {
  readonly bytes: Uint8Array;
  readonly serialOffset: number;
  /** In the subject's common name and twice in the subject alternative names. */
  readonly hostOffsets: readonly number[];
}

const SERIAL_MARK = new Uint8Array(SERIAL_BYTES).fill(0x55);
const HOST_MARK = "@".repeat(HOST_CHARACTERS);

function findFields(bytes: Uint8Array): Patchable {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const hostOffsets: number[] = [];
  for (let at = buffer.indexOf(HOST_MARK); at >= 0; at = buffer.indexOf(HOST_MARK, at + 1)) {
    hostOffsets.push(at);
  }
  return { bytes, serialOffset: buffer.indexOf(SERIAL_MARK), hostOffsets };
}

function makeLeafTbs(options: {
  readonly issuerKey: SigningKey;
  readonly leafSpki: Uint8Array;
  readonly seed: number;
  readonly isPoisoned: boolean;
}): Uint8Array {
  const { issuerKey, leafSpki, seed } = options;
  const host = `${HOST_MARK}.bench.example`;
  const extensions = [
    extension("2.5.29.15", Uint8Array.of(0x03, 0x02, 0x05, 0xa0), { isCritical: true }),
    extension("2.5.29.37", sequence(oid("1.3.6.1.5.5.7.3.1"), oid("1.3.6.1.5.5.7.3.2"))),
    extension("2.5.29.19", sequence(), { isCritical: true }),
    extension("2.5.29.14", octetString(keyId(leafSpki))),
    extension("2.5.29.35", sequence(der(0x80, keyId(issuerKey.spki)))),
    extension("1.3.6.1.5.5.7.1.1", authorityAccess(issuerKey.kind)),
    extension("2.5.29.17", sequence(text(0x82, host), text(0x82, `www.${host}`))),
    extension("2.5.29.32", certificatePolicies()),
    extension("2.5.29.31", distributionPoints(issuerKey.kind)),
    ...(options.isPoisoned
      ? [extension("1.3.6.1.4.1.11129.2.4.3", der(0x05), { isCritical: true })]
      : []),
  ];
  return sequence(
    der(0xa0, Uint8Array.of(0x02, 0x01, 0x02)),
    der(0x02, SERIAL_MARK),
    issuerKey.algorithm,
    issuerName(issuerKey.kind, seed),
    sequence(utcTime(NOT_BEFORE_MS), utcTime(NOT_AFTER_MS)),
    name(["C", "XX"], ["O", "Subscriber of a Bench Certificate"], ["CN", host]),
    leafSpki,
    der(0xa3, sequence(...extensions)),
  );
}

function makeCaCertificate(options: {
  readonly subject: Uint8Array;
  readonly key: SigningKey;
  readonly issuer: Uint8Array;
  readonly by: SigningKey;
}): Uint8Array {
  const { subject, key, issuer, by } = options;
  const extensions = [
    extension("2.5.29.19", sequence(Uint8Array.of(0x01, 0x01, 0xff)), { isCritical: true }),
    extension("2.5.29.15", Uint8Array.of(0x03, 0x02, 0x01, 0x06), { isCritical: true }),
    extension("2.5.29.14", octetString(keyId(key.spki))),
    extension("2.5.29.35", sequence(der(0x80, keyId(by.spki)))),
  ];
  const tbs = sequence(
    der(0xa0, Uint8Array.of(0x02, 0x01, 0x02)),
    der(0x02, Uint8Array.of(0x40), sha256(key.spki).subarray(0, 15)),
    by.algorithm,
    issuer,
    sequence(utcTime(Date.UTC(2024, 0, 1)), utcTime(Date.UTC(2044, 0, 1))),
    subject,
    key.spki,
    der(0xa3, sequence(...extensions)),
  );
  return sequence(tbs, by.algorithm, bitString(by.signDeterministically(tbs)));
}

function issuerName(kind: IssuerKind, seed: number): Uint8Array {
  return name(["C", "XX"], ["O", "Stratus bench"], ["CN", `Issuing CA ${kind} ${seed}`]);
}

function authorityAccess(kind: IssuerKind): Uint8Array {
  const access = (method: string, url: string) => sequence(oid(method), text(0x86, url));
  return sequence(
    access("1.3.6.1.5.5.7.48.1", `http://ocsp.${kind}.bench.example`),
    access("1.3.6.1.5.5.7.48.2", `http://cacerts.${kind}.bench.example/issuing-ca.crt`),
  );
}

function certificatePolicies(): Uint8Array {
  const cps = sequence(
    oid("1.3.6.1.5.5.7.2.1"),
    text(0x16, "https://www.bench.example/repository/certification-practice-statement"),
  );
  return sequence(
    sequence(oid("2.23.140.1.2.2")),
    sequence(oid("1.3.6.1.4.1.99999.1.1"), sequence(cps)),
  );
}

function distributionPoints(kind: IssuerKind): Uint8Array {
  const point = (host: string) =>
    sequence(
      der(0xa0, der(0xa0, text(0x86, `http://${host}.${kind}.bench.example/issuing-ca.crl`))),
    );
  return sequence(point("crl3"), point("crl4"));
}

function keyId(spki: Uint8Array): Uint8Array {
  return sha256(spki).subarray(0, 20);
}

function encodeHex(bytes: Uint8Array): Uint8Array {
  return encodeUtf8(Buffer.from(bytes).toString("hex"));
}

function sha256(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(hash("sha256", bytes, "buffer"));
}
