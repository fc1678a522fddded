/**
 * What makes an issuer, for both endpoints, at both places: an intermediate and the accepted
 * root itself. The names carry the case numbers of the list that CTFE was tried with.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { admit } from "../../src/policy/admission.ts";
import { ENDPOINTS, makeRules, optionsFor, refusalOf } from "../support/admission.ts";
import {
  type CaOptions,
  extendedKeyUsage,
  type KeyType,
  keyUsage,
  makeCa,
  pssAlgorithm,
  type SignatureName,
  subjectKeyId,
  type TestCa,
} from "../support/certificates.ts";
import {
  boolean,
  constructed,
  extension,
  integer,
  name,
  octetString,
  oid,
  primitive,
  sequence,
  utcTime,
} from "../support/der-builder.ts";

const CA_TRUE = extension("2.5.29.19", sequence(boolean(true)), true);
const CA_FALSE = extension("2.5.29.19", sequence(), true);

function only(...extensions: readonly Uint8Array[]): CaOptions {
  return { onlyExtensions: extensions };
}

/** Title, how the issuer is made, and what the refusal says; undefined if it is an issuer. */
const ISSUERS: readonly (readonly [string, CaOptions, RegExp | undefined])[] = [
  ["D14 v3 without extensions", only(), /no BasicConstraints/],
  ["D14 v3 with other extensions only", only(extendedKeyUsage("1.2.3")), /no BasicConstraints/],
  ["D14 cA FALSE", only(CA_FALSE), /is not a CA/],
  ["D14 cA TRUE, then cA FALSE: the last counts", only(CA_TRUE, CA_FALSE), /is not a CA/],
  ["D14 cA TRUE alone", only(CA_TRUE), undefined],
  [
    "D14 cA TRUE with a negative path length",
    only(extension("2.5.29.19", sequence(boolean(true), integer(-1)))),
    undefined,
  ],
  [
    "D15 KeyUsage without keyCertSign",
    only(CA_TRUE, extension("2.5.29.15", keyUsage(0x80))),
    /may not sign certificates/,
  ],
  [
    "D15 KeyUsage decipherOnly in the second octet",
    only(CA_TRUE, extension("2.5.29.15", Buffer.from("0303070080", "hex"))),
    /may not sign certificates/,
  ],
  ["D15 KeyUsage keyCertSign", only(CA_TRUE, extension("2.5.29.15", keyUsage(0x04))), undefined],
  [
    "D15 KeyUsage without any bit",
    only(CA_TRUE, extension("2.5.29.15", Buffer.from("030100", "hex"))),
    undefined,
  ],
  [
    "D16 path length 0 above another CA, and exceeded",
    only(extension("2.5.29.19", sequence(boolean(true), integer(0)), true)),
    undefined,
  ],
  [
    "D17 name constraints that exclude the leaf",
    only(
      CA_TRUE,
      extension(
        "2.5.29.30",
        sequence(constructed(1, sequence(primitive(2, Buffer.from("example.com"))))),
        true,
      ),
    ),
    undefined,
  ],
  [
    "D17 unknown critical extension",
    only(CA_TRUE, extension("1.2.3.4", Buffer.of(1), true)),
    undefined,
  ],
  [
    "D17 usages without serverAuth",
    only(CA_TRUE, extendedKeyUsage("1.3.6.1.5.5.7.3.4")),
    undefined,
  ],
  [
    "D17 expired long ago",
    { validity: sequence(utcTime("500101000000Z"), utcTime("510101000000Z")) },
    undefined,
  ],
];

for (const endpoint of ENDPOINTS) {
  const precert = endpoint === "add-pre-chain";
  for (const [title, options, objection] of ISSUERS) {
    test(`admit() ${endpoint}: ${objection ? "refuses" : "takes"} as intermediate: ${title}`, () => {
      const root = makeCa();
      const issuer = root.intermediate(options);
      const chain = [issuer.issue({ precert }), issuer.der];
      expectOutcome(() => admit(chain, optionsFor(endpoint, makeRules([root]))), objection);
    });
    test(`admit() ${endpoint}: ${objection ? "refuses" : "takes"} as root: ${title}`, () => {
      const root = makeCa(options);
      const rules = makeRules([root]);
      const leaf = root.issue({ precert });
      expectOutcome(() => admit([leaf, root.der], optionsFor(endpoint, rules)), objection);
      expectOutcome(() => admit([leaf], optionsFor(endpoint, rules)), objection);
    });
  }

  test(`admit() ${endpoint}: takes a v1 root, which cannot say that it is a CA`, () => {
    const root = makeCa({ version: null, onlyExtensions: [] });
    const leaf = root.issue({ precert });
    assert.equal(admit([leaf], optionsFor(endpoint, makeRules([root]))).chain.length, 1);
  });

  test(`admit() ${endpoint}: D14 refuses a v1 intermediate`, () => {
    const root = makeCa();
    const issuer = root.intermediate({ version: null, onlyExtensions: [] });
    const chain = [issuer.issue({ precert }), issuer.der];
    expectOutcome(
      () => admit(chain, optionsFor(endpoint, makeRules([root]))),
      /no BasicConstraints/,
    );
  });

  test(`admit() ${endpoint}: D18 names are compared as bytes`, () => {
    const root = makeCa({ subject: name("Same", 0x0c) });
    const leaf = root.issue({ precert, issuer: name("Same", 0x13) });
    const refusal = refusalOf(() => admit([leaf], optionsFor(endpoint, makeRules([root]))));
    assert.equal(refusal.code, "REJECTED_ISSUER_UNKNOWN");
  });

  test(`admit() ${endpoint}: D24 of roots with one name, the key identifier's comes first`, () => {
    const first = makeCa({ subject: "twins" });
    const second = makeCa({ subject: "twins" });
    const rules = makeRules([first, second]);
    let checks = 0;
    const counting = {
      ...rules,
      verifySignature: (...both: Parameters<typeof rules.verifySignature>) => {
        checks += 1;
        rules.verifySignature(...both);
      },
    };
    const admitted = admit([second.issue({ precert })], optionsFor(endpoint, counting));
    assert.deepEqual(admitted.chain[0]?.der, second.der);
    assert.equal(checks, 1);
  });

  test(`admit() ${endpoint}: D24 an identifier of no root does not matter, the signature does`, () => {
    const first = makeCa({ subject: "twins 2" });
    const second = makeCa({ subject: "twins 2" });
    const stranger = makeCa();
    const aki = extension("2.5.29.35", sequence(primitive(0, Buffer.alloc(20, 7))));
    const leaf = second.issue({ precert, onlyExtensions: [aki, subjectKeyId(stranger.spki)] });
    const admitted = admit([leaf], optionsFor(endpoint, makeRules([stranger, first, second])));
    assert.deepEqual(admitted.chain[0]?.der, second.der);
  });

  for (const [title, keyType, signature] of [
    ["D19 SHA-1 with RSA", "rsa2048", "rsaSha1"],
    ["D19 SHA-1 with ECDSA", "p256", "ecdsaSha1"],
    ["D19 DSA with SHA-1", "dsa", "dsaSha1"],
    ["D19 DSA with SHA-256", "dsa", "dsaSha256"],
    ["D21 RSA-PSS with SHA-256", "rsa2048", "pssSha256"],
    ["D21 RSA-PSS with SHA-384", "rsa2048", "pssSha384"],
    ["D21 Ed25519", "ed25519", "ed25519"],
    ["D22 ECDSA P-256 with SHA-512", "p256", "ecdsaSha512"],
    ["D22 ECDSA P-384 with SHA-256", "p384", "ecdsaSha256"],
    ["D22 ECDSA P-521 with SHA-384", "p521", "ecdsaSha384"],
    ["D23 RSA of 1024 bits", "rsa1024", "rsaSha256"],
    ["D23 RSA of 512 bits", "rsa512", "rsaSha256"],
  ] as const satisfies readonly (readonly [string, KeyType, SignatureName])[]) {
    test(`admit() ${endpoint}: takes ${title}`, () => {
      const root = makeCa({ keyType, signsWith: signature });
      const issuer = root.intermediate({ keyType, signsWith: signature });
      const chain = [issuer.issue({ precert }), issuer.der];
      const options = optionsFor(endpoint, makeRules([root]));
      assert.equal(admit(chain, options).chain.length, 2);
      const forged = issuer.issue({ precert, editSignature: flipped });
      const refusal = refusalOf(() => admit([forged, issuer.der], options));
      assert.equal(refusal.code, "REJECTED_CHAIN_INVALID");
      assert.match(refusal.message, /certificate 0, by certificate 1/);
    });
  }

  test(`admit() ${endpoint}: D20 refuses MD5 and MD2`, () => {
    const root = makeCa({ keyType: "rsa2048" });
    const issuer = root.intermediate({ keyType: "rsa2048" });
    const options = optionsFor(endpoint, makeRules([root]));
    const md5 = issuer.issue({ precert, signature: "rsaMd5" });
    expectOutcome(
      () => admit([md5, issuer.der], options),
      /unsupported .*1\.2\.840\.113549\.1\.1\.4/,
    );
    const md2 = sequence(oid("1.2.840.113549.1.1.2"));
    const other = issuer.issue({ precert, innerAlgorithm: md2, outerAlgorithm: md2 });
    expectOutcome(
      () => admit([other, issuer.der], options),
      /unsupported .*1\.2\.840\.113549\.1\.1\.2/,
    );
  });

  test(`admit() ${endpoint}: a CA certificate is verified before its key is used`, () => {
    const root = makeCa();
    const forged = root.intermediate({ editSignature: flipped });
    const rules = makeRules([root]);
    const keysUsed: Uint8Array[] = [];
    const recording = {
      ...rules,
      verifySignature: (...[child, issuer]: Parameters<typeof rules.verifySignature>) => {
        keysUsed.push(issuer.spki);
        rules.verifySignature(child, issuer);
      },
    };
    const chain = [forged.issue({ precert }), forged.der];
    const refusal = refusalOf(() => admit(chain, optionsFor(endpoint, recording)));
    assert.equal(refusal.code, "REJECTED_ISSUER_UNKNOWN");
    assert.deepEqual(keysUsed.map(hex), [hex(root.spki)]);
  });
}

test("admit() add-chain: an issuer's signature is verified once, a leaf's each time", () => {
  const root = makeCa();
  const issuer = root.intermediate();
  const rules = makeRules([root]);
  let checks = 0;
  const counting = {
    ...rules,
    verifySignature: (...both: Parameters<typeof rules.verifySignature>) => {
      checks += 1;
      rules.verifySignature(...both);
    },
  };
  const options = optionsFor("add-chain", counting);
  admit([issuer.issue(), issuer.der], options);
  assert.equal(checks, 2);
  admit([issuer.issue(), issuer.der], options);
  admit([issuer.issue(), issuer.der, root.der], options);
  assert.equal(checks, 4);
  rules.verified.clear();
  admit([issuer.issue(), issuer.der], options);
  assert.equal(checks, 6);
});

test("admit() add-chain: a chain that is too long is refused before any signature is checked", () => {
  const root = makeCa();
  const issuers = Array.from({ length: 101 }, () => root.intermediate({ keyOf: root }).der);
  const unused = {
    ...makeRules([root]),
    verifySignature: () => assert.fail("no signature should be checked"),
  };
  const refusal = refusalOf(() =>
    admit([root.issue(), ...issuers], optionsFor("add-chain", unused)),
  );
  assert.equal(refusal.code, "REJECTED_CHAIN_TOO_LONG");
});

test("admit() add-chain: a chain that was refused leaves nothing remembered", () => {
  const root = makeCa();
  const issuer: TestCa = root.intermediate();
  const rules = makeRules([root]);
  const forged = issuer.issue({ editSignature: flipped });
  refusalOf(() => admit([forged, issuer.der], optionsFor("add-chain", rules)));
  assert.equal(rules.issuers.find(issuer.der), undefined);
});

test("admit() add-chain: RSA-PSS parameters are taken from the AlgorithmIdentifier", () => {
  const root = makeCa({ keyType: "rsa2048", signsWith: "pssSha256" });
  const options = optionsFor("add-chain", makeRules([root]));
  const claim = (algorithm: Uint8Array): Uint8Array =>
    root.issue({ innerAlgorithm: algorithm, outerAlgorithm: algorithm });
  const sha256 = "2.16.840.1.101.3.4.2.1";
  assert.ok(admit([claim(pssAlgorithm(sha256, 32))], options));
  assert.ok(admit([claim(pssAlgorithm(sha256, 32, sha256, 1))], options));
  for (const wrong of [
    pssAlgorithm(sha256, 31),
    pssAlgorithm("2.16.840.1.101.3.4.2.2", 32),
    pssAlgorithm(sha256, 32, "2.16.840.1.101.3.4.2.2"),
    pssAlgorithm(sha256, 32, sha256, 2),
    sequence(oid("1.2.840.113549.1.1.10"), sequence()),
    sequence(oid("1.2.840.113549.1.1.10")),
    sequence(oid("1.2.840.113549.1.1.10"), octetString(Buffer.of(1))),
  ]) {
    refusalOf(() => admit([claim(wrong)], options));
  }
});

function flipped(signature: Buffer): Buffer {
  const copy = Buffer.from(signature);
  copy[copy.length - 1]! ^= 1;
  return copy;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function expectOutcome(act: () => unknown, objection: RegExp | undefined): void {
  if (objection === undefined) {
    act();
    return;
  }
  const refusal = refusalOf(act);
  assert.match(refusal.message, objection);
  assert.match(refusal.code, /^REJECTED_(CHAIN_INVALID|ISSUER_UNKNOWN)$/);
}
