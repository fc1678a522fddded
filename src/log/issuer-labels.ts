/**
 * Names of issuers as labels of metrics: few, and none that a stranger could make up. An issuer
 * gets one once a chain through it was verified to an accepted root.
 * @module
 */
import { bytesKey } from "../encoding/bytes.ts";
import type { PathCertificate } from "../policy/admission.ts";
import { parseCertificate } from "../x509/certificate.ts";
import { describeName, formatName } from "../x509/name.ts";

/** Different labels of one shard in one thread; who comes later is {@link OTHER}. */
export const ISSUER_LABELS_MAX = 64;

/** Different names, all CAs' intermediates together, that lead to a label. */
const ISSUER_NAMES_MAX = 1_024;

const LABEL_LENGTH_MAX = 64;

/** The label of an issuer that came when all were given away. */
export const OTHER = "other";

/** The label of one that no verified chain has shown. */
export const UNKNOWN = "unknown";

/** The labels of one shard; grows to its bounds and forgets nothing: labels must not change. */
export class IssuerLabels {
  readonly #labels = new Set<string>();
  /** By subject, DER. */
  readonly #byName = new Map<string, string>();
  /** By the fingerprint of a certificate that is remembered: the same object each time. */
  readonly #byFingerprint = new WeakMap<Uint8Array, string>();
  readonly #blamed = new WeakMap<object, string>();

  /** The organization (else the common name) of the issuer at the start of a verified path. */
  ofPath(path: readonly PathCertificate[]): string {
    const [issuer] = path;
    // A root that was submitted itself.
    if (issuer === undefined) return OTHER;
    const known = this.#byFingerprint.get(issuer.fingerprint);
    if (known !== undefined) return known;
    const label = this.#learn(parseCertificate(issuer.der).subject);
    this.#byFingerprint.set(issuer.fingerprint, label);
    return label;
  }

  /** Remembers which issuer a refused certificate names. @param name DER, the sender's word. */
  blame(error: object, name: Uint8Array): void {
    const label = this.#byName.get(bytesKey(name));
    if (label !== undefined) this.#blamed.set(error, label);
  }

  /** What was blamed for a refusal. */
  ofRefusal(error: object): string {
    return this.#blamed.get(error) ?? UNKNOWN;
  }

  #learn(name: Uint8Array): string {
    const key = bytesKey(name);
    const known = this.#byName.get(key);
    if (known !== undefined) return known;
    const own = labelOf(name);
    const isTaken = this.#labels.has(own) || this.#labels.size < ISSUER_LABELS_MAX;
    const label = isTaken ? own : OTHER;
    if (isTaken) this.#labels.add(own);
    if (this.#byName.size < ISSUER_NAMES_MAX) this.#byName.set(key, label);
    return label;
  }
}

function labelOf(name: Uint8Array): string {
  const text = organizationOf(name) ?? formatName(name);
  const clean = text.replaceAll(/\p{C}/gu, " ").trim().slice(0, LABEL_LENGTH_MAX);
  return clean === "" ? OTHER : clean;
}

/** Never throws: a promise was made by the time that it is asked for. */
function organizationOf(name: Uint8Array): string | undefined {
  try {
    const attributes = describeName(name).filter(({ isText }) => isText);
    const textOf = (type: string) => attributes.find((one) => one.type === type)?.value;
    return textOf("O") ?? textOf("CN");
  } catch {
    return undefined;
  }
}
