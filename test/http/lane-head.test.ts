import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  BLOCKS_MAX,
  PLAIN_BODY_BYTES_MAX,
  PLAIN_HEAD_BYTES_MAX,
  PlainHeads,
} from "../../src/http/lane-head.ts";

const read = (text: string) => new PlainHeads().read(Buffer.from(text, "latin1"));

test("PlainHeads.read() reads a GET", () => {
  const text = "GET /s/ct/v1/get-entries?start=0&end=9 HTTP/1.1\r\nHost: a\r\nX-Y:  b c\t\r\n\r\n";
  const { headers, ...head } = read(`${text}GET`) ?? assert.fail();
  assert.deepEqual(
    { ...headers, ...head },
    {
      host: "a",
      "x-y": "b c",
      method: "GET",
      target: "/s/ct/v1/get-entries?start=0&end=9",
      key: "GET /s/ct/v1/get-entries",
      rawHeaders: ["Host", "a", "X-Y", "b c"],
      contentLength: 0,
      length: text.length,
    },
  );
});

test("PlainHeads.read() reads a POST with its length", () => {
  const head = read("POST /s/add-chain HTTP/1.1\r\nhost: a\r\ncontent-length: 16384\r\n\r\n{");
  assert.equal(head?.contentLength, PLAIN_BODY_BYTES_MAX);
  assert.equal(head?.key, "POST /s/add-chain");
});

const HOST = "Host: a\r\n";
const OTHERS: readonly (readonly [what: string, text: string])[] = [
  ["an empty head", "\r\n\r\n"],
  ["a head that is not whole", `GET / HTTP/1.1\r\n${HOST}`],
  ["no headers at all", "GET / HTTP/1.1\r\n\r\n"],
  ["a bare line feed", `GET / HTTP/1.1\n${HOST}\r\n`],
  ["another method", `HEAD / HTTP/1.1\r\n${HOST}\r\n`],
  ["a method in lower case", `get / HTTP/1.1\r\n${HOST}\r\n`],
  ["another version", `GET / HTTP/1.0\r\n${HOST}\r\n`],
  ["two spaces", `GET  / HTTP/1.1\r\n${HOST}\r\n`],
  ["an absolute target", `GET http://a/ HTTP/1.1\r\n${HOST}\r\n`],
  ["an escaped path", `GET /%41 HTTP/1.1\r\n${HOST}\r\n`],
  ["a fragment", `GET /a#b HTTP/1.1\r\n${HOST}\r\n`],
  ["a fragment in the query", `GET /a?b#c HTTP/1.1\r\n${HOST}\r\n`],
  ["a control character in the target", `GET /a\u0001 HTTP/1.1\r\n${HOST}\r\n`],
  ["bytes beyond ASCII in the target", `GET /\u00e4 HTTP/1.1\r\n${HOST}\r\n`],
  ["no Host", "GET / HTTP/1.1\r\nA: b\r\n\r\n"],
  ["two Hosts", `GET / HTTP/1.1\r\n${HOST}${HOST}\r\n`],
  ["a header twice", `GET / HTTP/1.1\r\n${HOST}A: 1\r\na: 2\r\n\r\n`],
  ["a folded header", `GET / HTTP/1.1\r\n${HOST}A: b\r\n c\r\n\r\n`],
  ["a space before the colon", `GET / HTTP/1.1\r\n${HOST}A : b\r\n\r\n`],
  ["a control character in a value", `GET / HTTP/1.1\r\n${HOST}A: b\u0000c\r\n\r\n`],
  ["bytes beyond ASCII in a value", `GET / HTTP/1.1\r\n${HOST}A: \u00e4\r\n\r\n`],
  ["a carriage return in a value", `GET / HTTP/1.1\r\n${HOST}A: b\rc\r\n\r\n`],
  ["no name", `GET / HTTP/1.1\r\n${HOST}: b\r\n\r\n`],
  ["__proto__", `GET / HTTP/1.1\r\n${HOST}__proto__: b\r\n\r\n`],
  ["Transfer-Encoding", `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`],
  [
    "Transfer-Encoding with Content-Length",
    `POST / HTTP/1.1\r\n${HOST}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
  ],
  ["Expect", `POST / HTTP/1.1\r\n${HOST}Content-Length: 1\r\nExpect: 100-continue\r\n\r\n`],
  ["Upgrade", `GET / HTTP/1.1\r\n${HOST}Upgrade: h2c\r\n\r\n`],
  ["Connection: close", `GET / HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`],
  ["Connection: keep-alive, te", `GET / HTTP/1.1\r\n${HOST}Connection: keep-alive, te\r\n\r\n`],
  ["a GET with a body", `GET / HTTP/1.1\r\n${HOST}Content-Length: 1\r\n\r\n`],
  ["a POST without length", `POST / HTTP/1.1\r\n${HOST}\r\n`],
  ["a signed length", `POST / HTTP/1.1\r\n${HOST}Content-Length: +1\r\n\r\n`],
  ["two lengths in one", `POST / HTTP/1.1\r\n${HOST}Content-Length: 1, 1\r\n\r\n`],
  ["an empty length", `POST / HTTP/1.1\r\n${HOST}Content-Length:\r\n\r\n`],
  ["a body too large", `POST / HTTP/1.1\r\n${HOST}Content-Length: 16385\r\n\r\n`],
  ["a head too large", `GET / HTTP/1.1\r\n${HOST}A: ${"b".repeat(PLAIN_HEAD_BYTES_MAX)}\r\n\r\n`],
];

for (const [what, text] of OTHERS) {
  test(`PlainHeads.read() leaves ${what} to node:http`, () => {
    assert.equal(read(text), undefined);
  });
}

test("PlainHeads remembers blocks of headers, and a bounded number of them", () => {
  const heads = new PlainHeads();
  const block = (index: number) => Buffer.from(`GET / HTTP/1.1\r\nHost: ${index}\r\n\r\n`);
  const first = heads.read(block(0))?.headers;
  assert.equal(heads.read(block(0))?.headers, first);
  for (let index = 1; index < BLOCKS_MAX; index++) heads.read(block(index));
  assert.equal(heads.read(block(0))?.headers, first);
  heads.read(block(BLOCKS_MAX));
  assert.notEqual(heads.read(block(0))?.headers, first);
  assert.deepEqual(heads.read(block(0))?.headers, first);
});

test("PlainHeads.read() never throws, and reads no byte behind a head", () => {
  const part = fc.constantFrom("GET", "POST", " ", "/", "HTTP/1.1", "\r\n", ":", "Host", "a", "\0");
  fc.assert(
    fc.property(fc.array(part, { maxLength: 30 }), (parts) => {
      const text = parts.join("");
      const head = read(text);
      if (head === undefined) return;
      assert.equal(text.slice(head.length - 4, head.length), "\r\n\r\n");
      assert.deepEqual(read(text.slice(0, head.length)), head);
    }),
  );
});
