/**
 * Final certificates that carry SCTs, for tests: the precertificate, and the same with a list
 * of SCTs in place of the poison.
 * @module
 */
import { encodeSctList, type Sct } from "../../src/rfc6962/sct.ts";
import { type IssueOptions, SCT_LIST_OID, type TestCa } from "./certificates.ts";
import { extension, octetString } from "./der-builder.ts";
import type { SctJson } from "./running-log.ts";

/** A pair that a CA would issue. */
export interface IssuedPair {
  readonly precertificate: Uint8Array;
  /** The final certificate with these SCTs, or with these bytes as its list. */
  readonly withScts: (scts: readonly Sct[] | Uint8Array) => Uint8Array;
}

/** Issues a precertificate and, once there are SCTs, its certificate. */
export function issuePair(issuer: TestCa, options: IssueOptions & { serial: number }): IssuedPair {
  return {
    precertificate: issuer.issue({ ...options, precert: true }),
    withScts: (scts) => {
      const list = scts instanceof Uint8Array ? scts : encodeSctList(scts);
      const extensions = [extension(SCT_LIST_OID, octetString(list), false)];
      return issuer.issue({ ...options, extensions });
    },
  };
}

/** The SCT of an answer of add-chain. */
export function sctOf(json: SctJson): Sct {
  const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "base64"));
  return {
    logId: bytes(json.id),
    timestampMs: json.timestamp,
    extensions: bytes(json.extensions),
    signature: bytes(json.signature),
  };
}
