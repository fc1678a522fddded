import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { deriveAuthority, PrecertificateTemplate } from "../../bench/certificates.ts";
import { FillEntries } from "../../bench/fill-entries.ts";
import { hashLeaf } from "../../src/merkle/hash.ts";
import { encodeMerkleTreeLeaf } from "../../src/rfc6962/entry.ts";
import { dedupKeyOf } from "../../src/sequencer/message.ts";
import { encodeLeafIndexExtension } from "../../src/static-ct/extensions.ts";
import { decodeDataTile, encodeTileLeaf } from "../../src/static-ct/tile-leaf.ts";
import { parseCertificate } from "../../src/x509/certificate.ts";
import { buildPrecertTbs } from "../../src/x509/precert.ts";
import { sha256 } from "../support/sha256.ts";

const NOW_MS = Date.UTC(2026, 10, 20);
const entries = new FillEntries(42);

for (const start of [0, 4_294_967_200]) {
  test(`make() of entries from ${start} on gives what the log would have made of them`, () => {
    const block = entries.make(start, 200, NOW_MS);
    const leaves = decodeDataTile(block.bytes);
    assert.equal(leaves.length, 200);
    assert.equal(block.bytes.length, 200 * entries.length);
    assert.deepEqual(block.sha256, sha256(block.bytes));
    for (const [at, leaf] of leaves.entries()) {
      const { entry, precertificate } = leaf;
      assert(entry.type === "precert" && precertificate !== undefined);
      assert.equal(leaf.timestampMs, NOW_MS);
      assert.deepEqual(leaf.extensions, encodeLeafIndexExtension(start + at));
      assert.deepEqual(entry.tbs, buildPrecertTbs(parseCertificate(precertificate)));
      const cut = (bytes: Uint8Array) => bytes.slice(32 * at, 32 * (at + 1));
      assert.deepEqual(cut(block.leafHashes), hashLeaf(sha256, encodeMerkleTreeLeaf(leaf)));
      assert.deepEqual(cut(block.dedupKeys), dedupKeyOf(sha256, entry));
      assert.deepEqual(encodeTileLeaf(leaf).length, entries.length);
    }
  });
}

test("make() gives the same entry in whatever block, and no two alike", () => {
  const whole = entries.make(1_000, 600, NOW_MS);
  const part = entries.make(1_256, 10, NOW_MS);
  const from = 256 * entries.length;
  assert.deepEqual(part.bytes, whole.bytes.slice(from, from + 10 * entries.length));
  const keys = new Set(
    Array.from({ length: 600 }, (_, at) =>
      Buffer.from(whole.dedupKeys.subarray(32 * at, 32 * (at + 1))).toString("hex"),
    ),
  );
  assert.equal(keys.size, 600);
});

test("make() gives a tile that compresses as one of the load does", () => {
  const authority = deriveAuthority("rsa2048", 42);
  const template = new PrecertificateTemplate(authority, 42);
  const { chainFingerprints = [] } = decodeDataTile(entries.make(0, 1, NOW_MS).bytes)[0] ?? {};
  const real = Array.from({ length: 64 }, (_, at) =>
    encodeTileLeaf({
      timestampMs: NOW_MS,
      entry: {
        type: "precert",
        issuerKeyHash: authority.issuerKeyHash,
        tbs: template.loggedTbs(at),
      },
      extensions: encodeLeafIndexExtension(at),
      precertificate: template.assemble(at, authority.issuerKey.sign(template.poisonedTbs(at))),
      chainFingerprints,
    }),
  );
  const made = gzipSync(entries.make(0, 64, NOW_MS).bytes).length;
  const ratio = made / gzipSync(Buffer.concat(real)).length;
  assert(ratio > 0.97 && ratio < 1.03, `${ratio}`);
});
