import assert from "node:assert/strict";
import { test } from "node:test";
import { makeChainCheck } from "../../src/log/check-chain.ts";
import type { TileLeaf } from "../../src/static-ct/tile-leaf.ts";
import { verifySignature } from "../../src/x509/verify.ts";
import { makeCa } from "../support/certificates.ts";
import { sha256 } from "../support/sha256.ts";

const ROOT = makeCa();
const OTHER = makeCa();
const OPTIONS = { serial: 7, notAfter: new Date("2027-07-01T00:00:00Z") };

function leafOf(certificate: Uint8Array, chain: readonly Uint8Array[]): TileLeaf {
  return {
    timestampMs: 1,
    entry: { type: "x509", certificate },
    extensions: new Uint8Array(0),
    precertificate: undefined,
    chainFingerprints: chain.map(sha256),
  };
}

test("makeChainCheck() takes the chain of a certificate and of a precertificate, again and again", () => {
  const check = makeChainCheck(verifySignature);
  for (let round = 0; round < 2; round += 1) {
    check(leafOf(ROOT.issue(OPTIONS), [ROOT.der]), [ROOT.der]);
    const precertificate = ROOT.issue({ ...OPTIONS, precert: true });
    const entry = {
      type: "precert",
      issuerKeyHash: new Uint8Array(32),
      tbs: new Uint8Array(1),
    } as const;
    check({ ...leafOf(ROOT.der, [ROOT.der]), entry, precertificate }, [ROOT.der]);
  }
  check(leafOf(ROOT.der, []), []);
});

test("makeChainCheck() refuses a chain that is left out, is another's, or was not signed by it", () => {
  const check = makeChainCheck(verifySignature);
  const certificate = ROOT.issue(OPTIONS);
  assert.throws(() => check(leafOf(certificate, []), []), /its chain is left out/);
  assert.throws(() => check(leafOf(certificate, [OTHER.der]), [OTHER.der]));
  assert.throws(() => check(leafOf(certificate, [ROOT.der, OTHER.der]), [ROOT.der, OTHER.der]));
  const flipped = certificate.slice();
  flipped[flipped.length - 1] = (flipped.at(-1) ?? 0) ^ 1;
  assert.throws(() => check(leafOf(flipped, [ROOT.der]), [ROOT.der]));
  // What was refused is not remembered as good.
  assert.throws(() => check(leafOf(certificate, [ROOT.der, OTHER.der]), [ROOT.der, OTHER.der]));
});
