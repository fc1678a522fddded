/**
 * The rules that a chain can break, in plain words: by the code of the refusal, which is what
 * does not change. docs/ERRORS.md has them all.
 * @module
 */

/** A rule. */
export interface Rule {
  /** What it asks for. */
  readonly rule: string;
  /** What mends it. */
  readonly remedy: string;
}

const RULES: Readonly<Record<string, Rule>> = {
  MALFORMED_BASE64: {
    rule: "Each certificate must be whole: what was sent is no base64.",
    remedy: "Copy the PEM again, with every line.",
  },
  MALFORMED_BODY: {
    rule: "There must be a chain of at least one certificate.",
    remedy: "Paste the certificate, then its issuers.",
  },
  MALFORMED_CERTIFICATE: {
    rule: "Each certificate must be X.509: a field of one is missing or cannot be read.",
    remedy: "It cannot be logged as it is. Its CA has to issue another one.",
  },
  MALFORMED_DER: {
    rule: "Each certificate must be DER: lengths of one do not fit, or bytes are left over.",
    remedy: "Check that each block holds one whole certificate and nothing else.",
  },
  MALFORMED_PRECERTIFICATE: {
    rule: "A precertificate must carry one poison extension, and its issuer must follow it.",
    remedy:
      "Paste the issuer behind it, and that one\u2019s issuer if it only signs precertificates.",
  },
  REJECTED_BODY_TOO_LARGE: {
    rule: "A submission has at most 512,000 bytes.",
    remedy: "Send only the certificates that lead to a root.",
  },
  REJECTED_CHAIN_INVALID: {
    rule: "The certificates must form one chain, each signed by the next, up to an accepted root.",
    remedy:
      "Put the certificate first, then each issuer in turn; leave out what is not part of it.",
  },
  REJECTED_CHAIN_TOO_LONG: {
    rule: "A chain must not be longer, nor take more signatures to verify, than the limits allow.",
    remedy: "Send the shortest path to a root.",
  },
  REJECTED_EXTENDED_KEY_USAGE: {
    rule: "This shard takes certificates for certain uses alone, such as servers.",
    remedy: "Submit it to another log.",
  },
  REJECTED_ISSUER_BLOCKED: {
    rule: "No certificate of the chain may be one that the operator has blocked.",
    remedy: "Submit a chain through another issuer, or to another log.",
  },
  REJECTED_ISSUER_UNKNOWN: {
    rule: "The chain must end in an accepted root.",
    remedy: "Add the issuer that is missing. If the root is not accepted, ask the operator for it.",
  },
  REJECTED_NOT_AFTER_OUT_OF_RANGE: {
    rule: "A shard takes certificates that expire within its window alone.",
    remedy: "Submit it to the shard for that time, here or at another log.",
  },
  REJECTED_POISON_INVALID: {
    rule: "The poison of a precertificate must be critical and hold NULL (RFC 6962, section 3.1).",
    remedy: "Its CA has to mend it.",
  },
  REJECTED_PRECERTIFICATE_SIGNING_CERTIFICATE: {
    rule: "This shard takes no precertificates that a precertificate signing certificate has signed.",
    remedy: "Have it signed by the CA itself, or submit it to another log.",
  },
  REJECTED_SHARD_CLOSED: {
    rule: "A shard takes submissions until some days after its window has passed.",
    remedy: "A certificate that has expired needs no log any more.",
  },
  REJECTED_SHARD_PLANNED: {
    rule: "A shard that is announced takes submissions from its first day on.",
    remedy: "Submit it from that day on, or to another log now.",
  },
  REJECTED_TYPE_MISMATCH: {
    rule: "Certificates go to add-chain, precertificates to add-pre-chain.",
    remedy: "Submit it to the other one.",
  },
};

/** The rule of a code; undefined for one that no chain is refused by. */
export function ruleOf(code: string): Rule | undefined {
  return Object.hasOwn(RULES, code) ? RULES[code] : undefined;
}
