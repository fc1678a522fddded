/**
 * `submit` against a truthful log, and mistakes in the command.
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { SubmitOptions } from "../../src/cli/submit.ts";
import { parseSctJson } from "../../src/rfc6962/json.ts";
import { encodeSct } from "../../src/rfc6962/sct.ts";
import { makeCa } from "../support/certificates.ts";
import { NaiveLog } from "../support/naive-log.ts";
import { chain, Files, pem, precertChain, root, run, submitTo } from "../support/submit-run.ts";

/** Entries before the submission: the entry that is submitted is number 300. */
const SEED_COUNT = 300;

test("submit() of a certificate exits 0 and shows and verifies everything", async () => {
  await using log = await NaiveLog.start(SEED_COUNT);
  const { exitCode, out, err } = await submitTo(log, chain);
  assert.equal(err, "");
  assert.equal(exitCode, 0);
  assert.match(out, /The log answered add-chain/);
  assert.match(out, /timestamp +20\d\d-\d\d-\d\dT[0-9:.]+Z/);
  assert.match(out, /leaf index +300\n/);
  assert.match(out, /signature +ECDSA with SHA-256: 30[0-9a-f]+/);
  const [, json = ""] = /JSON +(\S+)\n/.exec(out) ?? [];
  const [, tls = ""] = /TLS +(\S+)\n/.exec(out) ?? [];
  const sct = parseSctJson(json);
  assert.deepEqual(sct.logId, log.logId);
  assert.deepEqual(encodeSct(sct), Uint8Array.from(Buffer.from(tls, "base64")));
  const checks = [...out.matchAll(/^ {2}ok {2}.* \[(.*)\]$/gm)].map((match) => match[1]);
  assert.deepEqual(checks, [
    "SCT signature",
    "SCT timestamp",
    "leaf index",
    "tree head signature",
    "stale head",
    "entry",
    "leaf index",
    "audit path",
    "root",
    "tree head signature",
    "stale head",
    "heads agree",
    "entry",
    "hash tiles",
  ]);
  assert.match(out, /Key: from the log's own log\.v3\.json/);
  assert.match(
    out,
    /All checks hold: entry 300 is in the tree of size 301 of 20.* and of size 301 of 20/,
  );
});

test("submit() of a precertificate finds the endpoint and exits 0", async () => {
  await using log = await NaiveLog.start(3);
  const { exitCode, out, err } = await submitTo(log);
  assert.equal(err, "");
  assert.equal(exitCode, 0);
  assert.match(out, /precertificate CN=/);
  assert.deepEqual(
    log.requests.filter((path) => path.includes("add-")),
    ["ct/v1/add-pre-chain"],
  );
});

test("submit() of a precertificate alone finds its issuer among the log's roots", async () => {
  await using log = await NaiveLog.start(3);
  const stranger = makeCa({ subject: root.subject });
  log.roots = [stranger.der, Uint8Array.of(0x30, 0), root.der];
  const { exitCode, err } = await submitTo(log, [root.issue({ precert: true })]);
  // The naive log takes the first root, a stranger of the same name: its leaf is then wrong.
  assert.match(err, /SCT signature/);
  assert.equal(exitCode, 1);
  log.roots.shift();
  log.roots.shift();
  assert.equal((await submitTo(log, [root.issue({ precert: true })])).exitCode, 0);
});

test("submit() as the first entry of an empty log exits 0", async () => {
  await using log = await NaiveLog.start();
  assert.deepEqual((await submitTo(log)).err, "");
});

test("submit() exits 0 when the tree grows between the two heads", async () => {
  await using log = await NaiveLog.start(5);
  log.lies.answer = (truth, path) => {
    if (path === "ct/v1/get-sth") {
      const certificate = Uint8Array.of(0x30, 1, 0);
      for (let more = 0; more < 300; more += 1) {
        log.add({ type: "x509", certificate }, undefined, []);
      }
    }
    return truth;
  };
  const { exitCode, out, err } = await submitTo(log);
  assert.equal(err, "");
  assert.match(out, /the tree of 6 entries is a prefix of that of 306 \[heads agree\]/);
  assert.equal(exitCode, 0);
});

test("submit() reads openssl s_client output, with text and the leaf repeated", async () => {
  await using files = await Files.make();
  await using log = await NaiveLog.start(2);
  const [leaf, ...issuers] = chain;
  const text = `CONNECTED(00000003)\n---\nCertificate chain\n 0 s:CN=x\n${pem(leaf!)} 1 s:CN=y\n${pem(
    ...issuers,
  )}---\nServer certificate\n${pem(leaf!)}subject=CN=x\n-----BEGIN SSL SESSION PARAMETERS-----\nMFoCAQE=\n-----END SSL SESSION PARAMETERS-----\n`;
  const chainFile = await files.write(text.replaceAll("\n", "\r\n"));
  const { exitCode, out } = await run({ url: `${log.url}/`, chainFile });
  assert.match(out, /Chain of 3 from/);
  assert.equal(exitCode, 0);
});

test("submit() trusts --key in every form, and says so", async () => {
  await using files = await Files.make();
  await using log = await NaiveLog.start(2);
  const base64 = Buffer.from(log.publicKey).toString("base64");
  const keys = [
    `-----BEGIN PUBLIC KEY-----\n${base64}\n-----END PUBLIC KEY-----\n`,
    `${base64}\n`,
    log.publicKey,
  ];
  for (const key of keys) {
    const { exitCode, out, err } = await submitTo(log, chain, { keyFile: await files.write(key) });
    assert.equal(err, "");
    assert.match(out, /Key: the one given with --key; log\.v3\.json states the same/);
    assert.equal(exitCode, 0);
  }
  log.lies.answer = (truth, path) => (path === "log.v3.json" ? { ...truth, status: 404 } : truth);
  const keyFile = await files.write(base64);
  const { exitCode, out } = await submitTo(log, chain, { keyFile });
  assert.match(out, /given with --key \(log\.v3\.json could not be read\)/);
  assert.equal(exitCode, 0);
});

test("submit() with the key of another log names the check 'log key'", async () => {
  await using files = await Files.make();
  await using log = await NaiveLog.start(2);
  await using other = await NaiveLog.start();
  const keyFile = await files.write(other.publicKey);
  const { exitCode, err } = await submitTo(log, chain, { keyFile });
  assert.match(err, /FAILED check "log key": this is another log than the trusted one/);
  assert.equal(exitCode, 1);
  assert.ok(!log.requests.some((path) => path.includes("add-")), "nothing was submitted");
  log.lies.answer = (truth, path) => (path === "log.v3.json" ? { ...truth, status: 500 } : truth);
  assert.match((await submitTo(log, chain, { keyFile })).err, /FAILED check "log ID"/);
  assert.match((await submitTo(log, chain)).err, /FAILED check "log key": .*--key/);
});

test("submit() exits 2 for mistakes in the command, before anything is sent", async () => {
  await using files = await Files.make();
  await using log = await NaiveLog.start();
  const chainFile = await files.write(pem(...chain));
  const empty = await files.write("no certificate here\n");
  const broken = await files.write("-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n");
  const noDer = await files.write(pem(Uint8Array.of(0x30, 5, 1)));
  const { url } = log;
  const mistakes: readonly (readonly [SubmitOptions, RegExp])[] = [
    [{ url: "localhost", chainFile }, /--url/],
    [{ url: "ftp://localhost/", chainFile }, /--url/],
    [{ url: "http://u:p@localhost/", chainFile }, /--url/],
    [{ url: "http://localhost/?a", chainFile }, /--url/],
    [{ url, chainFile: join(files.folder, "absent.pem") }, /ENOENT.*absent\.pem/],
    [{ url, chainFile: empty }, /no certificate in/],
    [{ url, chainFile: broken }, /line 3: invalid base64/],
    [{ url, chainFile: noDer }, /certificate: /],
    [{ url, chainFile, keyFile: join(files.folder, "absent.key") }, /--key .*ENOENT/],
    [{ url, chainFile, keyFile: chainFile.replace(/[^/]+$/, "1.pem") }, /--key/],
    [{ url, chainFile, keyFile: empty }, /--key .*expected a public key/],
  ];
  for (const [options, reason] of mistakes) {
    const { exitCode, err } = await run(options);
    assert.match(err, reason);
    assert.equal(exitCode, 2, err);
  }
  assert.deepEqual(log.requests, []);
});

test("submit() to a forced endpoint shows the log's refusal", async () => {
  await using log = await NaiveLog.start();
  const { exitCode, err } = await submitTo(log, precertChain, { endpoint: "add-chain" });
  // The naive log takes it as a certificate: the SCT is then not for what was sent.
  assert.match(err, /FAILED check "SCT signature"/);
  assert.equal(exitCode, 1);
});
