import assert from "node:assert/strict";
import { test } from "node:test";
import { type Response, ResponseReader } from "../../bench/http-response.ts";

const LENGTH = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello";
const CHUNKED =
  "HTTP/1.1 503 Busy\r\ntransfer-encoding: chunked\r\nConnection: close\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n";

function readInPieces(text: string, size: number): readonly Response[] {
  const reader = new ResponseReader();
  const found: Response[] = [];
  for (let at = 0; at < text.length; at += size) {
    const response = reader.push(Buffer.from(text.slice(at, at + size), "latin1"));
    if (response !== undefined) found.push(response);
  }
  assert(reader.isIdle);
  return found;
}

for (const [name, text, status, isLast] of [
  ["a length", LENGTH, 200, false],
  ["chunks", CHUNKED, 503, true],
] as const) {
  test(`ResponseReader reads a response with ${name}, cut anywhere`, () => {
    for (let size = 1; size <= text.length; size += 1) {
      const [response, ...more] = readInPieces(text, size);
      assert.equal(more.length, 0);
      assert.equal(response?.status, status, `in pieces of ${size}`);
      assert.equal(response.body.toString(), "hello");
      assert.equal(response.isLast, isLast);
    }
  });
}

test("ResponseReader reads one response after the other", () => {
  const reader = new ResponseReader();
  for (const body of ["hello", "again"]) {
    const response = reader.push(Buffer.from(LENGTH.replace("hello", body)));
    assert.equal(response?.body.toString(), body);
  }
});

test("ResponseReader reads 304 without a body", () => {
  const response = new ResponseReader().push(Buffer.from("HTTP/1.1 304 Not Modified\r\n\r\n"));
  assert.equal(response?.status, 304);
  assert.equal(response.body.length, 0);
});

for (const [name, text] of [
  ["bytes behind the body", `${LENGTH}!`],
  ["bytes behind the last chunk", `${CHUNKED}!`],
  ["another protocol", "HTTP/2 200 OK\r\n\r\n"],
  ["a body without end", "HTTP/1.1 200 OK\r\nServer: x\r\n\r\n"],
  ["a chunk without size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"],
  ["a head without end", "HTTP/1.1 200 OK\r\n".padEnd(70_000, "x")],
] as const) {
  test(`ResponseReader refuses ${name}`, () => {
    assert.throws(() => new ResponseReader().push(Buffer.from(text)));
  });
}
