/**
 * Ten real submissions over HTTP, to a shard with a real root store: each is taken and logged
 * with the TBS and issuer key hash that the log it comes from recorded. The data lies outside
 * the repository, and the test is skipped without it.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { chainJson, leafIndexOf, startRunningLog } from "../support/running-log.ts";

const CORPUS = new URL("../../../shared/corpus/", import.meta.url);
const CHAINS = new URL("precert-chains.jsonl", CORPUS);
const ROOTS = new URL("roots.pem", CORPUS);
const skip = existsSync(CHAINS) && existsSync(ROOTS) ? false : "no ../shared/corpus here";

interface RealSubmission {
  readonly chain: readonly string[];
  /** Base64. */
  readonly tbs: string;
  /** Hex. */
  readonly issuer_key_hash: string;
}

test("ten real precertificates are logged as their log recorded them", { skip }, async () => {
  const pem = readFileSync(ROOTS, "utf8");
  const roots = [...pem.matchAll(/-----BEGIN CERTIFICATE-----([^-]+)-----END/g)].map(([, body]) =>
    Uint8Array.from(Buffer.from(body ?? "", "base64")),
  );
  const lines = readFileSync(CHAINS, "utf8").trim().split("\n");
  assert.equal(lines.length, 10);
  // A window that closes later than the certificates' year, so that the shard takes them now.
  const window = ["2025-01-01T00:00:00Z", "2100-01-01T00:00:00Z"] as const;
  await using log = await startRunningLog([{ name: "real2025", roots, window }]);
  for (const line of lines) {
    const real: RealSubmission = JSON.parse(line);
    const chain = real.chain.map((der) => Buffer.from(der, "base64"));
    const reply = await log.call("/real2025/ct/v1/add-pre-chain", { body: chainJson(chain) });
    assert.equal(reply.status, 200, reply.text);
    const sct = JSON.parse(reply.text);
    const index = leafIndexOf(sct);
    const range = `start=${index}&end=${index}`;
    const { entries } = await log.json(`/real2025/ct/v1/get-entries?${range}`);
    assert.ok(Array.isArray(entries));
    const leaf = Buffer.from(entries[0].leaf_input, "base64");
    assert.equal(leaf.readUInt16BE(10), 1);
    assert.equal(leaf.subarray(12, 44).toString("hex"), real.issuer_key_hash);
    const length = leaf.readUIntBE(44, 3);
    assert.equal(leaf.subarray(47, 47 + length).toString("base64"), real.tbs);
    assert.equal(leaf.length, 47 + length + 10);
    const extra = Buffer.from(entries[0].extra_data, "base64");
    const [precertificate] = chain;
    assert.ok(precertificate !== undefined);
    assert.ok(extra.subarray(3, 3 + precertificate.length).equals(precertificate));
  }
});
