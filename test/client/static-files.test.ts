import assert from "node:assert/strict";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import type { TileReader } from "../../src/client/source.ts";
import {
  type DataTileForm,
  staticFilesReader,
  writeStaticFiles,
} from "../../src/client/static-files.ts";
import { concatBytes } from "../../src/encoding/bytes.ts";
import { formatHex } from "../../src/encoding/hex.ts";
import { encodeTileLeaf } from "../../src/static-ct/tile-leaf.ts";
import { randomBytes } from "../support/commits.ts";
import { temporaryFolder } from "../support/level.ts";
import { sha256 } from "../support/sha256.ts";

const ISSUERS = [0, 1].map((index) => randomBytes(`static issuer ${index}`, 50));
const NAMES = ISSUERS.map((der) => sha256(der));

const leaf = (index: number) =>
  encodeTileLeaf({
    timestampMs: 1_000 + index,
    entry: { type: "x509", certificate: randomBytes(`static leaf ${index}`, 20) },
    extensions: Uint8Array.of(),
    precertificate: undefined,
    chainFingerprints: NAMES.slice(index % 2),
  });

/** A log of made-up hashes that counts what it is asked. */
function madeUp() {
  const asked: string[] = [];
  const source: TileReader = {
    async tile(level, index, width) {
      asked.push(`${level}/${index}.${width}`);
      return randomBytes(`hashes ${level} ${index}`, width * 32);
    },
    async dataTile(index, width) {
      asked.push(`data/${index}.${width}`);
      return concatBytes(...Array.from({ length: width }, (_, at) => leaf(index * 256 + at)));
    },
    async issuer(fingerprint) {
      asked.push(`issuer/${formatHex(fingerprint).slice(0, 8)}`);
      return (
        ISSUERS.find((der) => formatHex(sha256(der)) === formatHex(fingerprint)) ?? assert.fail()
      );
    },
  };
  return { source, asked };
}

async function write(folder: string, treeSize: number, form: DataTileForm = "plain") {
  const { source, asked } = madeUp();
  let last = { position: -1, fileCount: 0, bytes: 0 };
  for await (const step of writeStaticFiles({ folder, source, treeSize, form })) last = step;
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = found.filter((entry) => entry.isFile());
  const names = files.map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  return { names: names.sort(), asked, last };
}

test("writeStaticFiles() writes each tile of the final size once, and the issuers", async () => {
  await using folder = await temporaryFolder();
  const { names, last } = await write(folder.path, 600);
  assert.deepEqual(names, [
    ...NAMES.map((name) => `issuer/${formatHex(name)}`).sort(),
    "tile/0/000",
    "tile/0/001",
    "tile/0/002.p/88",
    "tile/1/000.p/2",
    "tile/data/000",
    "tile/data/001",
    "tile/data/002.p/88",
  ]);
  assert.equal(last.position, 600);
  assert.equal(last.fileCount, names.length);
});

test("writeStaticFiles() of an empty and of a one-entry tree", async () => {
  await using empty = await temporaryFolder();
  assert.deepEqual((await write(empty.path, 0)).names, []);
  await using one = await temporaryFolder();
  const { names } = await write(one.path, 1);
  assert.deepEqual(names.slice(2), ["tile/0/000.p/1", "tile/data/000.p/1"]);
});

test("writeStaticFiles() asks only for what is missing, whatever was left half", async () => {
  await using folder = await temporaryFolder();
  await write(folder.path, 300, "both");
  const whole = await readFile(join(folder.path, "tile/data/001.p/44.gz"));
  await rm(join(folder.path, "tile/data/001.p/44"));
  await rm(join(folder.path, "tile/0/000"));
  await writeFile(join(folder.path, "tile/0/000.new"), "half");
  const { asked, names } = await write(folder.path, 300, "both");
  assert.deepEqual(asked, ["0/0.256"], "the plain tile comes from its .gz");
  assert.ok(!names.some((name) => name.endsWith(".new")));
  assert.deepEqual(await readFile(join(folder.path, "tile/data/001.p/44.gz")), whole);
});

for (const form of ["plain", "gzip", "both"] as const) {
  test(`staticFilesReader() reads what was written: ${form}`, async () => {
    await using folder = await temporaryFolder();
    await write(folder.path, 300, form);
    const reader = staticFilesReader(folder.path, form);
    const { source } = madeUp();
    assert.deepEqual(
      Buffer.from(await reader.dataTile(1, 44)),
      Buffer.from(await source.dataTile(1, 44)),
    );
    assert.deepEqual(
      Buffer.from(await reader.tile(0, 1, 44)),
      Buffer.from(await source.tile(0, 1, 44)),
    );
    assert.deepEqual(
      Buffer.from(await reader.issuer(NAMES[0] ?? assert.fail())),
      Buffer.from(ISSUERS[0] ?? ""),
    );
    const isThere = (name: string) =>
      readFile(join(folder.path, name)).then(
        () => true,
        () => false,
      );
    assert.equal(await isThere("tile/data/000"), form !== "gzip");
    assert.equal(await isThere("tile/data/000.gz"), form !== "plain");
  });
}

test("staticFilesReader() refuses what is missing, short, or not the same twice", async () => {
  await using folder = await temporaryFolder();
  await write(folder.path, 300, "both");
  const malformed = { code: "MALFORMED_BODY" };
  const reader = staticFilesReader(folder.path, "both");
  const path = join(folder.path, "tile/data/000");
  const bytes = await readFile(path);
  assert.deepEqual(gunzipSync(await readFile(`${path}.gz`)), bytes);
  await writeFile(path, bytes.subarray(1));
  await assert.rejects(reader.dataTile(0, 256), malformed);
  await writeFile(`${path}.gz`, "no gzip");
  await assert.rejects(reader.dataTile(0, 256), malformed);
  await writeFile(join(folder.path, "tile/0/000"), bytes.subarray(0, 32));
  await assert.rejects(reader.tile(0, 0, 256), malformed);
  await assert.rejects(reader.tile(3, 0, 256), malformed);
});
