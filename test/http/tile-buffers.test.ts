import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { test } from "node:test";
import { SPARE_BYTES, SPARE_BYTES_MAX, TileBuffers } from "../../src/http/tile-buffers.ts";
import { randomBytes } from "../support/commits.ts";

const responseOf = () => new EventEmitter() as unknown as ServerResponse;

/** Lends for a response, and fills what was lent. */
async function fill(buffers: TileBuffers, response: ServerResponse, length: number) {
  return await buffers.lend(response, async (into) => into(length).subarray(0, length).fill(1));
}

test("TileBuffers lends an array again once its response is out, and never before", async () => {
  const buffers = new TileBuffers();
  const [first, second] = [responseOf(), responseOf()];
  const a = await fill(buffers, first, 10);
  const b = await fill(buffers, second, 10);
  assert.notEqual(a.buffer, b.buffer);
  second.emit("close");
  assert.equal(buffers.spareBytes, 0, "a response that was cut off keeps it");
  first.emit("finish");
  assert.equal(buffers.spareBytes, SPARE_BYTES);
  assert.equal((await fill(buffers, responseOf(), 20)).buffer, a.buffer);
  assert.notEqual((await fill(buffers, responseOf(), 20)).buffer, a.buffer);
});

test("TileBuffers keeps SPARE_BYTES_MAX, none of a tile that is larger than its arrays", async () => {
  const buffers = new TileBuffers();
  const large = responseOf();
  assert.equal((await fill(buffers, large, SPARE_BYTES + 1)).length, SPARE_BYTES + 1);
  large.emit("finish");
  assert.equal(buffers.spareBytes, 0);
  const responses = Array.from({ length: 40 }, responseOf);
  for (const response of responses) await fill(buffers, response, 1);
  for (const response of responses) response.emit("finish");
  assert.equal(buffers.spareBytes, SPARE_BYTES_MAX);
});

test("TileBuffers does not take back what a read left unused, failed with, or tried twice", async () => {
  const buffers = new TileBuffers();
  const response = responseOf();
  const elsewhere = await buffers.lend(response, async (into) => {
    into(1);
    return new Uint8Array(3);
  });
  assert.equal(elsewhere.length, 3);
  const failing = buffers.lend(response, async (into) => {
    into(1);
    throw new Error("EIO");
  });
  await assert.rejects(failing, /EIO/);
  assert.equal(await buffers.lend(response, async () => undefined), undefined);
  const tries: Uint8Array[] = [];
  await buffers.lend(response, async (into) => {
    tries.push(into(1), into(1));
    return tries[1];
  });
  response.emit("finish");
  assert.equal(buffers.spareBytes, SPARE_BYTES);
  assert.equal((await fill(buffers, responseOf(), 1)).buffer, tries[1]?.buffer);
});

test("TileBuffers lends a page all its arrays, and takes all of them back with its response", async () => {
  const buffers = new TileBuffers();
  const response = responseOf();
  const { take, taken } = buffers.lendPieces(response);
  const pieces = [take(1), take(SPARE_BYTES), take(SPARE_BYTES + 1)];
  assert.equal(new Set(pieces.map(({ buffer }) => buffer)).size, 3);
  response.emit("close");
  assert.equal(buffers.spareBytes, 0, "a response that was cut off keeps them");
  const [first] = pieces;
  taken(first!.subarray(0, 7));
  taken(first!.subarray(0, 7));
  taken("no memory of ours");
  assert.equal(buffers.spareBytes, SPARE_BYTES, "a piece comes back once");
  response.emit("finish");
  assert.equal(buffers.spareBytes, 2 * SPARE_BYTES, "all but the large one");
});

test("TileBuffers takes back what was borrowed once it is done with, not if it failed", async () => {
  const buffers = new TileBuffers();
  const used = await buffers.borrow(async (into) => {
    const both = [into(1), into(2)];
    assert.notEqual(both[0]?.buffer, both[1]?.buffer);
    assert.equal(buffers.spareBytes, 0);
    return both.length;
  });
  assert.equal(used, 2);
  assert.equal(buffers.spareBytes, 2 * SPARE_BYTES);
  const failing = buffers.borrow(async (into) => {
    into(1);
    throw new Error("EIO");
  });
  await assert.rejects(failing, /EIO/);
  assert.equal(buffers.spareBytes, SPARE_BYTES);
});

test("a slow reader gets its own tile while others are served from the same memory", async () => {
  const buffers = new TileBuffers();
  const tiles = Array.from({ length: 8 }, (_, index) => {
    const seed = randomBytes(`tile ${index}`, 1_000);
    return Uint8Array.from({ length: 300_000 }, (_, at) => seed[at % 1_000]! + (at % 251));
  });
  const server = createServer(async (request, response) => {
    const tile = tiles[Number(request.url?.slice(1))]!;
    const body = await buffers.lend(response, async (into) => {
      const bytes = into(tile.length).subarray(0, tile.length);
      bytes.set(tile);
      return bytes;
    });
    response.end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const slow = connect(port, "127.0.0.1");
  const chunks: Buffer[] = [];
  // Of sixty tiles one after the other on one connection most wait for the reader.
  slow.write("GET /0 HTTP/1.1\r\nHost: a\r\n\r\n".repeat(59));
  slow.write("GET /0 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  await once(slow, "readable");
  for (let round = 0; round < 40; round += 1) {
    const index = 1 + (round % 7);
    const answer = await fetch(`http://127.0.0.1:${port}/${index}`);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    assert.equal(Buffer.compare(bytes, tiles[index]!), 0);
  }
  slow.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(slow, "end");
  const all = Buffer.concat(chunks);
  let at = 0;
  for (let count = 0; count < 60; count += 1) {
    const start = all.indexOf("\r\n\r\n", at) + 4;
    at = start + tiles[0]!.length;
    assert.equal(Buffer.compare(all.subarray(start, at), tiles[0]!), 0, `tile ${count}`);
  }
  assert.equal(at, all.length);
  assert.ok(buffers.spareBytes > 0);
  slow.destroy();
  server.close();
});
