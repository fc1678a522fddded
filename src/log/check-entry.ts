/**
 * The check of an entry that was read back: its TBS must be the one that its precertificate
 * gives, RFC 6962, section 3.2.
 * @module
 */
import type { CheckEntry } from "../sequencer/verify.ts";
import { verifyLoggedTbs } from "../x509/logged-tbs.ts";

/**
 * Throws unless the logged TBS is the precertificate's. An X.509 entry is its own proof.
 * @throws Error that says what differs; the caller makes it its shard's fatal error.
 */
export const checkEntry: CheckEntry = (leaf, readIssuer) => {
  if (leaf.entry.type === "x509") return undefined;
  const { precertificate, entry, chainFingerprints } = leaf;
  if (precertificate === undefined) throw new Error("a precertificate entry without one");
  const [fingerprint] = chainFingerprints;
  return verifyLoggedTbs({ precertificate, tbs: entry.tbs }, async () =>
    fingerprint === undefined ? undefined : readIssuer(fingerprint),
  );
};
