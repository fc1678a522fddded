import assert from "node:assert/strict";
import { appendFile, mkdtemp, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FatalError, MalformedError } from "../../src/base/errors.ts";
import { lockFolder } from "../../src/lock/folder-lock.ts";
import { LedgerFile, ledgerPath, readLedger } from "../../src/roots/ledger.ts";
import { formatLedgerLine, parseLedgerLine } from "../../src/roots/ledger-line.ts";
import type { RootsChange } from "../../src/roots/state.ts";
import { makeCa } from "../support/certificates.ts";
import { fingerprintOf } from "../support/roots.ts";
import { sha256 } from "../support/sha256.ts";

const root = makeCa();

function change(subject: string): RootsChange {
  return {
    timeMs: Date.UTC(2026, 10, 23, 12),
    change: "added",
    fingerprint: fingerprintOf(root.der),
    subject,
    source: "mozilla",
    shards: ["one", "two"],
    certificate: root.der,
  };
}

async function makeFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const parent = await mkdtemp(join(tmpdir(), "stratus-ledger-"));
  const path = join(parent, "_roots");
  return { path, [Symbol.asyncDispose]: () => rm(parent, { recursive: true, force: true }) };
}

test("a line of the ledger is JSON that people can read, and reads back as it was", () => {
  const first = change('CN="a\nb"');
  const line = formatLedgerLine(first);
  assert.equal(line.indexOf("\n"), line.length - 1, "one line, whatever the subject");
  assert.deepEqual(parseLedgerLine(line.trimEnd(), sha256), first);
  const shown = JSON.parse(line);
  assert.equal(shown.time, "2026-11-23T12:00:00.000Z");
  assert.equal(shown.certificate, Buffer.from(root.der).toString("base64"));
});

for (const [title, from, to] of [
  ["a certificate of another SHA-256", '"fingerprint":"', '"fingerprint":"00'],
  ["a change that is none", '"added"', '"removed"'],
  ["no time", "2026-11-23T12", "yesterday"],
  ["shards that are no names", '["one","two"]', "[1]"],
  ["text that is no JSON", "{", ""],
] as const) {
  test(`parseLedgerLine() refuses ${title}`, () => {
    const line = formatLedgerLine(change("CN=a")).trimEnd().replace(from, to);
    assert.throws(() => parseLedgerLine(line, sha256), MalformedError);
  });
}

test("what was appended is read again; a line that a crash cut off is not, and is cut off", async () => {
  await using folder = await makeFolder();
  assert.deepEqual(await readLedger(folder.path, sha256), { changes: [], bytes: 0 });
  {
    await using ledger = await LedgerFile.open(folder.path, 0, lockFolder);
    await ledger.append([change("CN=a"), change("CN=b")]);
    await ledger.append([change("CN=c")]);
    await assert.rejects(
      LedgerFile.open(folder.path, 0, lockFolder),
      (error) => error instanceof FatalError && error.code === "FATAL_LOCKED",
    );
  }
  const path = ledgerPath(folder.path);
  const { size, mode } = await stat(path);
  assert.equal(mode % 0o1000, 0o600);
  await appendFile(path, '{"time":"2026-11-23T12:00:00.0');
  const { changes, bytes } = await readLedger(folder.path, sha256);
  assert.deepEqual(
    changes.map(({ subject }) => subject),
    ["CN=a", "CN=b", "CN=c"],
  );
  assert.equal(bytes, size);
  await using ledger = await LedgerFile.open(folder.path, bytes, lockFolder);
  await ledger.append([change("CN=d")]);
  assert.equal((await readLedger(folder.path, sha256)).changes.length, 4);
});

test("a line that cannot be read is an error that names it and says what to do", async () => {
  await using folder = await makeFolder();
  {
    await using ledger = await LedgerFile.open(folder.path, 0, lockFolder);
    await ledger.append([change("CN=a"), change("CN=b")]);
  }
  const path = ledgerPath(folder.path);
  const text = await readFile(path, "utf8");
  await writeFile(path, text.replace('"change":"added"', '"change":"aXXed"'));
  await assert.rejects(readLedger(folder.path, sha256), (error) => {
    return error instanceof MalformedError && /line 1: .*restore the file/.test(error.message);
  });
  await writeFile(path, Buffer.from([0xff, 10]));
  await assert.rejects(readLedger(folder.path, sha256), /not UTF-8/);
});

test("a ledger that became shorter since it was read is not written", async () => {
  await using folder = await makeFolder();
  {
    await using ledger = await LedgerFile.open(folder.path, 0, lockFolder);
    await ledger.append([change("CN=a")]);
  }
  const { bytes } = await readLedger(folder.path, sha256);
  await truncate(ledgerPath(folder.path), 10);
  await assert.rejects(LedgerFile.open(folder.path, bytes, lockFolder), /became shorter/);
});
