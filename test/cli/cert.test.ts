/**
 * `stratus sct decode` and `stratus cert check` against a running log: certificates that are
 * right, and those of the mishaps that broke others.
 * @module
 */
import assert from "node:assert/strict";
import { sign } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type CertCheckOptions, checkCert } from "../../src/cli/cert.ts";
import { decodeScts } from "../../src/cli/sct.ts";
import { parseHex } from "../../src/encoding/hex.ts";
import { encodeMerkleTreeLeaf } from "../../src/rfc6962/entry.ts";
import { encodeSct, encodeSctList, type Sct } from "../../src/rfc6962/sct.ts";
import { encodeDigitallySigned } from "../../src/rfc6962/signature.ts";
import { encodeLeafIndexExtension } from "../../src/static-ct/extensions.ts";
import { parseCertificate } from "../../src/x509/certificate.ts";
import { buildPrecertTbs } from "../../src/x509/precert.ts";
import { makeCa } from "../support/certificates.ts";
import { runCommand } from "../support/command-run.ts";
import { octetString } from "../support/der-builder.ts";
import { type IssuedPair, issuePair, sctOf } from "../support/embedded.ts";
import { runStratus } from "../support/process.ts";
import {
  leafIndexOf,
  type RunningLog,
  type SctJson,
  startRunningLog,
} from "../support/running-log.ts";
import { sha256 } from "../support/sha256.ts";
import { Files, pem } from "../support/submit-run.ts";

const root = makeCa({ subject: "cert root" });
const issuer = root.intermediate({ subject: "cert issuer" });
const twin = root.intermediate({ subject: "cert issuer" });
const NOT_AFTER = new Date("2031-06-01T00:00:00Z");
const SHARDS = ["tiled", "plain"] as const;

let log: RunningLog;
let files: Files;
let pair: IssuedPair;
const jsons: SctJson[] = [];
const scts: Sct[] = [];
before(async () => {
  files = await Files.make();
  log = await startRunningLog([
    { name: "tiled", roots: [root], type: "static-ct-api" },
    { name: "plain", roots: [root], type: "rfc6962" },
  ]);
  pair = issuePair(issuer, { serial: 910_001, notAfter: NOT_AFTER, subject: "carrier" });
  for (const shard of SHARDS) {
    const other = issuer.issue({ precert: true, notAfter: NOT_AFTER });
    await log.submitted(shard, "add-pre-chain", [other, issuer.der]);
    const json = await log.submitted(shard, "add-pre-chain", [pair.precertificate, issuer.der]);
    jsons.push(json);
    scts.push(sctOf(json));
  }
});
after(async () => {
  await log[Symbol.asyncDispose]();
  await files[Symbol.asyncDispose]();
});

async function check(chain: readonly Uint8Array[], changes: Partial<CertCheckOptions> = {}) {
  const chainFile = await files.write(pem(...chain));
  const urls = SHARDS.map((shard) => log.url(shard));
  const options = { chainFile, logLists: [], urls, json: false, timeoutMs: 5_000, ...changes };
  return runCommand((io) => checkCert(options, io));
}

function decode(input: string, json = false) {
  return runCommand((io) => decodeScts({ input, json }, io));
}

const sctAt = (index: number): Sct => scts[index] ?? assert.fail(`no SCT ${index}`);
const jsonAt = (index: number): SctJson => jsons[index] ?? assert.fail(`no SCT ${index}`);

test("checkCert() of a right certificate: both SCTs valid, and proven through either API", async () => {
  const { exitCode, out, err } = await check([pair.withScts(scts), issuer.der]);
  assert.deepEqual([exitCode, err], [0, ""]);
  assert.match(out, /^Certificate CN=carrier: 2 embedded SCTs$/m);
  assert.deepEqual(out.match(/^SCT \d: valid$/gm), ["SCT 1: valid", "SCT 2: valid"]);
  assert.match(out, /inclusion +proven: entry 1 of 2, by static-ct-api$/m);
  assert.match(out, /inclusion +proven: entry 1 of 2, by RFC 6962$/m);
  assert.match(out, /extensions +leaf_index = 1$/m);
  assert.match(out, /^All embedded SCTs are valid\.$/m);
});

test("checkCert() finds the logs in a list, a file or /logs.json, and names the operator", async () => {
  const list = await (await fetch(`${log.origin}/logs.json`)).text();
  const file = await files.write(list);
  const chain = [pair.withScts(scts), issuer.der];
  for (const source of [file, `${log.origin}/logs.json`]) {
    const { exitCode, out } = await check(chain, { urls: [], logLists: [source] });
    assert.equal(exitCode, 0);
    assert.match(out, /log +[^ ]+\/tiled \([^)]*static-ct-api, active\)$/m);
    assert.match(out, /^Operators of valid SCTs: /m);
    assert.doesNotMatch(out, /inclusion/);
  }
});

test("checkCert() counts one SCT as one", async () => {
  const { out } = await check([pair.withScts([sctAt(0)]), issuer.der]);
  assert.match(out, /^Certificate CN=carrier: 1 embedded SCT$/m);
});

test("checkCert() cannot tell without a list: exit code 1, and what to do", async () => {
  const { exitCode, out } = await check([pair.withScts(scts), issuer.der], { urls: [] });
  assert.equal(exitCode, 1);
  assert.match(out, /SCT 1: NOT CHECKED: no list names its log \(--log-list, --url\)/);
  assert.match(out, /NOT all embedded SCTs are valid and known/);
});

/** What broke the certificates of sixteen CAs, and more of the kind. */
const MISHAPS: readonly (readonly [
  name: string,
  change: (sct: Sct) => Sct,
  problem: RegExp,
  meaning: RegExp,
])[] = [
  [
    "extensions that were dropped",
    (sct) => ({ ...sct, extensions: new Uint8Array(0) }),
    /NOT VALID: .*it has no extensions: if the log gave some, they were dropped/,
    /extensions +none\. An SCT of a Stratus or static-ct-api log is never without/,
  ],
  [
    "extensions that were copied as base64 text",
    (sct) => ({
      ...sct,
      extensions: new TextEncoder().encode(Buffer.from(sct.extensions).toString("base64")),
    }),
    /NOT VALID: with the extensions decoded from base64 it would verify/,
    /extensions +base64 text in the place of bytes/,
  ],
  [
    "another leaf index",
    (sct) => ({ ...sct, extensions: parseHex("0000050000000007") }),
    /NOT VALID: the signature is not the log's/,
    /extensions +leaf_index = 7$/m,
  ],
  [
    "another timestamp",
    (sct) => ({ ...sct, timestampMs: sct.timestampMs + 1 }),
    /NOT VALID: the signature is not the log's/,
    /leaf_index = 1$/m,
  ],
];
for (const [name, change, problem, meaning] of MISHAPS) {
  test(`checkCert() of ${name} exits 1 and says so`, async () => {
    const { exitCode, out } = await check([
      pair.withScts([change(sctAt(0)), sctAt(1)]),
      issuer.der,
    ]);
    assert.equal(exitCode, 1);
    assert.match(out, problem);
    assert.match(out, meaning);
    assert.match(out, /^SCT 2: valid$/m, "the other SCT is judged by itself");
  });
}

test("checkCert() of another certificate's SCTs, and of another issuer's, exits 1", async () => {
  const other = issuePair(issuer, { serial: 910_002, notAfter: NOT_AFTER });
  const stolen = await check([other.withScts(scts), issuer.der]);
  assert.equal(stolen.exitCode, 1);
  assert.deepEqual(stolen.out.match(/^SCT \d: NOT VALID/gm)?.length, 2);
  // An issuer of the same name, whose key is another.
  const wrong = await check([pair.withScts(scts), twin.der]);
  assert.equal(wrong.exitCode, 1);
  assert.match(wrong.err, /the second certificate did not issue the first/);
});

/** An SCT that the shard's key really signed, for a place that it did not give. */
async function signFalsely(shard: string, leafIndex: number): Promise<Sct> {
  const key = await readFile(join(log.folder, "data", shard, "key.pem"), "utf8");
  const logId = sctAt(shard === "tiled" ? 0 : 1).logId;
  const timestampMs = Date.now();
  const extensions = encodeLeafIndexExtension(leafIndex);
  const tbs = buildPrecertTbs(parseCertificate(pair.precertificate));
  const issuerKeyHash = sha256(parseCertificate(issuer.der).spki);
  const entry = { type: "precert", issuerKeyHash, tbs } as const;
  const leaf = encodeMerkleTreeLeaf({ timestampMs, entry, extensions });
  const signature = encodeDigitallySigned({
    algorithm: "ecdsa",
    signature: Uint8Array.from(sign("sha256", leaf, key)),
  });
  return { logId, timestampMs, extensions, signature };
}

/** Valid SCTs whose entry is not in the log: what Certificate Transparency is there to find. */
const BROKEN_PROMISES: readonly (readonly [shard: string, leafIndex: number, problem: RegExp])[] = [
  ["tiled", 77, /^SCT 1: valid\n[\s\S]*NOT PROVEN: entry 77 is beyond the tree of 2$/m],
  ["tiled", 0, /NOT PROVEN: the data tile shows another entry at the SCT's leaf index$/m],
  ["tiled", 1, /NOT PROVEN: the SCT says \d+, the entry in the data tile \d+$/m],
  ["plain", 1, /NOT PROVEN: .*get-proof-by-hash.*answered 404/m],
];
for (const [shard, leafIndex, problem] of BROKEN_PROMISES) {
  test(`checkCert() of an SCT of ${shard} for entry ${leafIndex}, never logged, exits 1`, async () => {
    const sct = await signFalsely(shard, leafIndex);
    const { exitCode, out } = await check([pair.withScts([sct]), issuer.der]);
    assert.equal(exitCode, 1);
    assert.match(out, problem);
  });
}

test("checkCert() with --json has the SCT, its log, the verdict and the proof", async () => {
  const { exitCode, out } = await check([pair.withScts([sctAt(0)]), issuer.der], {
    urls: [log.url("tiled")],
    json: true,
  });
  assert.equal(exitCode, 0);
  const { ok, scts: found } = JSON.parse(out);
  const [sct] = found;
  assert.deepEqual([ok, sct.valid, sct.warnings], [true, true, []]);
  assert.deepEqual(sct.inclusion, { leafIndex: 1, treeSize: 2, api: "static-ct-api" });
  assert.equal(sct.decoded.leaf_index, 1);
  assert.equal(sct.id, jsonAt(0).id);
  assert.equal(sct.log.type, "static-ct-api");
});

test("checkCert() of a precertificate, without SCTs, without issuer says what it needs", async () => {
  const precert = await check([pair.precertificate, issuer.der]);
  assert.equal(precert.exitCode, 1);
  assert.match(precert.err, /this is a precertificate: SCTs stand in the final certificate/);
  const bare = await check([issuer.issue({ notAfter: NOT_AFTER }), issuer.der]);
  assert.match(bare.err, /the certificate carries no SCTs/);
  const alone = await check([pair.withScts(scts)]);
  assert.equal(alone.exitCode, 2);
  assert.match(alone.err, /holds one certificate: append its issuer in PEM/);
});

test("decodeScts() reads every form to the same SCT", async () => {
  const sct = sctAt(0);
  const tls = encodeSct(sct);
  const list = encodeSctList(scts);
  const certificate = pair.withScts(scts);
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
  const inputs: readonly (readonly [form: string, input: string])[] = [
    ["JSON", JSON.stringify(jsonAt(0))],
    ["JSON", await files.write(`\n${JSON.stringify(jsonAt(0), undefined, 2)}\n`)],
    ["SCT", base64(tls)],
    ["SCT", Buffer.from(tls).toString("hex")],
    ["SCT", await files.write(tls)],
    ["SCT list", base64(list)],
    ["SCT list", await files.write(base64(list).replaceAll(/.{40}/g, "$&\n"))],
    ["SCT list", await files.write(list)],
    ["SCT list", base64(octetString(list))],
    ["certificate", await files.write(pem(certificate))],
    ["certificate", await files.write(certificate)],
    ["certificate", base64(certificate)],
  ];
  for (const [form, input] of inputs) {
    const { exitCode, out, err } = await decode(input, true);
    assert.deepEqual([exitCode, err], [0, ""], `${form} ${input.slice(0, 40)}`);
    const found = JSON.parse(out);
    assert.equal(found.form, form);
    const [first] = found.scts;
    const { decoded, ...rfc6962 } = first;
    assert.deepEqual(rfc6962, jsonAt(0));
    assert.equal(decoded.leaf_index, leafIndexOf(jsonAt(0)));
    assert.equal(decoded.tls, base64(tls));
  }
});

test("decodeScts() in words shows the leaf index and what the extensions mean", async () => {
  const { exitCode, out } = await decode(JSON.stringify(jsonAt(0)));
  assert.equal(exitCode, 0);
  assert.match(out, /^1 SCT:$/m);
  assert.match(out, /leaf index +1$/m);
  assert.match(out, /extensions: leaf_index = 1$/m);
  const bare = await decode(JSON.stringify({ ...jsonAt(0), extensions: "" }));
  assert.match(bare.out, /never without: if this is one, they were dropped/);
});

test("decodeScts() refuses what is no SCT with exit code 1, no file with 2", async () => {
  for (const input of ["{}", "A".repeat(200), Buffer.alloc(120, 1).toString("hex")]) {
    const { exitCode, out, err } = await decode(input);
    assert.deepEqual([exitCode, out], [1, ""], input.slice(0, 20));
    assert.match(err, /^stratus sct decode: /);
  }
  const missing = await decode("/nowhere/sct.json");
  assert.equal(missing.exitCode, 2);
  assert.match(missing.err, /write a file, - or the SCT itself/);
});

test("the commands themselves: help has examples, exit codes are the functions'", async () => {
  for (const command of [
    ["sct", "decode"],
    ["cert", "check"],
  ]) {
    const help = await runStratus([...command, "--help"]);
    assert.equal(help.code, 0);
    assert.match(help.stdout, /Example:\n {2}stratus /);
    assert.match(help.stdout, /Exit code: 0 /);
  }
  const decoded = await runStratus(["sct", "decode", JSON.stringify(jsonAt(0))]);
  assert.deepEqual([decoded.code, decoded.stderr], [0, ""]);
  const chainFile = await files.write(pem(pair.withScts(scts), issuer.der));
  const checked = await runStratus([
    "cert",
    "check",
    ...SHARDS.flatMap((shard) => ["--url", log.url(shard)]),
    chainFile,
  ]);
  assert.deepEqual([checked.code, checked.stderr], [0, ""]);
});
