import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MalformedError } from "../../../src/base/errors.ts";
import { entryData, renderEntry, viewEntry } from "../../../src/dashboard/view/entry-view.ts";
import { encodeExtraData, encodeMerkleTreeLeaf } from "../../../src/rfc6962/entry.ts";
import { encodeLeafIndexExtension } from "../../../src/static-ct/extensions.ts";
import { makeCa } from "../../support/certificates.ts";
import { sha256 } from "../../support/sha256.ts";

const root = makeCa({ subject: "view <root>" });
const EVIL = `"><script>alert('x')</script>`;
const certificate = root.issue({ subject: EVIL, dnsNames: [EVIL, "a.example"] });

const raw = {
  leafIndex: 7,
  leafInput: encodeMerkleTreeLeaf({
    timestampMs: Date.UTC(2026, 10, 28),
    entry: { type: "x509", certificate },
    extensions: encodeLeafIndexExtension(7),
  }),
  extraData: encodeExtraData(undefined, [root.der]),
};

test("viewEntry() decodes leaf, certificate and chain", () => {
  const view = viewEntry(sha256, raw);
  assert.equal(view.extensionsText, "leaf_index = 7");
  assert.equal(view.certificates.length, 2);
  const [leaf] = view.certificates;
  const labels = leaf?.groups.flatMap(({ fields }) => fields.map(({ label }) => label)) ?? [];
  for (const label of ["Names", "Not before", "Serial number", "Common name", "Key", "Algorithm"]) {
    assert.ok(labels.includes(label), label);
  }
  assert.doesNotThrow(() => JSON.stringify(entryData(view)));
});

test("renderEntry() shows a hostile name as text", () => {
  const markup = String(renderEntry(viewEntry(sha256, raw)));
  assert.doesNotMatch(markup, /<script/);
  assert.match(markup, /&lt;script&gt;alert\(&#39;x&#39;\)/);
});

test("a certificate that does not parse is shown as bytes, and why", () => {
  const extraData = encodeExtraData(undefined, [Uint8Array.of(0x30, 1)]);
  const { certificates } = viewEntry(sha256, { ...raw, extraData });
  assert.match(certificates[1]?.problem ?? "", /certificate/i);
  assert.match(String(renderEntry(viewEntry(sha256, { ...raw, extraData }))), /does not parse/);
});

test("property: viewEntry() of mutated bytes throws only MalformedError, and renders", () => {
  const bytes = fc.record({ at: fc.nat(raw.leafInput.length - 1), to: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(bytes, { minLength: 1, maxLength: 4 }), (changes) => {
      const leafInput = raw.leafInput.slice();
      for (const { at, to } of changes) leafInput[at] = to;
      try {
        assert.doesNotMatch(
          String(renderEntry(viewEntry(sha256, { ...raw, leafInput }))),
          /<script/,
        );
      } catch (error) {
        assert.ok(error instanceof MalformedError, String(error));
      }
    }),
    { numRuns: 300 },
  );
});
