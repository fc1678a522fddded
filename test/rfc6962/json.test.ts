import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  formatChainJson,
  formatConsistencyJson,
  formatEntriesJson,
  formatEntryAndProofJson,
  formatInclusionJson,
  formatRootsJson,
  formatSctJson,
  formatTreeHeadJson,
  parseChainJson,
  parseConsistencyJson,
  parseEntriesJson,
  parseEntryAndProofJson,
  parseInclusionJson,
  parseRootsJson,
  parseSctJson,
  parseTreeHeadJson,
} from "../../src/rfc6962/json.ts";
import { bytes, record, sct, someBytes, timestampMs } from "../support/arbitrary.ts";
import { throwsMalformed } from "../support/malformed.ts";
import { sha256 } from "../support/sha256.ts";

const HASH = new Uint8Array(32);
const HASH_TEXT = `${"A".repeat(43)}=`;
const FB = Uint8Array.of(0xfb, 0xff);

test("formatSctJson() is byte for byte CTFE's answer", () => {
  const value = { logId: HASH, timestampMs: 1_700_000_000_000, extensions: FB, signature: FB };
  assert.equal(
    formatSctJson(value),
    `{"sct_version":0,"id":"${HASH_TEXT}","timestamp":1700000000000,"extensions":"+/8=","signature":"+/8="}`,
  );
  assert.match(formatSctJson({ ...value, extensions: new Uint8Array(0) }), /"extensions":"",/);
});

test("formatTreeHeadJson() of the empty tree is byte for byte CTFE's answer", () => {
  const rootHash = sha256(new Uint8Array(0));
  assert.equal(
    formatTreeHeadJson({ treeSize: 0, timestampMs: 5, rootHash, signature: FB }),
    '{"tree_size":0,"timestamp":5,"sha256_root_hash":"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=","tree_head_signature":"+/8="}',
  );
});

test("formatTreeHeadJson() writes the largest numbers in full", () => {
  const head = { treeSize: 2 ** 40, timestampMs: Number.MAX_SAFE_INTEGER, rootHash: HASH };
  const text = formatTreeHeadJson({ ...head, signature: FB });
  assert.match(text, /^\{"tree_size":1099511627776,"timestamp":9007199254740991,/);
});

test("formatConsistencyJson() and formatInclusionJson() write [] for an empty proof", () => {
  assert.equal(formatConsistencyJson([]), '{"consistency":[]}');
  assert.equal(
    formatConsistencyJson([HASH, HASH]),
    `{"consistency":["${HASH_TEXT}","${HASH_TEXT}"]}`,
  );
  assert.equal(formatInclusionJson(0, []), '{"leaf_index":0,"audit_path":[]}');
  assert.equal(formatInclusionJson(7, [HASH]), `{"leaf_index":7,"audit_path":["${HASH_TEXT}"]}`);
});

test("formatEntriesJson() and formatEntryAndProofJson() write fields in CTFE's order", () => {
  const entry = { leafInput: FB, extraData: Uint8Array.of(0, 0, 0) };
  assert.equal(
    formatEntriesJson([entry, entry]),
    '{"entries":[{"leaf_input":"+/8=","extra_data":"AAAA"},{"leaf_input":"+/8=","extra_data":"AAAA"}]}',
  );
  assert.equal(
    formatEntryAndProofJson(entry, []),
    '{"leaf_input":"+/8=","extra_data":"AAAA","audit_path":[]}',
  );
});

test("formatRootsJson() and formatChainJson() write lists of base64", () => {
  assert.equal(formatRootsJson([]), '{"certificates":[]}');
  assert.equal(formatRootsJson([FB, FB]), '{"certificates":["+/8=","+/8="]}');
  assert.equal(formatChainJson([FB]), '{"chain":["+/8="]}');
});

test("formatters take another base64 of the same result", () => {
  const seen: Uint8Array[] = [];
  const base64 = (value: Uint8Array): string => {
    seen.push(value);
    return Buffer.from(value).toString("base64");
  };
  assert.equal(formatRootsJson([FB], base64), formatRootsJson([FB]));
  assert.deepEqual(seen, [FB]);
});

test("property: every body goes round", () => {
  const hashes = fc.array(bytes(32), { maxLength: 40 });
  const entry = record({ leafInput: someBytes, extraData: someBytes });
  const head = record({
    treeSize: fc.integer({ min: 0, max: 2 ** 40 }),
    timestampMs,
    rootHash: bytes(32),
    signature: someBytes,
  });
  fc.assert(
    fc.property(
      sct,
      head,
      hashes,
      fc.array(entry),
      timestampMs,
      (one, sth, path, entries, index) => {
        assert.deepEqual(parseSctJson(formatSctJson(one)), one);
        assert.deepEqual(parseTreeHeadJson(formatTreeHeadJson(sth)), sth);
        assert.deepEqual(parseConsistencyJson(formatConsistencyJson(path)), path);
        assert.deepEqual(parseInclusionJson(formatInclusionJson(index, path)), {
          leafIndex: index,
          path,
        });
        assert.deepEqual(parseEntriesJson(formatEntriesJson(entries)), entries);
        assert.deepEqual(parseRootsJson(formatRootsJson(path)), path);
        for (const each of entries) {
          const both = { ...each, path };
          assert.deepEqual(parseEntryAndProofJson(formatEntryAndProofJson(each, path)), both);
        }
        if (path.length > 0) assert.deepEqual(parseChainJson(formatChainJson(path)), path);
      },
    ),
  );
});

test("parseSctJson() takes CTFE's empty extensions and fields that it does not know", () => {
  const value = parseSctJson(
    `{"x":[],"signature":"AA==","extensions":"","timestamp":1,"id":"${HASH_TEXT}","sct_version":0}`,
  );
  assert.deepEqual(value.extensions, new Uint8Array(0));
});

for (const [name, run] of Object.entries<() => unknown>({
  "an SCT of version 1": () =>
    parseSctJson(
      `{"sct_version":1,"id":"${HASH_TEXT}","timestamp":1,"extensions":"","signature":""}`,
    ),
  "an SCT without version": () =>
    parseSctJson(`{"id":"${HASH_TEXT}","timestamp":1,"extensions":"","signature":""}`),
  "an SCT with a short log ID": () =>
    parseSctJson('{"sct_version":0,"id":"AA==","timestamp":1,"extensions":"","signature":""}'),
  "a tree head with a short root": () =>
    parseTreeHeadJson(
      '{"tree_size":0,"timestamp":5,"sha256_root_hash":"AA==","tree_head_signature":""}',
    ),
  "a tree head with a size in quotes": () =>
    parseTreeHeadJson(
      `{"tree_size":"0","timestamp":5,"sha256_root_hash":"${HASH_TEXT}","tree_head_signature":""}`,
    ),
  "a consistency proof of numbers": () => parseConsistencyJson('{"consistency":[1]}'),
  "a consistency proof of null": () => parseConsistencyJson('{"consistency":null}'),
  "an audit path in url-safe base64": () =>
    parseInclusionJson('{"leaf_index":0,"audit_path":["-_8="]}'),
  "entries that are no objects": () => parseEntriesJson('{"entries":["AA=="]}'),
  "an entry without extra_data": () => parseEntriesJson('{"entries":[{"leaf_input":"AA=="}]}'),
  "roots without the field": () => parseRootsJson("{}"),
  "a list instead of an object": () => parseRootsJson("[]"),
  "text that is not JSON": () => parseEntryAndProofJson("<html>"),
})) {
  test(`parsers of answers refuse ${name}`, () => throwsMalformed(run, "MALFORMED_JSON"));
}

test("parseChainJson() takes what clients send", () => {
  assert.deepEqual(parseChainJson('{"chain":["+/8="]}'), [FB]);
  assert.deepEqual(parseChainJson(' {"x":{"chain":[]},"chain" : ["+/\\r\\n8=\\n"]}\n'), [FB]);
  assert.deepEqual(parseChainJson('{"chain":["+/9="]}'), [FB], "non-zero pad bits");
  assert.deepEqual(parseChainJson('{"chain":["AA=="],"chain":["+/8="]}'), [FB], "the last one");
  assert.deepEqual(parseChainJson('{"__proto__":{"chain":["AA=="]},"chain":["+/8="]}'), [FB]);
});

for (const body of [
  "",
  "{",
  "null",
  "[]",
  '"chain"',
  "1",
  "{}",
  '{"Chain":["AA=="]}',
  '{"__proto__":{"chain":["AA=="]}}',
  '{"chain":null}',
  '{"chain":[]}',
  '{"chain":{}}',
  '{"chain":"AA=="}',
  '{"chain":[1]}',
  '{"chain":[null]}',
  '{"chain":[["AA=="]]}',
  '{"chain":[""]}',
  '{"chain":["AA==",""]}',
  '{"chain":["\\n"]}',
  '{"chain":["AA"]}',
  '{"chain":["-_8="]}',
  '{"chain":["A A="]}',
  '{"chain":["AA==",]}',
  '{"chain":["AA=="]} x',
  "{'chain':['AA==']}",
]) {
  test(`parseChainJson() refuses ${body}`, () => {
    throwsMalformed(() => parseChainJson(body), "MALFORMED_BODY");
  });
}
