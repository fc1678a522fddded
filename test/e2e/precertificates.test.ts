/**
 * Precertificates over HTTP: what is logged is the TBSCertificate that the CA signs later,
 * without its SCT list, and the SCT that comes back verifies over it.
 * @module
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  CT_EKU_OID,
  extendedKeyUsage,
  type IssueOptions,
  keyIdOf,
  makeCa,
  POISON_OID,
  poison,
  SCT_LIST_OID,
  subjectAltName,
  subjectKeyId,
  type TestCa,
} from "../support/certificates.ts";
import {
  boolean,
  constructed,
  extension,
  nothing,
  octetString,
  primitive,
  sequence,
} from "../support/der-builder.ts";
import { uint } from "../support/expected-entry.ts";
import { type RunningLog, type SctJson, startRunningLog } from "../support/running-log.ts";

const root = makeCa();
const issuer = root.intermediate();
const AKI = "2.5.29.35";
const CA_TRUE = extension("2.5.29.19", sequence(boolean(true)), true);

/** AuthorityKeyIdentifier of a CA's key. */
function aki(ca: TestCa, critical?: boolean): Buffer {
  return extension(AKI, sequence(primitive(0, keyIdOf(ca.spki))), critical);
}

/** A signer whose own certificate has just these extensions besides what makes it one. */
function signerWith(...extensions: readonly Uint8Array[]): TestCa {
  return issuer.intermediate({
    onlyExtensions: [CA_TRUE, extendedKeyUsage(CT_EKU_OID), ...extensions],
  });
}

const SAN = subjectAltName("a.example");
const SKI = subjectKeyId(issuer.spki);
const signer = signerWith(aki(issuer));
const criticalSigner = signerWith(aki(issuer, true));
const plainSigner = signerWith();
const firstPoison = [poison(), SAN, aki(issuer)];

/** Title, who signs, the precertificate's extensions, the final certificate's before SCTs. */
const CASES: readonly (readonly [string, TestCa, readonly Buffer[], readonly Buffer[]])[] = [
  ["poison last", issuer, [SAN, aki(issuer), poison()], [SAN, aki(issuer)]],
  ["poison first", issuer, firstPoison, [SAN, aki(issuer)]],
  ["poison between", issuer, [SAN, poison(), aki(issuer)], [SAN, aki(issuer)]],
  ["poison with critical written as 0xff", issuer, [poison(), SKI], [SKI]],
  ["issued by the root", root, [SAN, poison()], [SAN]],
  [
    "a signer: issuer and key identifier are replaced in place",
    signer,
    [SAN, aki(signer), SKI, poison()],
    [SAN, aki(issuer), SKI],
  ],
  [
    "a signer: the key identifier keeps its criticality",
    signer,
    [aki(signer, true), poison(), SAN],
    [aki(issuer, true), SAN],
  ],
  [
    "a signer: criticality is not taken from the signer",
    criticalSigner,
    [SAN, aki(criticalSigner), poison()],
    [SAN, aki(issuer)],
  ],
  [
    "a signer without key identifier: it is removed",
    plainSigner,
    [SAN, aki(plainSigner), SKI, poison()],
    [SAN, SKI],
  ],
  ["neither has one: nothing to replace", plainSigner, [SAN, poison()], [SAN]],
];

let log: RunningLog;
before(async () => {
  log = await startRunningLog([
    { name: "pre", roots: [root] },
    {
      name: "strict",
      roots: [root],
      lines: ["acceptPrecertificateSigningCertificates: false"],
    },
    { name: "signer-root", roots: [signer] },
  ]);
});
after(() => log[Symbol.asyncDispose]());

let serials = 30_000;

for (const [title, by, precertExtensions, finalExtensions] of CASES) {
  test(`add-pre-chain: ${title}: the final certificate's TBS is logged`, async () => {
    serials += 1;
    const serial = serials;
    const ca = by === root ? root : issuer;
    const precertificate = by.issue({ serial, onlyExtensions: precertExtensions });
    const chain = by === issuer || by === root ? [] : [by.der];
    const sent = [precertificate, ...chain, ...(by === root ? [] : [issuer.der])];
    const sct = await log.submitted("pre", "add-pre-chain", sent);

    const fields: IssueOptions = { serial, onlyExtensions: finalExtensions };
    const final = ca.issue({
      ...fields,
      onlyExtensions: [...finalExtensions, sctListOf(sct)],
    });
    const tbs = withoutSctList(final, sctListOf(sct), fields, ca);
    const expected = {
      entry: { tbs, issuerSpki: ca.spki },
      precertificate,
      path: [...sent.slice(1), root.der],
    };
    await log.requireLogged("pre", sct, expected);

    // The final certificate, SCT list and all, is a certificate of its own.
    const finalSct = await log.submitted("pre", "add-chain", [
      final,
      ...(ca === root ? [] : [issuer.der]),
    ]);
    const finalPath = ca === root ? [root.der] : [issuer.der, root.der];
    await log.requireLogged("pre", finalSct, { entry: { certificate: final }, path: finalPath });
  });
}

test("add-pre-chain: poison as the only extension leaves an empty list", async () => {
  const precertificate = issuer.issue({ serial: 1, onlyExtensions: [poison()] });
  const sct = await log.submitted("pre", "add-pre-chain", [precertificate, issuer.der]);
  const empty = constructed(3, sequence());
  assert.equal(empty.toString("hex"), "a3023000");
  const tbs = issuer.tbs({ serial: 1, onlyExtensions: [], editTbs: (all) => [...all, empty] });
  await log.requireLogged("pre", sct, {
    entry: { tbs, issuerSpki: issuer.spki },
    precertificate,
    path: [issuer.der, root.der],
  });
});

test("add-pre-chain: a signer's key identifier is appended where the precertificate has none", async () => {
  const precertificate = signer.issue({ serial: 2, onlyExtensions: [SAN, poison(), SKI] });
  const sct = await log.submitted("pre", "add-pre-chain", [precertificate, signer.der, issuer.der]);
  const tbs = issuer.tbs({ serial: 2, onlyExtensions: [SAN, SKI, aki(issuer)] });
  await log.requireLogged("pre", sct, {
    entry: { tbs, issuerSpki: issuer.spki },
    precertificate,
    path: [signer.der, issuer.der, root.der],
  });
});

test("add-pre-chain: an SCT list in a precertificate stays in its TBS", async () => {
  const list = extension(SCT_LIST_OID, octetString(Buffer.from("ffff", "hex")));
  const precertificate = issuer.issue({ serial: 3, onlyExtensions: [list, poison()] });
  const sct = await log.submitted("pre", "add-pre-chain", [precertificate, issuer.der]);
  const tbs = issuer.tbs({ serial: 3, onlyExtensions: [list] });
  await log.requireLogged("pre", sct, {
    entry: { tbs, issuerSpki: issuer.spki },
    precertificate,
    path: [issuer.der, root.der],
  });
});

test("add-pre-chain: a precertificate signed anew with the same TBS gets the first SCT's place", async () => {
  const fields = { serial: 4, precert: true };
  const first = issuer.issue(fields);
  const again = issuer.issue(fields);
  assert.notDeepEqual(first, again, "ECDSA signatures differ");
  const sct = await log.submitted("pre", "add-pre-chain", [first, issuer.der]);
  const repeat = await log.submitted("pre", "add-pre-chain", [again, issuer.der, root.der]);
  assert.equal(repeat.timestamp, sct.timestamp);
  assert.equal(repeat.extensions, sct.extensions);
  const entry = { tbs: issuer.tbs({ serial: 4 }), issuerSpki: issuer.spki };
  const path = [issuer.der, root.der];
  await log.requireLogged("pre", repeat, { entry, precertificate: first, path });
});

test("add-pre-chain: refusals of step 11, and poison that is none", async () => {
  const detail = async (shard: string, ...chain: readonly Uint8Array[]): Promise<string> => {
    const reply = await log.submit(shard, "add-pre-chain", chain);
    assert.equal(reply.status, 400, reply.text);
    return reply.text.split("\n")[1] ?? "";
  };
  const signed = signer.issue({ serial: 5, precert: true });
  assert.equal(
    await detail("strict", signed, signer.der, issuer.der),
    "strict: failed to build MerkleTreeLeaf: precertificate signing certificates are not accepted here",
  );
  assert.equal(
    await detail("signer-root", signed),
    "signer-root: failed to build MerkleTreeLeaf: a precertificate signing certificate needs an issuer",
  );
  for (const [index, odd] of [
    extension(POISON_OID, nothing()),
    extension(POISON_OID, nothing(), false),
    extension(POISON_OID, Buffer.alloc(0), true),
    extension(POISON_OID, Buffer.from("050000", "hex"), true),
  ].entries()) {
    const certificate = issuer.issue({ serial: 6 + index, extensions: [odd] });
    const words = "failed to verify add-chain contents: precert test failed: CT poison ext is not";
    for (const endpoint of ["add-chain", "add-pre-chain"] as const) {
      const reply = await log.submit("pre", endpoint, [certificate, issuer.der]);
      assert.equal(reply.status, 400);
      assert.ok(reply.text.startsWith(`Bad Request\npre: ${words}`), reply.text);
    }
  }
});

/** The extension with the one SCT: RFC 6962, section 3.3. */
function sctListOf(sct: SctJson): Buffer {
  const extensions = Buffer.from(sct.extensions, "base64");
  const one = Buffer.concat([
    Buffer.of(0),
    Buffer.from(sct.id, "base64"),
    uint(sct.timestamp, 8),
    uint(extensions.length, 2),
    extensions,
    Buffer.from(sct.signature, "base64"),
  ]);
  const list = Buffer.concat([uint(one.length, 2), one]);
  return extension(SCT_LIST_OID, octetString(uint(list.length, 2), list));
}

/**
 * The TBSCertificate of `final` without its SCT list: the certificate that the CA would have
 * made without it, after checking that the two differ by exactly that extension.
 */
function withoutSctList(final: Uint8Array, list: Buffer, fields: IssueOptions, ca: TestCa): Buffer {
  const tbs = ca.tbs(fields);
  const at = Buffer.from(final).indexOf(list);
  assert.ok(at > 0, "the final certificate holds the SCT list");
  const extensions = Buffer.concat([...(fields.onlyExtensions ?? [])]);
  assert.ok(Buffer.from(final).subarray(0, at).subarray(-extensions.length).equals(extensions));
  assert.ok(tbs.subarray(-extensions.length).equals(extensions));
  return tbs;
}
