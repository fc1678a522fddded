/**
 * Golden vectors of the messages between frontends and sequencers: the module comment of
 * src/sequencer/message-codec.ts.
 * @module
 */
import { bad, cuts, fill, ok, uint, type VectorFile, vec } from "./builder.ts";

const KEY = fill("d0", 32);
const HASH = fill("aa", 32);
const ROOT = fill("f1", 32);
const LEAF = "3003020101";
const SOURCE = "src/sequencer/message-codec.ts";

/** A group of one item of shard 2. */
const one = (item: string) => `010002${uint(1, 4)}${item}`;

const X509 = `${uint(7, 4)}00${KEY}00${vec(LEAF, 3)}`;
const PRECERT = `${uint(2 ** 32 - 1, 4)}01${KEY}01${HASH}${vec("3001aa", 3)}${vec(LEAF, 3)}`;
const ISSUER = `01${ROOT}0100${vec("3000", 3)}`;

const X509_SUBMISSION = {
  dedupKey: KEY,
  entry: { type: "x509", certificate: LEAF },
  chainFingerprints: [],
  issuers: [],
  priority: "normal",
};
const PRECERT_SUBMISSION = {
  dedupKey: KEY,
  entry: { type: "precert", issuerKeyHash: HASH, tbs: "3001aa" },
  precertificate: LEAF,
  chainFingerprints: [ROOT],
  issuers: [{ fingerprint: ROOT, der: "3000" }],
  priority: "low",
};

const submissions: VectorFile = {
  source: SOURCE,
  vectors: [
    ok("a certificate", one(`${X509}0000`), {
      shard: 2,
      items: [{ id: 7, submission: X509_SUBMISSION }],
    }),
    ok("a precertificate with an issuer, low priority", one(PRECERT + ISSUER), {
      shard: 2,
      items: [{ id: 2 ** 32 - 1, submission: PRECERT_SUBMISSION }],
    }),
    ok("none", `01ffff${uint(0, 4)}`, { shard: 65_535, items: [] }),
    bad("version 0", `00${one(`${X509}0000`).slice(2)}`),
    bad("version 2", `02${one(`${X509}0000`).slice(2)}`),
    bad("a count beyond the items", `010002${uint(2, 4)}${X509}0000`),
    bad("2^32 - 1 items", `010002ffffffff${X509}0000`),
    bad("an item beyond the count", `010002${uint(0, 4)}${X509}0000`),
    bad("priority 2", one(`${uint(7, 4)}02${X509.slice(10)}0000`)),
    bad("entry type 2", one(`${uint(7, 4)}00${KEY}02${vec(LEAF, 3)}0000`)),
    bad("an empty certificate", one(`${uint(7, 4)}00${KEY}000000000000`)),
    bad("an empty precertificate", one(`${PRECERT.slice(0, -16)}0000000000`)),
    bad("an empty issuer", one(`${PRECERT}01${ROOT}0100000000`)),
    bad("an issuer that is not of the chain", one(`${PRECERT}01${ROOT}0101${vec("3000", 3)}`)),
    bad(
      "an issuer at the second place of its fingerprint",
      one(`${PRECERT}02${ROOT}${ROOT}0101${vec("3000", 3)}`),
    ),
    bad("fingerprints beyond the message", one(`${PRECERT}ff${ROOT}00`)),
    ...cuts(one(PRECERT + ISSUER), [0, 1, 3, 7, 11, 12, 44, 45, 77, 80, 83, 86, 91, 92, 124, 125]),
  ],
};

const LOGGED = `${uint(7, 4)}00${uint(5, 6)}${uint(1_700_000_000_000, 8)}01${KEY}${vec("0403aa", 2)}`;
const FULL = `${uint(8, 4)}0105${uint(1_000, 4)}${vec("66756c6c", 2)}`;
const UNKNOWN = `${uint(9, 4)}02`;

const answers: VectorFile = {
  source: SOURCE,
  vectors: [
    ok("one of each kind", `010002${uint(3, 4)}${LOGGED}${FULL}${UNKNOWN}`, {
      shard: 2,
      items: [
        {
          id: 7,
          answer: {
            type: "logged",
            leafIndex: 5,
            timestampMs: 1_700_000_000_000,
            signature: "0403aa",
            dedupKey: KEY,
            isDuplicate: true,
          },
        },
        {
          id: 8,
          answer: {
            type: "unavailable",
            code: "UNAVAILABLE_POOL_FULL",
            message: "full",
            retryAfterMs: 1_000,
          },
        },
        { id: 9, answer: { type: "issuers-unknown" } },
      ],
    }),
    ok("none", `010000${uint(0, 4)}`, { shard: 0, items: [] }),
    bad("version 2", `02${one(UNKNOWN).slice(2)}`),
    bad("answer type 3", one(`${uint(9, 4)}03`)),
    bad("a code that is not known", one(FULL.replace("0105", "01ff"))),
    bad("a message that is no UTF-8", one(FULL.replace(vec("66756c6c", 2), vec("c0", 2)))),
    bad(
      "a message of 4,097 characters",
      one(FULL.replace(vec("66756c6c", 2), vec(fill("61", 4_097), 2))),
    ),
    bad("duplicate 2", one(LOGGED.replace(`01${KEY}`, `02${KEY}`))),
    bad("timestamp 2^53", one(LOGGED.replace(uint(1_700_000_000_000, 8), "0020000000000000"))),
    bad("a byte behind the items", `${one(UNKNOWN)}00`),
    ...cuts(one(LOGGED), [0, 7, 11, 12, 18, 26, 27, 59, 61, 63]),
  ],
};

/** Vectors of the messages. */
export const MESSAGE_VECTORS: Readonly<Record<string, VectorFile>> = {
  "sequencer/submissions": submissions,
  "sequencer/answers": answers,
};
