import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { checkEntry } from "../../src/log/check-entry.ts";
import type { Submission } from "../../src/sequencer/message.ts";
import { encodeLeafIndexExtension } from "../../src/static-ct/extensions.ts";
import type { TileLeaf } from "../../src/static-ct/tile-leaf.ts";
import { chainOf, type TestCa } from "../support/certificates.ts";
import { makeJudge, SHARD_ROOT } from "../support/log-shard.ts";
import { ManualClock } from "../support/manual-clock.ts";

const CA = SHARD_ROOT.intermediate();
const SIGNER = CA.precertificateSigner();

function submissionOf(issuer: TestCa, precert = true): Submission {
  const chain = chainOf(issuer.issue({ precert }), issuer);
  return makeJudge(new ManualClock()).judge(precert ? "add-pre-chain" : "add-chain", chain, 0);
}

function leafOf({ entry, precertificate, chainFingerprints }: Submission): TileLeaf {
  const extensions = encodeLeafIndexExtension(0);
  return { timestampMs: 1, entry, extensions, precertificate, chainFingerprints };
}

async function check(leaf: TileLeaf, { issuers }: Submission, isStored = true): Promise<void> {
  await checkEntry(leaf, async (fingerprint) => {
    const found = issuers.find((issuer) => Buffer.compare(issuer.fingerprint, fingerprint) === 0);
    return isStored ? found?.der : undefined;
  });
}

describe("checkEntry()", () => {
  test("passes what the judge makes: certificate, precertificate, by root, CA and signing certificate", async () => {
    for (const issuer of [SHARD_ROOT, CA, SIGNER]) {
      const submission = submissionOf(issuer);
      await check(leafOf(submission), submission);
    }
    const certificate = submissionOf(CA, false);
    await check(leafOf(certificate), certificate);
  });

  test("refuses another TBS, another precertificate, none, and an issuer that is not stored", async () => {
    for (const issuer of [CA, SIGNER]) {
      const submission = submissionOf(issuer);
      const leaf = leafOf(submission);
      assert.ok(leaf.entry.type === "precert");
      const tbs = Uint8Array.from(leaf.entry.tbs);
      tbs[tbs.length - 1]! ^= 1;
      const cases: TileLeaf[] = [
        { ...leaf, entry: { ...leaf.entry, tbs } },
        { ...leaf, precertificate: submissionOf(issuer).precertificate },
        { ...leaf, precertificate: undefined },
        { ...leaf, precertificate: leaf.precertificate!.slice(0, 100) },
        { ...leaf, chainFingerprints: [], entry: { ...leaf.entry, tbs } },
      ];
      for (const wrong of cases) await assert.rejects(async () => check(wrong, submission));
    }
    const signed = submissionOf(SIGNER);
    await assert.rejects(async () => check(leafOf(signed), signed, false), /not stored/);
    // The rewriting goes by the first of the chain: a plain CA in its place is no signer.
    const leaf = leafOf(signed);
    const moved = { ...leaf, chainFingerprints: leaf.chainFingerprints.slice(1) };
    await assert.rejects(async () => check(moved, signed), /not the precertificate's/);
  });
});
