/**
 * Fuzz targets of the core: every reader of test/support/codecs.ts on bytes that a stranger
 * could send, and the two verifiers on any claim.
 * @module
 */
import assert from "node:assert/strict";
import { MalformedError } from "../../src/base/errors.ts";
import { formatBase64 } from "../../src/encoding/base64.ts";
import { verifyConsistency, verifyInclusion } from "../../src/merkle/verify.ts";
import { formatLogJson } from "../../src/static-ct/log-json.ts";
import { BYTE_CODECS, type Codec, TEXT_CODECS } from "../support/codecs.ts";
import { sha256 } from "../support/sha256.ts";
import { VECTOR_FILES } from "../vectors/generate.ts";
import type { FuzzTarget } from "./fuzz.ts";

const HASH = formatBase64(new Uint8Array(32));
const B64 = formatBase64(Uint8Array.of(4, 3, 0, 1, 5));

/** Well-formed bodies of the readers that have no vectors. */
const JSON_SAMPLES: Readonly<Record<string, string>> = {
  "rfc6962/json-sct": `{"sct_version":0,"id":"${HASH}","timestamp":5,"extensions":"","signature":"${B64}"}`,
  "rfc6962/json-tree-head": `{"tree_size":5,"timestamp":5,"sha256_root_hash":"${HASH}","tree_head_signature":"${B64}"}`,
  "rfc6962/json-consistency": `{"consistency":["${HASH}","${HASH}"]}`,
  "rfc6962/json-inclusion": `{"leaf_index":5,"audit_path":["${HASH}"]}`,
  "rfc6962/json-entries": `{"entries":[{"leaf_input":"${B64}","extra_data":"${B64}"}]}`,
  "rfc6962/json-roots": `{"certificates":["${B64}"]}`,
  "rfc6962/json-entry-and-proof": `{"leaf_input":"${B64}","extra_data":"","audit_path":["${HASH}"]}`,
  "rfc6962/json-chain": `{"chain":["${B64}","${B64}"]}`,
  "static-ct/log-json": formatLogJson({
    description: "x",
    publicKey: Uint8Array.of(1),
    logId: sha256(Uint8Array.of(1)),
    type: "static-ct-api",
    submissionUrl: "https://a",
    monitoringUrl: "https://b",
    mmdSeconds: 60,
    notAfterStartMs: 0,
    notAfterLimitMs: 1000,
    condition: "active",
    conditionSinceMs: undefined,
    plannedChanges: [],
    listState: { name: "usable", sinceMs: 0 },
    finalTreeHead: undefined,
    software: { name: "stratus", version: "0" },
  }),
};

function samplesOf(name: string): readonly Uint8Array[] {
  const json = JSON_SAMPLES[name];
  if (json !== undefined) return [Buffer.from(json)];
  return (VECTOR_FILES[name]?.vectors ?? [])
    .filter(({ bytes, text }) => (bytes ?? text ?? "").length < 2_000)
    .map(({ bytes, text }) =>
      bytes === undefined ? Buffer.from(text ?? "") : Buffer.from(bytes, "hex"),
    )
    .map((buffer) => new Uint8Array(buffer));
}

/** What was read must be written back as it was, where there is one spelling. */
function readAndBack<Input>(codec: Codec<Input>, input: Input): void {
  if (codec.roundTrip === undefined) codec.decode(input);
  else assert.deepEqual(codec.roundTrip(input), input);
}

/** Cuts an input into a claim: two sizes of up to 6 bytes, two roots, the rest as a proof. */
function verifyAnything(input: Uint8Array): void {
  const number = (at: number): number =>
    input.subarray(at, at + 6).reduce((value, byte) => value * 256 + byte, 0);
  const proof: Uint8Array[] = [];
  for (let at = 76; at < input.length; at += 32) proof.push(input.subarray(at, at + 32));
  const [a, b] = [number(0), number(6)];
  const [firstRoot, secondRoot] = [input.subarray(12, 44), input.subarray(44, 76)];
  const claims = [
    () => verifyConsistency(sha256, { firstSize: a, firstRoot, secondSize: b, secondRoot, proof }),
    () =>
      verifyInclusion(
        sha256,
        { leafIndex: a, treeSize: b, leafHash: firstRoot, path: proof },
        secondRoot,
      ),
  ];
  const refused = claims.filter((claim) => {
    try {
      claim();
      return false;
    } catch (thrown) {
      if (thrown instanceof MalformedError) return true;
      throw thrown;
    }
  });
  if (refused.length === claims.length) throw new MalformedError("MALFORMED_PROOF", "both");
}

/** Leaf 0 of a tree of one leaf: the shortest claim that holds. */
const CLAIM: Uint8Array = new Uint8Array(76).fill(7, 12).with(11, 1);

/** Every target of the core. */
export const TARGETS: readonly FuzzTarget[] = [
  ...Object.entries(BYTE_CODECS).map(([name, codec]) => ({
    name,
    samples: samplesOf(name),
    run: (input: Uint8Array) => readAndBack(codec, input),
  })),
  ...Object.entries(TEXT_CODECS).map(([name, codec]) => ({
    name,
    samples: samplesOf(name),
    run: (input: Uint8Array) => readAndBack(codec, Buffer.from(input).toString("utf8")),
  })),
  { name: "merkle/verify", samples: [CLAIM], run: verifyAnything },
];
