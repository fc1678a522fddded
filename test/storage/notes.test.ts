import assert from "node:assert/strict";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { MalformedError } from "../../src/base/errors.ts";
import {
  type BackupNote,
  formatBackupNote,
  parseBackupNote,
} from "../../src/storage/backup-note.ts";
import {
  readRestoredNote,
  removeRestoredNote,
  writeRestoredNote,
} from "../../src/storage/restored-note.ts";
import { temporaryFolder } from "../support/level.ts";

const NOTE: BackupNote = {
  program: "0.1.0",
  timeMs: 1_764_000_000_123,
  shard: "test2027",
  origin: "log.example/test2027",
  publicKey: Uint8Array.of(1, 2, 3),
  head: {
    treeSize: 300,
    timestampMs: 1_764_000_000_000,
    rootHash: new Uint8Array(32).fill(7),
    signature: Uint8Array.of(4, 3, 0, 1, 9),
  },
  committedSize: 301,
  fileCount: 12,
  bytes: 3_456,
};

test("parseBackupNote() reads what formatBackupNote() writes, and passes over what it does not know", () => {
  assert.deepEqual(parseBackupNote(formatBackupNote(NOTE)), NOTE);
  const more = { ...JSON.parse(formatBackupNote(NOTE)), later: true };
  assert.deepEqual(parseBackupNote(JSON.stringify(more)), NOTE);
});

test("parseBackupNote() refuses a newer format and what is no note", () => {
  const text = formatBackupNote(NOTE);
  assert.throws(
    () => parseBackupNote(text.replace('"format": 1', '"format": 2')),
    /a backup of format 2: a newer program wrote it/,
  );
  for (const [from, to] of [
    ["2025-", "never-"],
    ["publicKey", "privateKey"],
    ["rootHash", "root"],
    ['"treeSize": 300', '"treeSize": -1'],
  ] as const) {
    assert.ok(text.includes(from), from);
    assert.throws(() => parseBackupNote(text.replace(from, to)), MalformedError);
  }
});

test("readRestoredNote() reads what was written; none is none, and a damaged one is not none", async () => {
  await using root = await temporaryFolder();
  assert.equal(await readRestoredNote(root.path), undefined);
  const note = { timeMs: 1_764_000_000_123, backup: "/b", treeSize: 5, readOnly: undefined };
  await writeRestoredNote(root.path, note);
  assert.deepEqual(await readRestoredNote(root.path), note);
  await writeRestoredNote(root.path, { ...note, readOnly: "its guard is lost" });
  assert.equal((await readRestoredNote(root.path))?.readOnly, "its guard is lost");
  await writeFile(join(root.path, "restored.json"), "{");
  await assert.rejects(readRestoredNote(root.path), MalformedError);
  await removeRestoredNote(root.path);
  assert.deepEqual(await readdir(root.path), []);
});
