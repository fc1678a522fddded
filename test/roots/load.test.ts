import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { rootCertificates } from "node:tls";
import { MalformedError } from "../../src/base/errors.ts";
import { formatRootsJson } from "../../src/rfc6962/json.ts";
import { parseRootsText, SourceReader } from "../../src/roots/load.ts";
import { makeCa } from "../support/certificates.ts";
import { csv, fingerprintOf, includedReport } from "../support/roots.ts";
import { pemOf } from "../support/running-log.ts";
import { sha256 } from "../support/sha256.ts";

const [a, b, c] = [makeCa(), makeCa(), makeCa()];
const intermediate = a.intermediate();
const NEVER = new AbortController().signal;

function fingerprintsOf(text: string): readonly string[] {
  return parseRootsText(text, sha256).roots.map(({ fingerprint }) => fingerprint);
}

const AB = [a, b].map(({ der }) => fingerprintOf(der));

test("parseRootsText() tells PEM, get-roots and a CSV report apart, and drops doubles", () => {
  assert.deepEqual(fingerprintsOf(`# roots\n${pemOf(a.der)}${pemOf(b.der)}${pemOf(a.der)}`), AB);
  assert.deepEqual(fingerprintsOf(formatRootsJson([a.der, b.der])), AB);
  assert.deepEqual(fingerprintsOf(includedReport([{ der: a.der }, { der: b.der }])), AB);
  assert.deepEqual(fingerprintsOf(`\ufeff${includedReport([{ der: a.der }, { der: b.der }])}`), AB);
});

test("a report gives certificates for TLS or of monitors, and no others", () => {
  const report = includedReport([
    { der: a.der },
    { der: c.der, use: "Secure Email (S/MIME) 1.3.6.1.5.5.7.3.4" },
    { der: b.der, use: "CT Monitoring" },
  ]);
  assert.deepEqual(fingerprintsOf(report), AB);
});

test("Mozilla's report has PEM in single quotes and trust bits", () => {
  const head = ["Owner", "SHA-256 Fingerprint", "Trust Bits", "PEM Info"];
  const row = (der: Uint8Array, bits: string) => ["x", fingerprintOf(der), bits, `'${pemOf(der)}'`];
  const rows = [head, row(a.der, "Websites;Email"), row(c.der, "Email"), row(b.der, "Websites")];
  assert.deepEqual(fingerprintsOf(csv(rows)), AB);
});

test("of a report of all certificates only self-issued ones are roots", () => {
  const head = ["SHA-256 Fingerprint", "X.509 Certificate (PEM)"];
  const ders = [a.der, intermediate.der, b.der];
  const rows = [head, ...ders.map((der) => [fingerprintOf(der), pemOf(der)])];
  assert.deepEqual(fingerprintsOf(csv(rows)), AB);
  const typed = ["Certificate Record Type", "X.509 Certificate (PEM)"];
  const records = [
    ["Root Certificate", pemOf(a.der)],
    ["Intermediate Certificate", pemOf(b.der)],
  ];
  assert.deepEqual(fingerprintsOf(csv([typed, ...records])), AB.slice(0, 1));
});

test("a row whose certificate has another SHA-256 or does not parse is passed over", () => {
  const report = includedReport([
    { der: a.der, fingerprint: fingerprintOf(b.der) },
    { der: Uint8Array.of(0x30, 0) },
    { der: b.der },
  ]);
  const { roots, warnings } = parseRootsText(report, sha256);
  assert.deepEqual(
    roots.map(({ fingerprint }) => fingerprint),
    [fingerprintOf(b.der)],
  );
  assert.equal(warnings.length, 2);
  assert.match(
    warnings[0] ?? "",
    /^row 3 is passed over: SHA-256 is [0-9a-f]{64}, the report says /,
  );
  assert.match(warnings[1] ?? "", /^row 4 is passed over: /);
});

for (const [title, text, message] of [
  ["an empty text", "", /no certificate/],
  ["a page of HTML", "<html><body>maintenance, come back</body></html>", /no certificate/],
  ["PEM that was cut off", pemOf(a.der).slice(0, 200), /no end of "CERTIFICATE"/],
  ["a report without PEM", "Owner,PEM count\nx,3\n", /no column X\.509 Certificate \(PEM\)/],
  ["a report without roots", includedReport([]), /no certificate/],
  [
    "a report that was cut off",
    includedReport([{ der: a.der }]).slice(0, -20),
    /row 3 has 6 fields, the first 9/,
  ],
  [
    "a report cut off in a certificate",
    includedReport([{ der: a.der }]).slice(0, 600),
    /not closed/,
  ],
  ["only what does not parse", pemOf(Uint8Array.of(0x30, 0)), /no usable root: root 0 /],
] as const) {
  test(`parseRootsText() refuses ${title}`, () => {
    assert.throws(
      () => parseRootsText(text, sha256),
      (error) => error instanceof MalformedError && message.test(error.message),
    );
  });
}

test("SourceReader reads Node's store, files and URLs, and names what it cannot read", async () => {
  const folder = await mkdtemp(join(tmpdir(), "stratus-roots-"));
  try {
    const url = "https://ct.example/report.csv";
    const asked: string[] = [];
    const fetchText = async (wanted: string): Promise<string> => {
      asked.push(wanted);
      return includedReport([{ der: c.der }]);
    };
    const reader = new SourceReader({ sha256, fetchText });
    const mozilla = await reader.read("mozilla", NEVER);
    assert.equal(mozilla.roots.length, rootCertificates.length);
    const path = join(folder, "roots.pem");
    await assert.rejects(reader.read(path, NEVER), (error) => {
      return error instanceof MalformedError && error.message.startsWith(`roots from ${path}: `);
    });
    await writeFile(path, pemOf(a.der));
    const first = await reader.read(path, NEVER);
    assert.equal(await reader.read(path, NEVER), first, "an unchanged text is not parsed again");
    await writeFile(path, pemOf(b.der));
    const second = await reader.read(path, NEVER);
    assert.equal(second.roots[0]?.fingerprint, fingerprintOf(b.der));
    assert.equal((await reader.read(url, NEVER)).roots[0]?.fingerprint, fingerprintOf(c.der));
    assert.deepEqual(asked, [url]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
