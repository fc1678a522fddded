import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseLaxBase64 } from "../../src/encoding/base64.ts";
import { parseChainBody } from "../../src/http/chain-body.ts";
import { parseChainJson } from "../../src/rfc6962/json.ts";

/** What a reader says, as a value: certificates in hex, or the refusal. */
function outcomeOf(read: () => readonly Uint8Array[]): unknown {
  try {
    return read().map((bytes) => Buffer.from(bytes).toString("hex"));
  } catch (error) {
    return [Reflect.get(Object(error), "code"), String(error)];
  }
}

function requireSame(body: Buffer): unknown {
  const outcome = outcomeOf(() => parseChainBody(body));
  assert.deepEqual(
    outcome,
    outcomeOf(() => parseChainJson(body.toString("utf8"), parseLaxBase64)),
    body.toString("latin1").slice(0, 200),
  );
  return outcome;
}

test("parseChainBody() reads a body as Go writes it, of any length", () => {
  for (const lengths of [[1], [2, 3], [4, 5, 6], [24_575, 24_576, 24_577], [100_000, 1]]) {
    const chain = lengths.map((length) => Uint8Array.from({ length }, (_, at) => (at * 7) % 256));
    const texts = chain.map((bytes) => Buffer.from(bytes).toString("base64"));
    const outcome = requireSame(Buffer.from(JSON.stringify({ chain: texts })));
    assert.deepEqual(
      outcome,
      chain.map((bytes) => Buffer.from(bytes).toString("hex")),
    );
  }
});

const LONG = "QUJD".repeat(10_000);
const ODD: readonly string[] = [
  '{"chain":["',
  '{"chain":["]}',
  '{"chain":[""]}',
  '{"chain":["AAAA",""]}',
  '{"chain":["AAAA","]}',
  '{"chain":["AAAA"]}"]}',
  '{"chain":["AAAA"],"chain":["BBBB"]}',
  '{"chain":["AAAA"]} ',
  '{"chain":["AA-_"]}',
  '{"chain":["AA=="]}',
  '{"chain":["AB=="]}',
  '{"chain":["A==="]}',
  '{"chain":["===="]}',
  '{"chain":["AA=A"]}',
  '{"chain":["AAA=AAAA"]}',
  '{"chain":["AA\\n=="]}',
  '{"chain":["AA\\/="]}',
  '{"chain":["\\u0041AAA"]}',
  '{"chain":["\u014dAEC"]}',
  '{"chain":["AAAA" ,"AAAA"]}',
  '{"chain":["AAAA",null]}',
  '{"chain":["AAAA","AAAA"]}}',
  `{"chain":["${LONG}=QUJ"]}`,
  `{"chain":["${LONG.slice(0, 32_766)}==${LONG}"]}`,
  `{"chain":["${LONG.slice(0, 32_767)}!${LONG}"]}`,
  `{"chain":["${LONG.slice(0, 32_768)}\u00e9${LONG.slice(0, 2)}"]}`,
];
for (const body of ODD) {
  test(`parseChainBody() says of ${body.slice(0, 40)} what parseChainJson() says`, () => {
    requireSame(Buffer.from(body));
  });
}

test("property: parseChainBody() says of mutated bodies what parseChainJson() says", () => {
  const certificate = fc.uint8Array({ minLength: 1, maxLength: 40 });
  const spelled = certificate.map((bytes) => Buffer.from(bytes).toString("base64"));
  const body = fc.array(spelled, { minLength: 1, maxLength: 3 }).map((chain) => ({ chain }));
  const character = fc.constantFrom(...'{}[]":,=-_+/\\A9 \n\u00e9\u0000');
  const change = fc.record({ at: fc.nat(200), gone: fc.nat(3), text: character });
  let plain = 0;
  fc.assert(
    fc.property(body, fc.array(change, { maxLength: 3 }), (value, changes) => {
      let text = JSON.stringify(value);
      for (const { at, gone, text: more } of changes) {
        const place = at % (text.length + 1);
        text = text.slice(0, place) + more + text.slice(place + gone);
      }
      const outcome = requireSame(Buffer.from(text));
      if (Array.isArray(outcome) && outcome[0] !== "MALFORMED_BODY") plain += 1;
    }),
    { numRuns: 3_000 },
  );
  assert.ok(plain > 500, `${plain} of 3,000 were read`);
});
