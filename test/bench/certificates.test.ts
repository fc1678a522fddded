import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { deriveAuthority, NOT_AFTER_MS, PrecertificateTemplate } from "../../bench/certificates.ts";
import { formatCertificatePem } from "../../bench/der.ts";
import { ISSUER_KINDS } from "../../bench/keys.ts";

const POISON = Buffer.from("3013060a2b06010401d6790204030101ff04020500", "hex");

for (const kind of ISSUER_KINDS) {
  const authority = deriveAuthority(kind, 42);
  const template = new PrecertificateTemplate(authority, 42);
  const make = (index: number) =>
    template.assemble(index, authority.issuerKey.sign(template.poisonedTbs(index)));

  test(`assemble() of ${kind} gives a precertificate that chains to the root`, () => {
    const root = new X509Certificate(authority.root);
    const intermediate = new X509Certificate(authority.intermediate);
    const leaf = new X509Certificate(make(3));
    assert(root.ca && root.verify(root.publicKey));
    assert(intermediate.ca && intermediate.verify(root.publicKey));
    assert(intermediate.checkIssued(root));
    assert(!leaf.ca && leaf.checkIssued(intermediate) && leaf.verify(intermediate.publicKey));
    assert.equal(Date.parse(leaf.validTo), NOT_AFTER_MS);
    assert.match(leaf.subjectAltName ?? "", /^DNS:([0-9a-f]{16})\.bench\.example, DNS:www\.\1\./);
  });

  test(`assemble() of ${kind} has 1.2 to 1.6 kB`, () => {
    const { length } = make(0);
    assert(length >= 1200 && length <= 1600, `${length} bytes`);
  });

  test(`loggedTbs() of ${kind} is the signed TBS without its 21 bytes of poison`, () => {
    const signed = Buffer.from(template.poisonedTbs(5));
    const logged = Buffer.from(template.loggedTbs(5));
    const poison = signed.indexOf(POISON);
    assert(poison > 0 && signed.indexOf(POISON, poison + 1) < 0);
    const without = Buffer.concat([signed.subarray(0, poison), signed.subarray(poison + 21)]);
    assert.equal(logged.length, without.length);
    // Only the lengths of the three elements around it differ.
    const different = [...logged.keys()].filter((at) => logged[at] !== without[at]);
    assert(different.length <= 6, `${different.length} bytes differ`);
    assert.equal(logged.readUInt16BE(2), signed.readUInt16BE(2) - 21);
  });

  test(`PrecertificateTemplate of ${kind} makes 5,000 different certificates`, () => {
    const serials = new Set<string>();
    for (let index = 0; index < 5_000; index += 1) {
      const tbs = Buffer.from(template.poisonedTbs(index));
      serials.add(tbs.toString("latin1", 9, 27));
    }
    assert.equal(serials.size, 5_000);
  });

  test(`openssl reads and verifies a certificate of ${kind}`, async (context) => {
    if (spawnSync("openssl", ["version"]).status !== 0) {
      context.skip("there is no openssl");
      return;
    }
    const folder = await mkdtemp(join(tmpdir(), "stratus-certificates-"));
    try {
      const path = (name: string) => join(folder, `${name}.pem`);
      await writeFile(path("root"), formatCertificatePem(authority.root));
      await writeFile(path("intermediate"), formatCertificatePem(authority.intermediate));
      await writeFile(path("leaf"), formatCertificatePem(make(8)));
      const openssl = (...args: readonly string[]) =>
        execFileSync("openssl", args, { encoding: "utf8" });
      const shown = openssl("x509", "-in", path("leaf"), "-noout", "-text");
      assert.match(shown, /CT Precertificate Poison: critical\s+NULL/);
      assert.match(shown, /X509v3 Authority Key Identifier/);
      // It does not know the critical poison: everything else must hold.
      const chain = ["-CAfile", path("root"), "-untrusted", path("intermediate")];
      const verified = openssl("verify", "-ignore_critical", ...chain, path("leaf"));
      assert.match(verified, /: OK$/m);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
}

test("deriveAuthority() and PrecertificateTemplate are functions of kind and seed", () => {
  const digest = createHash("sha256");
  for (const kind of ISSUER_KINDS) {
    const authority = deriveAuthority(kind, 42);
    const template = new PrecertificateTemplate(authority, 42);
    digest.update(authority.root).update(authority.intermediate);
    for (const index of [0, 1, 4_294_967_296]) digest.update(template.poisonedTbs(index));
  }
  const other = deriveAuthority("p256", 43);
  assert.notDeepEqual(other.root, deriveAuthority("p256", 42).root);
  assert.equal(
    digest.digest("hex"),
    "a2d09dc96a330988ee2822860ca85b8b623f4a57bf7dde240424c1d26ecb33c9",
  );
});
