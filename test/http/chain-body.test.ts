/**
 * The body of a submission, from bytes and from text.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { messageOf } from "../../src/base/errors.ts";
import { parseChainBody } from "../../src/http/chain-body.ts";
import { formatChainJson, parseChainJson } from "../../src/rfc6962/json.ts";

function outcomeOf(read: () => readonly Uint8Array[]): unknown {
  try {
    return read().map((certificate) => Buffer.from(certificate).toString("hex"));
  } catch (error) {
    return messageOf(error);
  }
}

function requireAgreement(body: Buffer): void {
  const wanted = outcomeOf(() => parseChainJson(body.toString("utf8")));
  assert.deepEqual(
    outcomeOf(() => parseChainBody(body)),
    wanted,
    body.toString("latin1"),
  );
}

const CHAINS = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 4 });

test("parseChainBody() agrees with parseChainJson(), whatever a byte is changed to", () => {
  const change = fc.record({ place: fc.nat(), byte: fc.integer({ min: 0, max: 255 }) });
  fc.assert(
    fc.property(CHAINS, fc.array(change, { maxLength: 3 }), (chain, changes) => {
      const body = Buffer.from(formatChainJson(chain), "latin1");
      for (const { place, byte } of changes) body[place % body.length] = byte;
      requireAgreement(body);
    }),
    { numRuns: 3000 },
  );
});

test("parseChainBody() agrees with parseChainJson(), wherever a body is cut or goes on", () => {
  const tails = fc.constantFrom(
    "",
    " ",
    "}",
    ",",
    '"',
    ',"',
    "]}",
    "\\",
    "\n",
    '{"chain":[]}',
    "é",
  );
  fc.assert(
    fc.property(CHAINS, fc.nat(), tails, (chain, place, tail) => {
      const whole = formatChainJson(chain);
      const cut = whole.slice(0, whole.length - (place % whole.length));
      requireAgreement(Buffer.from(cut + tail, "utf8"));
      requireAgreement(Buffer.from(whole + tail, "utf8"));
    }),
    { numRuns: 2000 },
  );
});

for (const text of [
  "",
  '{"chain":[]}',
  '{"chain":[""]}',
  '{"chain":["AA=="]}',
  '{"chain":["AB=="]}',
  '{"chain":["AA"]}',
  '{"chain":["A\\u0041=="]}',
  '{"chain":["AAAA","chain":["AAAA"]}',
  '{"chain":["AAAA"],"chain":["BBBB"]}',
  '{"chain":["AAAA"]} ',
  '{"chain":["AAAA\\r\\n"]}',
  '{ "chain": ["AAAA", "BBBB"] }',
]) {
  test(`parseChainBody() agrees with parseChainJson() on ${text}`, () => {
    requireAgreement(Buffer.from(text, "utf8"));
  });
}
