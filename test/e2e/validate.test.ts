/**
 * Dry runs over HTTP against a composed log: the verdict of each chain is that of add-chain or
 * add-pre-chain in the same words, and nothing is appended.
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { parseCertificate } from "../../src/x509/certificate.ts";
import { buildPrecertTbs } from "../../src/x509/precert.ts";
import { makeCa, POISON_OID } from "../support/certificates.ts";
import { extension, nothing } from "../support/der-builder.ts";
import {
  chainJson,
  leafIndexOf,
  type RunningLog,
  startRunningLog,
} from "../support/running-log.ts";

const root = makeCa({ subject: "dry root" });
const issuer = root.intermediate({ subject: "dry issuer" });
const signer = issuer.intermediate({
  subject: "dry signer",
  extendedKeyUsages: ["1.3.6.1.4.1.11129.2.4.4"],
});
const stranger = makeCa({ subject: "dry stranger" });
const IN_2031 = new Date("2031-06-01T00:00:00Z");
const IN_2032 = new Date("2032-06-01T00:00:00Z");

let log: RunningLog;
before(async () => {
  log = await startRunningLog([
    { name: "y2031", roots: [root], window: ["2031-01-01T00:00:00Z", "2032-01-01T00:00:00Z"] },
    { name: "y2032", roots: [root], window: ["2032-01-01T00:00:00Z", "2033-01-01T00:00:00Z"] },
    { name: "y2020", roots: [root], window: ["2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"] },
    {
      name: "strict",
      roots: [root],
      lines: ["acceptPrecertificateSigningCertificates: false", "extendedKeyUsages: [serverAuth]"],
    },
  ]);
});
after(() => log[Symbol.asyncDispose]());

const hex = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

function dryRun(shard: string, chain: readonly Uint8Array[], query = "") {
  return log.call(`/${shard}/stratus/v1/validate${query}`, { body: chainJson(chain) });
}

async function verdictOf(shard: string, chain: readonly Uint8Array[], query = "") {
  const reply = await dryRun(shard, chain, query);
  assert.equal(reply.status, 200, reply.text);
  assert.equal(reply.headers["content-type"], "application/json");
  assert.equal(reply.headers["cache-control"], "no-store");
  return JSON.parse(reply.text);
}

async function sizeOf(shard: string): Promise<unknown> {
  const { tree_size: size } = await log.json(`/${shard}/ct/v1/get-sth`);
  return size;
}

test("a precertificate: its path, root, hashes, and where it stands once it was submitted", async () => {
  const leaf = issuer.issue({ precert: true, notAfter: IN_2031, subject: "dry precert" });
  const chain = [leaf, issuer.der];
  const tbs = buildPrecertTbs(parseCertificate(leaf));
  const expected = {
    accepted: true,
    shard: "y2031",
    endpoint: "add-pre-chain",
    taken_by: "y2031",
    entry_type: "precert_entry",
    issuer_key_hash: hex(parseCertificate(issuer.der).spki),
    tbs_sha256: hex(tbs),
    root: { subject: "CN=dry root", sha256: hex(root.der) },
    path: [
      { subject: "CN=dry issuer", sha256: hex(issuer.der) },
      { subject: "CN=dry root", sha256: hex(root.der) },
    ],
    priority: "low",
    duplicate: null,
  };
  const before = await sizeOf("y2031");
  const { priority, ...verdict } = await verdictOf("y2031", chain);
  const { priority: _, ...others } = expected;
  assert.deepEqual(verdict, others);
  assert.ok(priority === "low" || priority === "normal");
  assert.equal(await sizeOf("y2031"), before, "nothing was appended");
  const sct = await log.submitted("y2031", "add-pre-chain", chain);
  assert.deepEqual((await verdictOf("y2031", chain)).duplicate, {
    leaf_index: leafIndexOf(sct),
    timestamp: sct.timestamp,
  });
  // The same in another shard of the same roots is not there.
  assert.equal((await verdictOf("strict", chain)).duplicate, null);
});

test("a certificate has no TBS of its own; a root alone is its own root", async () => {
  const leaf = issuer.issue({ notAfter: IN_2031 });
  const verdict = await verdictOf("y2031", [leaf, issuer.der, root.der]);
  assert.equal(verdict.endpoint, "add-chain");
  assert.equal(verdict.entry_type, "x509_entry");
  assert.deepEqual([verdict.issuer_key_hash, verdict.tbs_sha256], [null, null]);
  const alone = await verdictOf("strict", [root.der], "?endpoint=add-chain");
  assert.equal(alone.accepted, false);
  const wide = makeCa({ subject: "alone", notAfter: IN_2031 });
  const other = await verdictOf("y2031", [wide.der]);
  assert.equal(other.code, "REJECTED_ISSUER_UNKNOWN");
});

test("a precertificate below a signing certificate has the final issuer's key hash", async () => {
  const leaf = signer.issue({ precert: true, notAfter: IN_2031 });
  const verdict = await verdictOf("y2031", [leaf, signer.der, issuer.der]);
  assert.equal(verdict.accepted, true);
  assert.equal(verdict.issuer_key_hash, hex(parseCertificate(issuer.der).spki));
  const tbs = buildPrecertTbs(parseCertificate(leaf), parseCertificate(signer.der));
  assert.equal(verdict.tbs_sha256, hex(tbs));
});

/** Chains that are refused, by what is wrong. */
const REFUSED: readonly (readonly [
  name: string,
  shard: string,
  endpoint: "add-chain" | "add-pre-chain",
  chain: readonly Uint8Array[],
  code: string,
  takenBy: string | null,
])[] = [
  [
    "another window",
    "y2031",
    "add-pre-chain",
    [issuer.issue({ precert: true, notAfter: IN_2032 }), issuer.der],
    "REJECTED_NOT_AFTER_OUT_OF_RANGE",
    "y2032",
  ],
  [
    "a closed shard",
    "y2020",
    "add-chain",
    [issuer.issue({ notAfter: IN_2031 }), issuer.der],
    "REJECTED_SHARD_CLOSED",
    "y2031",
  ],
  [
    "an unknown root",
    "y2031",
    "add-chain",
    [stranger.issue({ notAfter: IN_2031 })],
    "REJECTED_ISSUER_UNKNOWN",
    "y2031",
  ],
  [
    "a chain out of order",
    "y2031",
    "add-chain",
    [issuer.issue({ notAfter: IN_2031 }), root.der, issuer.der],
    "REJECTED_CHAIN_INVALID",
    "y2031",
  ],
  [
    "what is no certificate",
    "y2031",
    "add-chain",
    [Uint8Array.of(0x30, 0)],
    "MALFORMED_CERTIFICATE",
    null,
  ],
  [
    "an issuer that is no certificate",
    "y2031",
    "add-chain",
    [issuer.issue({ notAfter: IN_2031 }), Uint8Array.of(0x30, 0)],
    "MALFORMED_CERTIFICATE",
    "y2031",
  ],
  [
    "a precertificate for add-chain",
    "y2031",
    "add-chain",
    [issuer.issue({ precert: true, notAfter: IN_2031 }), issuer.der],
    "REJECTED_TYPE_MISMATCH",
    "y2031",
  ],
  [
    "a certificate for add-pre-chain",
    "y2031",
    "add-pre-chain",
    [issuer.issue({ notAfter: IN_2031 }), issuer.der],
    "REJECTED_TYPE_MISMATCH",
    "y2031",
  ],
  [
    "a poison that is not critical",
    "y2031",
    "add-pre-chain",
    [
      issuer.issue({
        notAfter: IN_2031,
        extensions: [extension(POISON_OID, nothing(), false)],
      }),
      issuer.der,
    ],
    "REJECTED_POISON_INVALID",
    "y2031",
  ],
  [
    "usages that are not taken",
    "strict",
    "add-chain",
    [issuer.issue({ notAfter: IN_2031, extendedKeyUsages: ["1.2.3"] }), issuer.der],
    "REJECTED_EXTENDED_KEY_USAGE",
    "strict",
  ],
  [
    "a signing certificate that is not taken",
    "strict",
    "add-pre-chain",
    [signer.issue({ precert: true, notAfter: IN_2031 }), signer.der, issuer.der],
    "REJECTED_PRECERTIFICATE_SIGNING_CERTIFICATE",
    "strict",
  ],
];
for (const [name, shard, endpoint, chain, code, takenBy] of REFUSED) {
  test(`${name}: refused in the very words of ${endpoint}, and told who takes it`, async () => {
    const verdict = await verdictOf(shard, chain, `?endpoint=${endpoint}`);
    const { code: got, message, detail, ...others } = verdict;
    assert.equal(got, code);
    assert.deepEqual(others, { accepted: false, shard, endpoint, taken_by: takenBy });
    const submitted = await log.submit(shard, endpoint, chain, {
      headers: { accept: "application/json" },
    });
    assert.deepEqual(JSON.parse(submitted.text), { code, message, detail });
  });
}

test("a body beyond 512,000 bytes is 413, an unknown endpoint 400, GET 405", async () => {
  const target = "/y2031/stratus/v1/validate";
  const body = `{"chain":["${"A".repeat(512_000)}"]}`;
  assert.equal((await log.call(target, { body })).status, 413);
  const wrong = await log.call(`${target}?endpoint=add-chains`, { body: chainJson([root.der]) });
  assert.equal(wrong.status, 400);
  assert.match(wrong.text, /expected add-chain or add-pre-chain/);
  const got = await log.call(target);
  assert.deepEqual([got.status, got.headers.allow], [405, "POST, OPTIONS"]);
});

test("dry runs are counted as requests of endpoint validate, not as submissions", async () => {
  const metricsOf = async (): Promise<string> => {
    const response = await fetch(`${log.operationsUrl}/metrics`);
    return response.text();
  };
  const submissions = (text: string): string =>
    text
      .split("\n")
      .filter((line) => /^stratus_submission/.test(line))
      .join("\n");
  const before = submissions(await metricsOf());
  await verdictOf("y2031", [issuer.issue({ notAfter: IN_2031 }), issuer.der]);
  await verdictOf("y2031", [stranger.issue({ notAfter: IN_2031 })]);
  const after = await metricsOf();
  assert.notEqual(before, "");
  assert.equal(submissions(after), before);
  assert.match(after, /endpoint="validate"/);
});
