import assert from "node:assert/strict";
import { test } from "node:test";
import { textOfFile } from "../../../src/dashboard/check/dropped.ts";
import {
  claimsOf,
  claimsUnderRoots,
  isEntryOf,
  parsePasted,
  SCTS_MAX,
} from "../../../src/dashboard/check/pasted.ts";
import { formatChainJson, formatSctJson } from "../../../src/rfc6962/json.ts";
import { encodeSct, encodeSctList, type Sct } from "../../../src/rfc6962/sct.ts";
import { entryOfChain } from "../../../src/sct/entry.ts";
import { formatPem } from "../../../src/x509/roots.ts";
import { makeCa } from "../../support/certificates.ts";
import { issuePair } from "../../support/embedded.ts";
import { makeOtherLog } from "../../support/other-log.ts";
import { sha256 } from "../../support/sha256.ts";

const root = makeCa({ subject: "Root" });
const issuer = root.intermediate({ subject: "Issuer" });
const plain = issuer.issue({ serial: 1 });
const pair = issuePair(issuer, { serial: 2 });
const chain = [pair.precertificate, issuer.der, root.der];
const entry = entryOfChain(sha256, chain);
const sct = makeOtherLog().sctOf(entry, 1_700_000_000_000);
const final = pair.withScts([sct, sct]);
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

const FORMS: readonly (readonly [
  title: string,
  text: string,
  chain: readonly Uint8Array[],
  scts: readonly (readonly [Sct, embedded: boolean])[],
])[] = [
  ["a chain in PEM", chain.map(formatPem).join("\n"), chain, []],
  [
    "PEM with names around, as openssl prints it",
    `s:CN=a\r\n${formatPem(plain)}\r\n---`,
    [plain],
    [],
  ],
  ["the body of add-chain", formatChainJson(chain), chain, []],
  ["a certificate in base64", base64(plain), [plain], []],
  ["a certificate in hex", hex(plain).toUpperCase(), [plain], []],
  [
    "a certificate with SCTs",
    formatPem(final),
    [final],
    [
      [sct, true],
      [sct, true],
    ],
  ],
  ["the answer of add-chain", formatSctJson(sct), [], [[sct, false]]],
  ["an SCT in base64", base64(encodeSct(sct)), [], [[sct, false]]],
  ["a list in hex", hex(encodeSctList([sct])), [], [[sct, false]]],
  [
    "a chain and an SCT in JSON",
    `${formatPem(plain)}\n${formatSctJson(sct)}`,
    [plain],
    [[sct, false]],
  ],
  [
    "an SCT in base64 before a chain",
    `${base64(encodeSct(sct))}\n${formatPem(plain)}`,
    [plain],
    [[sct, false]],
  ],
];

for (const [title, text, expected, scts] of FORMS) {
  test(`parsePasted() reads ${title}`, () => {
    const pasted = parsePasted(text);
    assert.deepEqual(pasted.chain, expected);
    assert.deepEqual(
      pasted.scts,
      scts.map(([found, isEmbedded]) => ({ sct: found, isEmbedded })),
    );
  });
}

test("parsePasted() says of everything else what is wrong, and throws nothing but that", () => {
  const long = { ...sct, extensions: new Uint8Array(0x10000) };
  for (const text of [
    "",
    " \n",
    "nothing",
    "{",
    "{}",
    '{"chain":[]}',
    '{"chain":["AA=="]}',
    "-----BEGIN CERTIFICATE-----\nAAAA",
    "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
    formatPem(new Uint8Array([0x30, 0x00])),
    formatSctJson(long),
    base64(encodeSct(sct)).slice(0, 120),
  ]) {
    assert.throws(() => parsePasted(text), { name: "MalformedError" }, text.slice(0, 40));
  }
});

test("parsePasted() says what it takes to whoever pasted something else", () => {
  assert.throws(() => parsePasted("hello"), {
    code: "MALFORMED_PEM",
    message: /certificates in PEM/,
  });
});

test("parsePasted() looks at so many SCTs and says how many more there are", () => {
  const text = base64(encodeSctList(Array.from({ length: SCTS_MAX + 3 }, () => sct)));
  const { scts, passedOver } = parsePasted(text);
  assert.deepEqual([scts.length, passedOver], [SCTS_MAX, 3]);
});

test("claimsOf() of a final certificate is what its precertificate's was", () => {
  const claims = claimsOf(sha256, [final, issuer.der]);
  assert.deepEqual(claims[0]?.entry, entry);
  assert.deepEqual(claims[1]?.entry, { type: "x509", certificate: final });
  assert.deepEqual(
    claimsOf(sha256, chain).map(({ entry: of }) => of),
    [entry],
  );
  // Another certificate behind it is no issuer.
  assert.deepEqual(claimsOf(sha256, [final, root.der])[0]?.entry.type, "x509");
  assert.deepEqual(claimsOf(sha256, [pair.precertificate]), []);
});

test("claimsUnderRoots() adds the root that was left out, by its name", () => {
  const direct = issuePair(root, { serial: 3 });
  const whole = entryOfChain(sha256, [direct.precertificate, root.der]);
  const found = claimsUnderRoots(sha256, [direct.precertificate], [issuer.der, root.der]);
  assert.deepEqual(
    found.map(({ entry: of }) => of),
    [whole],
  );
  assert.deepEqual(claimsUnderRoots(sha256, [final], [root.der]), []);
});

test("isEntryOf() tells a certificate's entry from another's", () => {
  const other = entryOfChain(sha256, [issuer.issue({ serial: 4, precert: true }), issuer.der]);
  assert.equal(isEntryOf(entry, [final]), true);
  assert.equal(isEntryOf(entry, [pair.precertificate]), true);
  assert.equal(isEntryOf(other, [final]), false);
  assert.equal(isEntryOf(other, [plain]), false);
  assert.equal(isEntryOf(other, [pair.precertificate]), undefined);
  assert.equal(isEntryOf({ type: "x509", certificate: plain }, [plain]), true);
});

test("textOfFile() makes text of files that a form can take", () => {
  assert.equal(textOfFile(plain), formatPem(plain));
  assert.equal(textOfFile(new TextEncoder().encode(formatPem(plain))), formatPem(plain));
  assert.deepEqual(parsePasted(textOfFile(encodeSct(sct))).scts[0]?.sct, sct);
  assert.equal(textOfFile(new Uint8Array([0xff, 0xfe])), "//4=");
});
