/**
 * Facts with which every condition of the trust programs is met or the operator's: four shards
 * of a year, of both types, and the answers of a running log. Fixtures change one thing.
 * @module
 */
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { formatCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { openLogKey } from "../../src/client/log-key.ts";
import { formatHex } from "../../src/encoding/hex.ts";
import type { Facts, LiveAnswer, LiveName, LogFacts } from "../../src/program/facts.ts";
import { formatRootsJson, formatTreeHeadJson } from "../../src/rfc6962/json.ts";
import { encodeDigitallySigned } from "../../src/rfc6962/signature.ts";
import { encodeTreeHeadToSign, type SignedTreeHead } from "../../src/rfc6962/tree-head.ts";
import { MERGE_DELAY_MONITOR_ROOT } from "../../src/roots/monitor-root.ts";
import { formatLogJson, type LogDescription } from "../../src/static-ct/log-json.ts";

/** When the facts are looked at. */
export const NOW_MS: number = Date.UTC(2026, 10, 23);

/** The monitor's root is nobody's to make: this stands for it. */
const MONITOR_DER = Uint8Array.of(0x30, 3, 1, 2, 3);
const OTHER_DER = Uint8Array.of(0x30, 1, 7);

/** SHA-256, but for the bytes that stand for the monitor's root. */
function sha256(bytes: Uint8Array): Uint8Array {
  if (Buffer.compare(bytes, MONITOR_DER) === 0) return Buffer.from(MERGE_DELAY_MONITOR_ROOT, "hex");
  return Uint8Array.from(createHash("sha256").update(bytes).digest());
}

/** A shard and what only its operator has. */
interface MadeLog {
  readonly facts: LogFacts;
  readonly answers: ReadonlyMap<LiveName, LiveAnswer>;
  /** Answers with this head, signed by the shard's key. */
  readonly withHead: (head: Partial<SignedTreeHead>) => ReadonlyMap<LiveName, LiveAnswer>;
}

/** An answer of 200. */
export function answer(body: string | Uint8Array, cacheControl?: string): LiveAnswer {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  return { url: "https://ct.example.org/x", status: 200, problem: "", cacheControl, body: bytes };
}

const IMMUTABLE = "public, max-age=604800, immutable";

function makeLog(year: number, type: LogFacts["type"]): MadeLog {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const spki = Uint8Array.from(publicKey.export({ format: "der", type: "spki" }));
  const logId = sha256(spki);
  const name = `nimbus${year}`;
  const submissionUrl = `https://ct.example.org/${name}`;
  const facts: LogFacts = {
    name,
    type,
    submissionUrl,
    monitoringUrl: type === "rfc6962" ? submissionUrl : `https://read.example.org/${name}`,
    notAfterStartMs: Date.UTC(year, 0),
    notAfterLimitMs: Date.UTC(year + 1, 0),
    mmdSeconds: type === "rfc6962" ? 86_400 : 60,
    headAgeMsMax: 31_000,
    key: { algorithm: "P-256", publicKey: spki, logId },
    roots: new Map([
      [MERGE_DELAY_MONITOR_ROOT, "CN=Merge Delay Monitor Root"],
      [formatHex(sha256(OTHER_DER)), "CN=Other Root"],
    ]),
    extendedKeyUsages: ["1.3.6.1.5.5.7.3.1"],
    acceptPrecertificateSigningCertificates: true,
    listState: undefined,
    finalTreeHead: undefined,
  };
  const description: LogDescription = {
    ...facts,
    description: name,
    publicKey: spki,
    logId,
    condition: "active",
    conditionSinceMs: undefined,
    plannedChanges: [],
    software: { name: "stratus", version: "0.1.0" },
  };
  const withHead = (changes: Partial<SignedTreeHead>): ReadonlyMap<LiveName, LiveAnswer> => {
    const bare = { treeSize: 5, timestampMs: NOW_MS - 5_000, rootHash: sha256(spki), ...changes };
    const signature = encodeDigitallySigned({
      algorithm: "ecdsa",
      signature: Uint8Array.from(sign("sha256", encodeTreeHeadToSign(bare), privateKey)),
    });
    const head = { signature, ...bare };
    const origin = submissionUrl.replace("https://", "");
    return new Map<LiveName, LiveAnswer>([
      ["get-sth", answer(formatTreeHeadJson(head))],
      ["checkpoint", answer(formatCheckpoint(sha256, { ...head, origin }, logId), "no-store")],
    ]);
  };
  const answers = new Map<LiveName, LiveAnswer>([
    ...withHead({}),
    ["log.v3.json", answer(formatLogJson(description))],
    ["get-roots", answer(formatRootsJson([MONITOR_DER, OTHER_DER]))],
    ["get-sth-consistency", answer('{"consistency":[]}', "public, max-age=86400")],
    ["get-entries", answer('{"entries":[]}', "public, max-age=86400")],
    ["get-entry-and-proof", answer("{}", "public, max-age=86400")],
    ["get-proof-by-hash", answer("{}", "public, max-age=86400")],
    ["hash tile", answer(new Uint8Array(32), IMMUTABLE)],
    ["data tile", answer(new Uint8Array(32), IMMUTABLE)],
    ["refusal", { ...answer("Not Found\nnot found\n", "no-store"), status: 404 }],
  ]);
  return { facts, answers, withHead };
}

/** The shards; a fixture changes the first. */
export const MADE: readonly MadeLog[] = [
  makeLog(2026, "static-ct-api"),
  makeLog(2027, "rfc6962"),
  makeLog(2028, "static-ct-api"),
  makeLog(2029, "rfc6962"),
];

/** Facts without a fault. */
export const GOOD_FACTS: Facts = {
  operator: { name: "Example Trust Services", emails: ["ct@example.org"] },
  isDevelopment: false,
  limits: {
    reads: { perSecond: 100, burst: 1_000 },
    addChain: { perSecond: 200, burst: 200 },
    addPreChain: { perSecond: 500, burst: 500 },
  },
  logs: MADE.map(({ facts }) => facts),
  mozilla: { source: "Mozilla", roots: new Map([[formatHex(sha256(OTHER_DER)), "CN=Other Root"]]) },
  references: [{ source: "ccadb.csv", roots: new Map([[formatHex(sha256(OTHER_DER)), ""]]) }],
  live: new Map(MADE.map(({ facts, answers }) => [facts.name, answers])),
  nowMs: NOW_MS,
  sha256,
  openKey: openLogKey,
};
