/**
 * The reader of the RFC 6962 API: the contract of LogSource, and strictness.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HttpRfc6962Source } from "../../src/client/rfc6962.ts";
import { logSourceContract } from "../conformance/log-source.ts";
import { referenceLeafHash } from "../reference/merkle.ts";
import { NaiveLog } from "../support/naive-log.ts";

logSourceContract("HttpRfc6962Source", ({ url }) => new HttpRfc6962Source({ url }));

test("HttpRfc6962Source.proofByHash() escapes the hash and finds every leaf", async () => {
  await using log = await NaiveLog.start(40);
  const source = new HttpRfc6962Source({ url: `${log.url}/` });
  for (let index = 0; index < log.size; index += 1) {
    const leafHash = referenceLeafHash(log.entryAt(index).leafInput);
    const proof = await source.proofByHash(leafHash, 40);
    const { path } = await source.entryAndProof(index, 40);
    assert.deepEqual(proof, { leafIndex: index, path });
  }
});

test("HttpRfc6962Source.roots() reads get-roots", async () => {
  await using log = await NaiveLog.start();
  log.roots = [Uint8Array.of(1, 2), Uint8Array.of(3)];
  assert.deepEqual(await new HttpRfc6962Source({ url: log.url }).roots(), log.roots);
});

type Source = HttpRfc6962Source;
const ZEROS = Buffer.alloc(32).toString("base64");

/** Answers that are JSON but not what was asked for. */
const MALFORMED: readonly (readonly [string, (body: string) => string, (s: Source) => unknown])[] =
  [
    [
      "a root of 31 bytes",
      (body) => body.replace(/h":"[^"]+/, `h":"${"A".repeat(40)}AA==`),
      (s) => s.head(),
    ],
    [
      "a size above 2^53",
      (body) => body.replace(/_size":\d+/, '_size":9007199254740993'),
      (s) => s.head(),
    ],
    ["a negative size", (body) => body.replace(/_size":\d+/, '_size":-1'), (s) => s.head()],
    ["a size as text", (body) => body.replace(/_size":\d+/, '_size":"3"'), (s) => s.head()],
    ["a signature cut short", (body) => body.replace(/ure":"[^"]+/, 'ure":"BAMA'), (s) => s.head()],
    ["base64 without padding", (body) => body.replace("=", ""), (s) => s.head()],
    ["no entries", () => '{"entries":[]}', (s) => s.entries(0, 2)],
    [
      "more entries than asked for",
      (body) => body.replace(/\[(.*)\]/, "[$1,$1]"),
      (s) => s.entries(0, 2),
    ],
    ["a leaf with a byte too many", () => leafOf("AAAA"), (s) => s.entries(0, 2)],
    ["an entry that is null", () => '{"entries":[null]}', (s) => s.entries(0, 2)],
    [
      "a sibling hash of 31 bytes",
      (body) => body.replace(/\["[^"]+"/, `["${"A".repeat(40)}AA=="`),
      (s) => s.entryAndProof(0, 3),
    ],
    [
      "a proof of 65 hashes",
      () => `{"consistency":[${Array(65).fill(`"${ZEROS}"`).join()}]}`,
      (s) => s.consistency(1, 3),
    ],
    ["an array", () => "[]", (s) => s.consistency(1, 3)],
    [
      "a leaf index as text",
      (body) => body.replace(/x":\d+/, 'x":"1"'),
      (s) => s.proofByHash(new Uint8Array(32), 3),
    ],
  ];

function leafOf(leafInput: string): string {
  return `{"entries":[{"leaf_input":"${leafInput}","extra_data":""}]}`;
}

for (const [what, change, ask] of MALFORMED) {
  test(`HttpRfc6962Source refuses ${what}`, async () => {
    await using log = await NaiveLog.start(3);
    const truth = await readTruth(log);
    log.lies.answer = (answer, path) => ({
      status: 200,
      headers: {},
      body: change(answer.status === 200 ? answer.body.toString() : (truth[path] ?? "")),
    });
    await assert.rejects(async () => ask(new HttpRfc6962Source({ url: log.url })), {
      name: "SourceError",
      message: /\/ct\/v1\/get-[^ ]+: the answer does not parse: /,
    });
  });
}

/** A proof for a hash that the log knows, to change. */
async function readTruth(log: NaiveLog): Promise<Readonly<Record<string, string>>> {
  const leafHash = referenceLeafHash(log.entryAt(1).leafInput);
  const { leafIndex } = await new HttpRfc6962Source({ url: log.url }).proofByHash(leafHash, 3);
  return { "ct/v1/get-proof-by-hash": `{"leaf_index":${leafIndex},"audit_path":[]}` };
}
