/**
 * The stages of a submission, one by one: what the CPU of a log goes to.
 * `BENCH=real scripts/node24 --test bench/stages.bench.ts` prints the table of README.md.
 * @module
 */
import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, type KeyObject, verify } from "node:crypto";
import { defined } from "../src/base/assert.ts";
import { concatBytes } from "../src/encoding/bytes.ts";
import { decodeUtf8, encodeUtf8 } from "../src/encoding/utf8.ts";
import { Judge } from "../src/log/judge.ts";
import { appendLeaves, EMPTY_FRONTIER, frontierRoot } from "../src/merkle/frontier.ts";
import { hashChildren } from "../src/merkle/hash.ts";
import { encodeSignedEntry, type SignedEntry } from "../src/rfc6962/entry.ts";
import {
  formatChainJson,
  formatSctJson,
  parseChainJson,
  parseSctJson,
} from "../src/rfc6962/json.ts";
import { dedupKeyOf, type Submission } from "../src/sequencer/message.ts";
import { planGroup } from "../src/sequencer/plan.ts";
import { EcdsaKey } from "../src/signer/ecdsa.ts";
import { encodeLeafIndexExtension } from "../src/static-ct/extensions.ts";
import { decodeTileLeaf, encodeTileLeaf, type TileLeaf } from "../src/static-ct/tile-leaf.ts";
import { parseCertificate } from "../src/x509/certificate.ts";
import { buildPrecertTbs } from "../src/x509/precert.ts";
import { RootSet } from "../src/x509/roots.ts";
import { verifySignature } from "../src/x509/verify.ts";
import { deriveAuthority, PrecertificateTemplate } from "./certificates.ts";
import { ISSUER_KINDS, type IssuerKind, seededBytes } from "./keys.ts";
import { sha256 } from "./log-reader.ts";
import { declareStage, printStageHead } from "./stage.ts";

printStageHead();

const SEED = 42;
const MADE = 16;
const GROUP = 64;
const NOW_MS = Date.UTC(2026, 10, 15);

/** Precertificates of one kind of issuer, and what a log must make of them. */
interface Material {
  readonly root: Uint8Array;
  readonly chains: readonly (readonly [Uint8Array, Uint8Array])[];
  readonly entries: readonly SignedEntry[];
  readonly issuerKey: KeyObject;
}

function makeMaterial(kind: IssuerKind): Material {
  const authority = deriveAuthority(kind, SEED);
  const template = new PrecertificateTemplate(authority, SEED);
  const numbers = Array.from({ length: MADE }, (_, at) => at);
  const { issuerKey, issuerKeyHash } = authority;
  return {
    root: authority.root,
    chains: numbers.map((at) => {
      const signature = issuerKey.sign(template.poisonedTbs(at));
      return [template.assemble(at, signature), authority.intermediate];
    }),
    entries: numbers.map((at) => {
      return { type: "precert", issuerKeyHash, tbs: template.loggedTbs(at) };
    }),
    issuerKey: createPublicKey({ key: Buffer.from(issuerKey.spki), format: "der", type: "spki" }),
  };
}

const materials = new Map(ISSUER_KINDS.map((kind) => [kind, makeMaterial(kind)] as const));
const rsa = defined(materials.get("rsa2048"), "every kind was made");

const template = new PrecertificateTemplate(deriveAuthority("rsa2048", SEED), SEED);

function pick<T>(items: readonly T[], at: number): T {
  return defined(items[at % items.length], "there are items");
}

const bodies = rsa.chains.map((chain) => formatChainJson(chain));
for (const [name, base64] of [
  ["own base64", undefined],
  ["Node's base64", (text: string) => new Uint8Array(Buffer.from(text, "base64"))],
] as const) {
  declareStage({
    name: `JSON and base64 of a submission, ${name}`,
    realCount: 8_000,
    run: (at) => concatBytes(...parseChainJson(pick(bodies, at), base64)),
    check: (at, result) => assert.deepEqual(result, concatBytes(...pick(rsa.chains, at))),
  });
}

declareStage({
  name: "DER walk of a precertificate",
  realCount: 15_000,
  run: (at) => parseCertificate(pick(rsa.chains, at)[0]).tbs,
  check: (at, result) => assert.deepEqual(result, template.poisonedTbs(at)),
});

const parsed = rsa.chains.map(([leaf]) => parseCertificate(leaf));
const tbsOf = (entry: SignedEntry) => (entry.type === "precert" ? entry.tbs : entry.certificate);
declareStage({
  name: "TBS without poison",
  realCount: 40_000,
  run: (at) => buildPrecertTbs(pick(parsed, at)),
  check: (at, result) => assert.deepEqual(result, tbsOf(pick(rsa.entries, at))),
});

const block = seededBytes(SEED, "block", 1_500);
declareStage({
  name: "SHA-256 of 1,500 bytes",
  realCount: 50_000,
  run: () => sha256(block),
  check: (_at, result) => assert.equal(result.length, 32),
});

for (const [kind, material] of materials) {
  const hash = kind === "p384" ? "sha384" : "sha256";
  const certificates = material.chains.map(([leaf]) => parseCertificate(leaf));
  declareStage({
    name: `verify ${kind}`,
    realCount: kind === "p384" ? 150 : 2_000,
    run: (at) => {
      const { tbs, signature } = pick(certificates, at);
      return Uint8Array.of(verify(hash, tbs, material.issuerKey, signature) ? 1 : 0);
    },
    check: (_at, result) => assert.deepEqual(result, Uint8Array.of(1)),
  });

  const judge = new Judge({
    roots: new RootSet([material.root], sha256),
    policy: {
      notAfterStartMs: Date.UTC(2027, 0, 1),
      notAfterLimitMs: Date.UTC(2028, 0, 1),
      extendedKeyUsages: [],
      acceptPrecertificateSigningCertificates: true,
    },
    otherShards: [],
    verifySignature,
    sha256,
    clock: { nowMs: () => NOW_MS, monotonicMs: () => 0, after: () => () => undefined },
    lowPriorityAfterMs: 86_400_000,
  });
  declareStage({
    name: `judge ${kind}: all of a frontend but HTTP and JSON`,
    realCount: kind === "p384" ? 150 : 2_000,
    run: (at) => judge.judge("add-pre-chain", pick(material.chains, at), 0).dedupKey,
    check: (at, result) => {
      assert.deepEqual(result, sha256(encodeSignedEntry(pick(material.entries, at))));
    },
  });
}

const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const logKey = new EcdsaKey(privateKey.export({ type: "pkcs8", format: "pem" }).toString());
declareStage({
  name: "sign P-256",
  realCount: 4_000,
  isRandom: true,
  run: () => logKey.sign(block),
  check: (_at, result) => logKey.verify(block, result),
});

const tileLeaves = rsa.entries.map(
  (entry, at): TileLeaf => ({
    timestampMs: NOW_MS,
    entry,
    extensions: encodeLeafIndexExtension(at),
    precertificate: pick(rsa.chains, at)[0],
    chainFingerprints: [sha256(pick(rsa.chains, at)[1]), sha256(rsa.root)],
  }),
);
declareStage({
  name: "encode TileLeaf",
  realCount: 60_000,
  run: (at) => encodeTileLeaf(pick(tileLeaves, at)),
  check: (at, result) => assert.deepEqual(decodeTileLeaf(result), pick(tileLeaves, at)),
});

const leafHashes = Array.from({ length: GROUP }, (_, at) => seededBytes(SEED, `leaf/${at}`, 32));
function naiveRoot(hashes: readonly Uint8Array[]): Uint8Array {
  const [only] = hashes;
  if (hashes.length === 1 && only !== undefined) return only;
  const half = hashes.length / 2;
  return hashChildren(sha256, naiveRoot(hashes.slice(0, half)), naiveRoot(hashes.slice(half)));
}
declareStage({
  name: `append to the Merkle tree, per entry of ${GROUP}`,
  realCount: 800,
  thingsPerRun: GROUP,
  run: () => frontierRoot(sha256, appendLeaves(sha256, EMPTY_FRONTIER, leafHashes).frontier),
  check: (_at, result) => assert.deepEqual(result, naiveRoot(leafHashes)),
});

const group = rsa.entries.map(
  (entry, at): Submission => ({
    dedupKey: dedupKeyOf(sha256, entry),
    entry,
    precertificate: pick(rsa.chains, at)[0],
    chainFingerprints: [sha256(pick(rsa.chains, at)[1])],
    issuers: [],
    priority: "normal",
  }),
);
const emptyTree = { head: undefined, frontier: EMPTY_FRONTIER };
declareStage({
  name: `plan a group, per entry of ${MADE}`,
  realCount: 500,
  thingsPerRun: MADE,
  run: (at) => planGroup(sha256, emptyTree, NOW_MS + at, group, () => false).commit.head.rootHash,
  check: (at, result) => {
    const { commit } = planGroup(sha256, emptyTree, NOW_MS + at, group, () => false);
    const [leaves] = commit.runs;
    assert.deepEqual(result, naiveRoot(defined(leaves, "a group has leaves").hashes));
    assert.equal(commit.entries.length, MADE);
  },
});

const sct = {
  logId: seededBytes(SEED, "log ID", 32),
  timestampMs: NOW_MS,
  extensions: encodeLeafIndexExtension(1),
  signature: seededBytes(SEED, "signature", 76),
};
declareStage({
  name: "format an SCT as JSON",
  realCount: 15_000,
  run: () => encodeUtf8(formatSctJson(sct)),
  check: (_at, result) => assert.deepEqual(parseSctJson(decodeUtf8(result)), sct),
});
