/**
 * The reader of static logs: the contract of LogSource, tiles that are gone or wrong, and
 * checkpoints that are another's.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { formatCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { HttpStaticSource } from "../../src/client/static-ct.ts";
import { logSourceContract } from "../conformance/log-source.ts";
import { makeCa } from "../support/certificates.ts";
import { NaiveLog } from "../support/naive-log.ts";
import { sha256 } from "../support/sha256.ts";

function open({ url, origin, logId }: NaiveLog): HttpStaticSource {
  return new HttpStaticSource({ url, origin, logId, sha256 });
}

logSourceContract("HttpStaticSource", open);

test("HttpStaticSource asks for the tiles of the size it was told, and no wider ones", async () => {
  await using log = await NaiveLog.start(600);
  const source = open(log);
  await source.entryAndProof(300, 513);
  assert.deepEqual(log.requests.toSorted(), [
    "tile/0/001",
    "tile/0/002.p/1",
    "tile/1/000.p/2",
    "tile/data/001",
  ]);
});

test("HttpStaticSource takes the full tile where a partial one is gone", async () => {
  await using log = await NaiveLog.start(520);
  const source = open(log);
  const expected = await source.entryAndProof(300, 400);
  log.lies.answer = (truth, path) => (/00[12]\.p\//.test(path) ? { ...truth, status: 404 } : truth);
  assert.deepEqual(await source.entryAndProof(300, 400), expected);
  assert.deepEqual(
    await source.entries(300, 400),
    (await open(log).entries(300, 512)).slice(0, 100),
  );
  await assert.rejects(source.entries(515, 520), {
    status: 404,
    message: /002\.p\/8: answered 404/,
  });
});

test("HttpStaticSource refuses tiles of another length", async () => {
  await using log = await NaiveLog.start(300);
  for (const [path, edit] of [
    ["tile/0/001.p/44", (body: Uint8Array) => body.subarray(0, 43 * 32)],
    ["tile/0/001.p/44", (body: Uint8Array) => Buffer.concat([body, Buffer.alloc(1)])],
    ["tile/data/001.p/44", (body: Uint8Array) => body.subarray(0, -1)],
    ["tile/data/001.p/44", (body: Uint8Array) => Buffer.concat([body, Buffer.alloc(1)])],
  ] as const) {
    log.lies.plainAnswer = (truth, asked) =>
      asked === path ? { ...truth, body: edit(truth.body as Uint8Array) } : truth;
    await assert.rejects(open(log).entryAndProof(299, 300), {
      name: "SourceError",
      message: new RegExp(`/${path}: `),
    });
  }
});

test("HttpStaticSource.issuer() compares the hash, and asks once", async () => {
  await using log = await NaiveLog.start();
  const [root, other] = [makeCa().der, makeCa().der];
  log.add({ type: "x509", certificate: Uint8Array.of(0x30, 0) }, undefined, [root]);
  const source = open(log);
  const body = other;
  log.lies.answer = (truth, path) => (path.startsWith("issuer/") ? { ...truth, body } : truth);
  await assert.rejects(source.issuer(sha256(root)), /SHA-256 is not its name/);
  log.lies = {};
  assert.deepEqual(await source.issuer(sha256(root)), root);
  log.requests.length = 0;
  assert.deepEqual(await source.issuer(sha256(root)), root);
  assert.deepEqual(log.requests, []);
});

test("HttpStaticSource.checkpoint() refuses another origin, key and form; takes witnesses", async () => {
  await using log = await NaiveLog.start(3);
  const { origin, logId } = log;
  const source = open(log);
  const truth = await source.checkpoint();
  const answer = (body: string): void => {
    log.lies.answer = (old) => ({ ...old, body });
  };
  const note = formatCheckpoint(sha256, truth, logId);
  answer(`${note}— witness.example ${Buffer.alloc(72, 1).toString("base64")}\n`);
  assert.deepEqual(await source.checkpoint(), truth);
  const refused = [
    formatCheckpoint(sha256, { ...truth, origin: `${origin}x` }, logId),
    formatCheckpoint(sha256, truth, new Uint8Array(32)),
    note.replace("\n3\n", "\n03\n"),
    note.replace("\n3\n", "\n+3\n"),
    note.slice(0, -1),
    note.replace("—", "-"),
    "",
  ];
  for (const body of refused) {
    answer(body);
    await assert.rejects(source.checkpoint(), { name: "SourceError", message: /checkpoint: the/ });
  }
});
