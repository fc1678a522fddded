/**
 * Lies of a log about a precertificate that is submitted to it: each has a check that names it.
 * @module
 */
import { decodeExtraData, encodeExtraData } from "../../src/rfc6962/entry.ts";
import { formatEntryAndProofJson, parseEntryAndProofJson } from "../../src/rfc6962/json.ts";
import type { SignedTreeHead, TreeHead } from "../../src/rfc6962/tree-head.ts";
import { encodeLeafIndexExtension } from "../../src/static-ct/extensions.ts";
import type { Lies, NaiveLog } from "./naive-log.ts";
import { answering, intermediate, root } from "./submit-run.ts";

/** Entries before the submission: the entry that is submitted is number 300. */
export const SEED_COUNT = 300;

/** A copy of `bytes` with the lowest bit of byte `index` flipped. */
function flipped(bytes: Uint8Array, index = bytes.length - 1): Uint8Array {
  return bytes.with(index, bytes[index]! ^ 1);
}

/** `text` of JSON with the last base64 value of array `name` changed. */
function withSiblingFlipped(text: string, name: string): string {
  const body = JSON.parse(text) as Record<string, string[]>;
  const path = body[name]!;
  path.push(Buffer.from(flipped(Buffer.from(path.pop()!, "base64"))).toString("base64"));
  return JSON.stringify(body);
}

function headOnly(api: "get-sth" | "checkpoint", change: (head: TreeHead) => TreeHead): Lies {
  return { head: (truth, asked) => (asked === api ? change(truth) : truth) };
}

function signatureOnly(api: "get-sth" | "checkpoint"): Lies {
  const change = (head: SignedTreeHead): SignedTreeHead => {
    // Not the last byte of the DER, which could leave the form: one inside the second integer.
    return { ...head, signature: flipped(head.signature, head.signature.length - 9) };
  };
  return { signedHead: (truth, asked) => (asked === api ? change(truth) : truth) };
}

function oldHead(log: NaiveLog, api: "get-sth" | "checkpoint"): Lies {
  const rootHash = log.rootOf(SEED_COUNT);
  return headOnly(api, ({ timestampMs }) => ({ treeSize: SEED_COUNT, timestampMs, rootHash }));
}

const falseRoot = (head: TreeHead): TreeHead => ({ ...head, rootHash: flipped(head.rootHash) });

const otherPrecertificate: Uint8Array = intermediate.issue({ precert: true });

/** Changes what get-entry-and-proof shows beside the leaf of a precertificate. */
function withExtraData(
  change: (precertificate: Uint8Array, chain: readonly Uint8Array[]) => Uint8Array,
): Lies {
  return answering("ct/v1/get-entry-and-proof", (text) => {
    const { leafInput, extraData, path } = parseEntryAndProofJson(text);
    const { precertificate, chain } = decodeExtraData("precert", extraData);
    const changed = change(precertificate!, chain);
    return formatEntryAndProofJson({ leafInput, extraData: changed }, path);
  });
}

/** Each lie, the check that it fails, and what must be said. */
export const LIES: readonly (readonly [string, string, RegExp, (log: NaiveLog) => Lies])[] = [
  [
    "the SCT's signature",
    "SCT signature",
    /not the log's over this certificate/,
    () => ({ sct: (sct) => ({ ...sct, signature: flipped(sct.signature, 40) }) }),
  ],
  [
    "the SCT's timestamp after signing",
    "SCT signature",
    /timestamp/,
    () => ({ sct: (sct) => ({ ...sct, timestampMs: sct.timestampMs - 1 }) }),
  ],
  [
    "the SCT's log ID",
    "log ID",
    /names another log/,
    () => ({ sct: (sct) => ({ ...sct, logId: flipped(sct.logId) }) }),
  ],
  [
    "the timestamp: a signed one in the future",
    "SCT timestamp",
    /in the future/,
    () => ({ logged: (truth) => ({ ...truth, timestampMs: truth.timestampMs + 90_000 }) }),
  ],
  [
    "the timestamp: another one is logged",
    "SCT timestamp",
    /the SCT says \d+, the entry in get-entry-and-proof \d+/,
    () => ({ promise: (truth) => ({ ...truth, timestampMs: truth.timestampMs - 5 }) }),
  ],
  [
    "the index: none",
    "leaf index",
    /name no leaf index/,
    () => ({ logged: (truth) => ({ ...truth, extensions: new Uint8Array(0) }) }),
  ],
  [
    "the index: one too high",
    "leaf index",
    /says entry 301, the certificate is entry 300/,
    () => ({ promise: (truth) => ({ ...truth, extensions: encodeLeafIndexExtension(301) }) }),
  ],
  [
    "the index: one too low",
    "leaf index",
    /says entry 299, the certificate is entry 300/,
    () => ({ promise: (truth) => ({ ...truth, extensions: encodeLeafIndexExtension(299) }) }),
  ],
  [
    "the index of get-proof-by-hash",
    "leaf index",
    /get-proof-by-hash says 299/,
    () => answering("ct/v1/get-proof-by-hash", (text) => text.replace(":300,", ":299,")),
  ],
  [
    "a sibling hash of get-proof-by-hash",
    "audit path",
    /sibling hash/,
    () => answering("ct/v1/get-proof-by-hash", (text) => withSiblingFlipped(text, "audit_path")),
  ],
  [
    "a sibling hash of get-entry-and-proof",
    "audit path",
    /sibling hash/,
    () => answering("ct/v1/get-entry-and-proof", (text) => withSiblingFlipped(text, "audit_path")),
  ],
  [
    "a sibling hash of both",
    "audit path",
    /a sibling hash is wrong/,
    () => ({
      answer: (truth, path) =>
        /proof/.test(path)
          ? { ...truth, body: withSiblingFlipped(truth.body.toString(), "audit_path") }
          : truth,
    }),
  ],
  [
    "a path that is too short",
    "audit path",
    /too short/,
    () => ({
      answer: (truth, path) =>
        /proof/.test(path)
          ? { ...truth, body: truth.body.toString().replace(/,"[^"]+"\]\}$/, "]}") }
          : truth,
    }),
  ],
  ["the root of get-sth", "root", /the head states/, () => headOnly("get-sth", falseRoot)],
  ["the root of both heads", "root", /the head states/, () => ({ head: falseRoot })],
  [
    "a hash tile",
    "hash tiles",
    /do not lead to the root/,
    () => ({
      answer: (truth, path) =>
        path.startsWith("tile/0/")
          ? { ...truth, body: flipped(truth.body as Uint8Array, 3) }
          : truth,
    }),
  ],
  ["get-sth's signature", "tree head signature", /head of get-sth/, () => signatureOnly("get-sth")],
  [
    "a head of get-sth from the future",
    "tree head timestamp",
    /head of get-sth is \d+ ms in the future/,
    () => headOnly("get-sth", (head) => ({ ...head, timestampMs: head.timestampMs + 90_000 })),
  ],
  [
    "a stale head: the tree before the entry",
    "stale head",
    /get-sth has 300 entries and does not cover entry 300/,
    (log) => oldHead(log, "get-sth"),
  ],
  [
    "a stale head: older than the SCT",
    "stale head",
    /get-sth is \d+ ms older than the SCT/,
    () => headOnly("get-sth", (head) => ({ ...head, timestampMs: head.timestampMs - 60_000 })),
  ],
  [
    "the other API's head: another root",
    "heads agree",
    /two roots for size 301/,
    () => headOnly("checkpoint", falseRoot),
  ],
  [
    "the other API's head: another root at another time",
    "heads agree",
    /two roots for size 301/,
    () =>
      headOnly("checkpoint", (head) => falseRoot({ ...head, timestampMs: head.timestampMs + 1 })),
  ],
  [
    "the other API's head: its signature",
    "tree head signature",
    /head of the checkpoint is not signed/,
    () => signatureOnly("checkpoint"),
  ],
  [
    "the other API's head: a second signature of one head",
    "heads agree",
    /sign one head in two ways/,
    (log) => ({
      signedHead: (truth, api) => {
        const { treeSize, timestampMs, rootHash } = truth;
        return api === "get-sth" ? truth : log.signHead({ treeSize, timestampMs, rootHash });
      },
    }),
  ],
  [
    "the other API's head: stale",
    "stale head",
    /the checkpoint has 300 entries/,
    (log) => oldHead(log, "checkpoint"),
  ],
  [
    "the other API's head: not of the same tree",
    "heads agree",
    /not consistent by RFC 6962/,
    (log) =>
      headOnly("checkpoint", (head) => {
        if (log.size === SEED_COUNT + 1) {
          const certificate = Uint8Array.of(0x30, 0);
          log.add({ type: "x509", certificate }, undefined, []);
        }
        return falseRoot({ ...head, treeSize: log.size });
      }),
  ],
  [
    "the precertificate beside the leaf",
    "entry",
    /the precertificate in get-entry-and-proof is not that of its leaf/,
    () => withExtraData((_, chain) => encodeExtraData(otherPrecertificate, chain)),
  ],
  [
    "the precertificate's issuer",
    "entry",
    /the precertificate in get-entry-and-proof is not that of its leaf/,
    () => withExtraData((precertificate) => encodeExtraData(precertificate, [root.der])),
  ],
  [
    "the precertificate beside the leaf, which is a certificate",
    "entry",
    /the precertificate in get-entry-and-proof/,
    () => withExtraData((_, chain) => encodeExtraData(chain[0], chain)),
  ],
  [
    "the issuers, by leaving them out",
    "entry",
    /get-entry-and-proof shows no issuer/,
    () => withExtraData((precertificate) => encodeExtraData(precertificate, [])),
  ],
  [
    "the entry of the data tile",
    "entry",
    /the data tile shows another entry/,
    () => ({
      answer: (truth, path) =>
        path === "tile/data/001.p/45" ? { ...truth, headers: {}, body: dataTileOf45 } : truth,
    }),
  ],
  [
    "an issuer",
    "entry",
    /SHA-256 is not its name/,
    () => ({
      answer: (truth, path) =>
        path.startsWith("issuer/")
          ? { ...truth, body: flipped(truth.body as Uint8Array, 30) }
          : truth,
    }),
  ],
];

/** 45 TileLeafs of one empty-looking certificate each. */
const dataTileOf45 = Buffer.concat(
  Array.from({ length: 45 }, () =>
    Buffer.from("0000000000000001000000000130" + "0000" + "0000", "hex"),
  ),
);
