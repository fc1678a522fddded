import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { MalformedError } from "../../src/base/errors.ts";
import { openBrowserKey } from "../../src/checkpoint/browser-key.ts";
import { equalBytes } from "../../src/encoding/bytes.ts";
import { encodeMerkleTreeLeaf } from "../../src/rfc6962/entry.ts";
import { encodeSct, encodeSctList, type Sct } from "../../src/rfc6962/sct.ts";
import { encodeDigitallySigned } from "../../src/rfc6962/signature.ts";
import { checkCertificate } from "../../src/sct/check.ts";
import { describeExtensions } from "../../src/sct/describe.ts";
import { findScts } from "../../src/sct/find.ts";
import { type KnownLog, parseLogList } from "../../src/sct/log-list.ts";
import { encodeLeafIndexExtension } from "../../src/static-ct/extensions.ts";
import { parseCertificate } from "../../src/x509/certificate.ts";
import { buildPrecertTbs } from "../../src/x509/precert.ts";
import { makeCa } from "../support/certificates.ts";
import { issuePair } from "../support/embedded.ts";
import { sha256 } from "../support/sha256.ts";

const NOW_MS = Date.UTC(2026, 10, 23);
const root = makeCa({ subject: "check root" });
const pair = issuePair(root, { serial: 920_001, notAfter: new Date("2027-06-01T00:00:00Z") });
const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
const spki = Uint8Array.from(publicKey.export({ format: "der", type: "spki" }));

/** An SCT of the key above for the precertificate. */
function makeSct(timestampMs = NOW_MS, leafIndex = 5): Sct {
  const extensions = encodeLeafIndexExtension(leafIndex);
  const tbs = buildPrecertTbs(parseCertificate(pair.precertificate));
  const issuerKeyHash = sha256(parseCertificate(root.der).spki);
  const entry = { type: "precert", issuerKeyHash, tbs } as const;
  const leaf = encodeMerkleTreeLeaf({ timestampMs, entry, extensions });
  const signature = Uint8Array.from(sign("sha256", leaf, privateKey));
  return {
    logId: sha256(spki),
    timestampMs,
    extensions,
    signature: encodeDigitallySigned({ algorithm: "ecdsa", signature }),
  };
}

const LOG: KnownLog = {
  description: "a log",
  publicKey: spki,
  logId: sha256(spki),
  type: "static-ct-api",
  submissionUrl: "https://log.example",
  monitoringUrl: "https://read.example",
  mmdSeconds: 60,
  window: { startMs: Date.UTC(2027, 0), limitMs: Date.UTC(2028, 0) },
  operator: "Somebody",
  state: undefined,
};

function check(scts: readonly Sct[], log: Partial<KnownLog> = {}) {
  return checkCertificate({
    certificate: pair.withScts(scts),
    issuer: root.der,
    logs: [{ ...LOG, ...log }],
    // The browser's: nothing of Node is needed.
    openKey: (key) => openBrowserKey(sha256, key),
    sha256,
    nowMs: NOW_MS,
  });
}

const only = (checked: ReturnType<typeof check>) => checked.scts[0] ?? assert.fail("no SCT");

test("checkCertificate() of an SCT of the log is valid, without a word", () => {
  const { isValid, problem, warnings } = only(check([makeSct()]));
  assert.deepEqual([isValid, problem, warnings], [true, "", []]);
});

test("property: checkCertificate() of an SCT with any bit flipped is not valid, or of no known log", () => {
  const bytes = encodeSct(makeSct());
  const bits = fc.integer({ min: 8, max: bytes.length * 8 - 1 });
  fc.assert(
    fc.property(bits, (bit) => {
      const changed = Uint8Array.from(bytes);
      const at = Math.floor(bit / 8);
      changed[at] = (changed[at] ?? 0) ^ (1 << (bit % 8));
      let found: ReturnType<typeof findScts>;
      try {
        found = findScts(Buffer.from(Buffer.from(changed).toString("hex")));
      } catch (error) {
        assert.ok(error instanceof MalformedError);
        return;
      }
      const { isValid } = only(check(found.scts));
      assert.notEqual(isValid, true);
    }),
    { numRuns: 60 },
  );
});

test("checkCertificate() of an SCT from the future is not valid", () => {
  assert.equal(only(check([makeSct(NOW_MS + 59_000)])).isValid, true);
  const { isValid, problem } = only(check([makeSct(NOW_MS + 61_000)]));
  assert.equal(isValid, false);
  assert.match(problem, /61000 ms in the future/);
});

test("checkCertificate() warns of what programs do not count", () => {
  const outside = { window: { startMs: Date.UTC(2028, 0), limitMs: Date.UTC(2029, 0) } };
  assert.match(only(check([makeSct()], outside)).warnings[0] ?? "", /outside the log's interval/);
  for (const name of ["pending", "rejected"]) {
    const { warnings, isValid } = only(check([makeSct()], { state: { name, sinceMs: 0 } }));
    assert.equal(isValid, true);
    assert.match(warnings[0] ?? "", new RegExp(`as ${name}: its SCTs do not count`));
  }
  const retired = (sinceMs: number) =>
    only(check([makeSct()], { state: { name: "retired", sinceMs } })).warnings;
  assert.match(retired(NOW_MS)[0] ?? "", /retired before this SCT/);
  assert.deepEqual(retired(NOW_MS + 1), []);
  assert.deepEqual(
    only(check([makeSct()], { state: { name: "usable", sinceMs: 0 } })).warnings,
    [],
  );
});

test("property: findScts() of a list gives back its SCTs, whatever the log ID begins with", () => {
  const sct = makeSct();
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 255 }),
      fc.integer({ min: 1, max: 4 }),
      (first, count) => {
        const logId = Uint8Array.from(sct.logId);
        logId[0] = first;
        const scts = Array.from({ length: count }, () => ({ ...sct, logId }));
        const list = findScts(encodeSctList(scts));
        assert.equal(list.form, "SCT list");
        assert.equal(list.scts.length, count);
        assert.ok(
          list.scts.every((found) => equalBytes(encodeSct(found), encodeSct({ ...sct, logId }))),
        );
        const one = findScts(encodeSct({ ...sct, logId }));
        assert.equal(one.form, "SCT");
      },
    ),
  );
});

test("property: findScts() of any bytes throws MalformedError or finds something", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      try {
        assert.ok(findScts(bytes).scts.length > 0);
      } catch (error) {
        assert.ok(error instanceof MalformedError, String(error));
      }
    }),
  );
});

test("describeExtensions() tells leaf index, nothing, base64 text and strangers apart", () => {
  const bytes = encodeLeafIndexExtension(0xff_ffff_ffff - 1);
  assert.equal(describeExtensions(bytes).leafIndex, 0xff_ffff_ffff - 1);
  assert.match(describeExtensions(new Uint8Array(0)).text, /^none\./);
  const text = new TextEncoder().encode(Buffer.from(bytes).toString("base64"));
  assert.deepEqual(describeExtensions(text).decoded, bytes);
  assert.match(describeExtensions(Uint8Array.of(7, 0, 1, 9)).text, /^07000109 \(no leaf index/);
  const both = Uint8Array.of(...bytes, 7, 0, 1, 9);
  assert.match(describeExtensions(both).text, /and unknown extensions of types 7$/);
});

const LISTED = {
  description: "listed",
  log_id: Buffer.from(sha256(spki)).toString("base64"),
  key: Buffer.from(spki).toString("base64"),
  mmd: 60,
  temporal_interval: {
    start_inclusive: "2027-01-01T00:00:00Z",
    end_exclusive: "2028-01-01T00:00:00Z",
  },
};

test("parseLogList() reads logs and tiled_logs of Chrome's v3 form, and passes over bad ones", () => {
  const text = JSON.stringify({
    operators: [
      {
        name: "One",
        logs: [
          {
            ...LISTED,
            url: "https://a.example/",
            state: { usable: { timestamp: "2026-01-01T00:00:00Z" } },
          },
        ],
        tiled_logs: [
          {
            ...LISTED,
            submission_url: "https://s.example/",
            monitoring_url: "https://m.example/",
            state: { readonly: { timestamp: "2026-01-01T00:00:00Z", final_tree_head: {} } },
          },
          { ...LISTED, log_id: Buffer.alloc(32).toString("base64"), url: "https://b.example/" },
        ],
      },
      { name: "Two" },
    ],
  });
  const { logs, warnings } = parseLogList(sha256, text);
  assert.deepEqual(
    logs.map(({ operator, type, state, monitoringUrl }) => [
      operator,
      type,
      state?.name,
      monitoringUrl,
    ]),
    [
      ["One", "rfc6962", "usable", "https://a.example"],
      ["One", "static-ct-api", "readonly", "https://m.example"],
    ],
  );
  assert.deepEqual(warnings, ['log 3 of "One" is passed over: log_id is not the SHA-256 of key']);
  assert.equal(logs[0]?.state?.sinceMs, Date.UTC(2026, 0, 1));
});

for (const [name, text] of [
  ["no JSON", "<html>"],
  ["no operators", "{}"],
  ["no logs", '{"operators":[{"name":"x"}]}'],
  ["an operator that is none", '{"operators":[1]}'],
] as const) {
  test(`parseLogList() of ${name} is MALFORMED_JSON`, () => {
    assert.throws(
      () => parseLogList(sha256, text),
      (error) => error instanceof MalformedError && error.code === "MALFORMED_JSON",
    );
  });
}
