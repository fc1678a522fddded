import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createKeyFile, readKeyFile } from "../../src/signer/key-file.ts";

async function inFolder(body: (path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "stratus-key-"));
  try {
    await body(join(folder, "deep", "key.pem"));
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("createKeyFile() makes a key that readKeyFile() reads, for its owner alone", () =>
  inFolder(async (path) => {
    const key = await createKeyFile(path);
    assert.equal((await stat(path)).mode % 0o1000, 0o600);
    const read = await readKeyFile(path);
    assert.deepEqual(read.logId, key.logId);
    const message = new Uint8Array(9);
    key.verify(message, read.sign(message));
  }));

test("createKeyFile() never writes over a file", () =>
  inFolder(async (path) => {
    await createKeyFile(path);
    const before = await readFile(path);
    await assert.rejects(createKeyFile(path), { code: "EEXIST" });
    assert.deepEqual(await readFile(path), before);
  }));

test("readKeyFile() says what is wrong, and nothing of the key", () =>
  inFolder(async (path) => {
    await assert.rejects(readKeyFile(path), { code: "FATAL_STORE_MISSING", message: /no key at/ });
    await createKeyFile(path);
    for (const mode of [0o604, 0o620, 0o644, 0o602]) {
      await chmod(path, mode);
      await assert.rejects(readKeyFile(path), {
        code: "FATAL_STORE_MISSING",
        message: /chmod 600/,
      });
    }
    await chmod(path, 0o640);
    await readKeyFile(path);
    const pem = await readFile(path, "utf8");
    const secret = pem.split("\n")[1] ?? assert.fail("a key has a second line");
    await writeFile(path, pem.replace("BEGIN PRIVATE", "BEGIN BROKEN"));
    await assert.rejects(readKeyFile(path), (error: Error & { code?: string }) => {
      assert.equal(error.code, "MALFORMED_KEY");
      assert.ok(!`${error.stack}${String(error.cause)}`.includes(secret));
      return true;
    });
  }));
