import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { UnavailableError } from "../../src/base/errors.ts";
import { type KeptTile, KeptTiles } from "../../src/http/kept-tiles.ts";
import { openLevelStore } from "../../src/storage/level/level-store.ts";
import { buildTestServer } from "../support/http-server.ts";
import { LEVEL_OPTIONS, temporaryFolder } from "../support/level.ts";
import { sealedPath, sealedStore } from "../support/sealing.ts";

const responseOf = () => new EventEmitter() as unknown as ServerResponse;
const bodyOf = (tile: KeptTile | undefined) => tile?.answer.body;

/** Asks for a tile as the handler does; what it holds is known by its length. */
function ask(
  kept: KeptTiles,
  target: string,
  length: number,
  response: ServerResponse = responseOf(),
) {
  const tile = kept.find(target);
  if (tile !== undefined) return kept.lend(target, tile, response).body;
  kept.wasRead(target, [], new Uint8Array(length).fill(length));
  return undefined;
}

function askTwice(kept: KeptTiles, target: string, length: number): void {
  ask(kept, target, length);
  ask(kept, target, length);
}

const keptOf = (bytesMax: number, requestsMax = 100) =>
  new KeptTiles({ bytesMax, arrayBytes: 10, requestsMax });

test("KeptTiles keeps a copy of what is asked for a second time", () => {
  const kept = keptOf(100);
  const bytes = new Uint8Array(15).fill(7);
  kept.wasRead("/a", ["A", "b"], bytes);
  assert.equal(kept.find("/a"), undefined);
  assert.equal(kept.bytes, 0);
  kept.wasRead("/a", ["A", "b"], bytes);
  bytes.fill(8);
  const tile = kept.find("/a");
  assert.deepEqual(new Uint8Array(tile?.answer.body as Uint8Array), new Uint8Array(15).fill(7));
  assert.deepEqual(tile?.answer.headers, ["A", "b"]);
  assert.equal(kept.bytes, 20, "arrays are multiples of ten");
});

test("KeptTiles gives way to the newest within its bytes, the least recently used first", () => {
  const kept = keptOf(100);
  askTwice(kept, "/a", 40);
  askTwice(kept, "/b", 40);
  assert.notEqual(ask(kept, "/a", 40), undefined);
  askTwice(kept, "/c", 40);
  const held = ["/a", "/b", "/c"].filter((target) => kept.find(target) !== undefined);
  assert.deepEqual(held, ["/a", "/c"]);
  assert.equal(kept.bytes, 80);
});

test("KeptTiles uses memory again once nobody is sent it any more, and never before", () => {
  const kept = keptOf(40);
  askTwice(kept, "/a", 40);
  const array = kept.find("/a")?.array;
  askTwice(kept, "/b", 38);
  assert.equal(kept.find("/b")?.array, array, "no response had it");
  assert.deepEqual(bodyOf(kept.find("/b")), Buffer.alloc(38, 38));
  const [first, second, cut] = [responseOf(), responseOf(), responseOf()];
  ask(kept, "/b", 38, first);
  const body = ask(kept, "/b", 38, second);
  first.emit("finish");
  askTwice(kept, "/c", 40);
  assert.notEqual(kept.find("/c")?.array, array, "the second still has it");
  assert.deepEqual(body, Buffer.alloc(38, 38));
  assert.equal(kept.bytes, 40);
  ask(kept, "/c", 40, second);
  second.emit("finish");
  const other = kept.find("/c")?.array;
  askTwice(kept, "/d", 40);
  assert.equal(kept.find("/d")?.array, other);
  ask(kept, "/d", 40, cut);
  cut.emit("close");
  askTwice(kept, "/e", 40);
  assert.notEqual(kept.find("/e")?.array, other, "who was cut off keeps it");
  askTwice(kept, "/f", 10);
  assert.equal(kept.find("/f")?.array.length, 10, "not 40 bytes for 10");
  assert.equal(kept.bytes, 10);
});

test("KeptTiles forgets requests beyond its bound: a crawl keeps nothing", () => {
  const kept = keptOf(100, 10);
  for (let round = 0; round < 3; round += 1) {
    for (let tile = 0; tile < 11; tile += 1) ask(kept, `/${tile}`, 10);
  }
  assert.equal(kept.bytes, 0);
  for (let round = 0; round < 2; round += 1) {
    for (let tile = 0; tile < 10; tile += 1) ask(kept, `/${tile}`, 10);
  }
  assert.equal(kept.bytes, 100);
});

test("KeptTiles keeps what is asked for more often than what would take its place", () => {
  const kept = keptOf(100);
  askTwice(kept, "/a", 50);
  askTwice(kept, "/b", 50);
  ask(kept, "/c", 50);
  assert.notEqual(ask(kept, "/a", 50), undefined);
  assert.notEqual(ask(kept, "/b", 50), undefined);
  ask(kept, "/c", 50);
  assert.notEqual(kept.find("/a"), undefined, "used since /c was first asked for");
  assert.notEqual(kept.find("/b"), undefined);
  ask(kept, "/c", 50);
  assert.equal(kept.find("/a"), undefined, "not used between the last two");
  assert.notEqual(kept.find("/c"), undefined);
  assert.equal(kept.bytes, 100);
});

test("KeptTiles keeps no other spelling of a tile, and none that has no room at all", () => {
  const kept = keptOf(100);
  for (const target of ["/a?b", `/${"a".repeat(128)}`]) {
    askTwice(kept, target, 1);
    assert.equal(kept.find(target), undefined);
  }
  askTwice(kept, "/large", 101);
  assert.equal(kept.bytes, 0);
});

test("a full hash tile comes from memory the third time, a partial one never", async () => {
  await using server = buildTestServer(600);
  let reads = 0;
  const read = server.log.readTile.bind(server.log);
  server.log.readTile = (...of) => {
    reads += 1;
    return read(...of);
  };
  const get = (path: string) => server.app.inject(`/nimbus2026/tile/${path}`);
  const answers = [await get("0/001"), await get("0/001"), await get("0/001")];
  assert.equal(reads, 2);
  for (const { headers, rawPayload, statusCode } of answers) {
    const { date: _, ...same } = headers;
    const { date: __, ...first } = answers[0]?.headers ?? {};
    assert.equal(statusCode, 200);
    assert.deepEqual(same, first);
    assert.deepEqual(rawPayload, answers[0]?.rawPayload);
  }
  for (let time = 0; time < 3; time += 1) assert.equal((await get("0/002.p/88")).statusCode, 200);
  assert.equal(reads, 5);
  server.log.storeFailsWith = new UnavailableError("UNAVAILABLE_STORE", "it is being opened");
  assert.equal((await get("0/001")).statusCode, 200, "memory needs no store");
  assert.equal((await get("0/000")).statusCode, 503);
  server.log.storeFailsWith = undefined;
  assert.equal((await get("0/000")).statusCode, 200);
});

test("a sealed tile comes from memory the third time; damage is 503 and never kept", async () => {
  await using root = await temporaryFolder();
  const { path } = await sealedStore(root);
  const url = "/nimbus2026/tile/data/000";
  await using fresh = buildTestServer(600);
  let reads = 0;
  await using store = await openLevelStore(path, LEVEL_OPTIONS);
  fresh.log.readSealedTile = (index, into) => {
    reads += 1;
    return store.readSealedTile(index, into);
  };
  const ask = (encoding = "gzip") =>
    fresh.app.inject({ url, headers: { "accept-encoding": encoding } });
  const sound = await readFile(sealedPath(path, 0));
  const damaged = Uint8Array.from(sound);
  // Behind the header of the segment: in tile 0.
  damaged[300] = (damaged[300] ?? 0) ^ 1;
  await writeFile(sealedPath(path, 0), damaged);
  for (let time = 0; time < 3; time += 1) assert.equal((await ask()).statusCode, 503);
  assert.equal(reads, 3);
  await writeFile(sealedPath(path, 0), sound);
  const member = await store.readSealedTile(0);
  for (let time = 0; time < 4; time += 1) {
    const { headers, rawPayload } = await ask();
    assert.equal(headers["content-encoding"], "gzip");
    assert.deepEqual(new Uint8Array(rawPayload), member);
  }
  assert.equal(reads, 5, "the first two were read, the others kept");
  // Who refuses gzip gets the entries, and what is damaged afterwards is not seen in memory.
  assert.equal((await ask("identity")).headers["content-encoding"], undefined);
  await writeFile(sealedPath(path, 0), damaged);
  assert.deepEqual(new Uint8Array((await ask()).rawPayload), member);
});

test("a tile that was compressed on request stays so after it was sealed", async () => {
  await using server = buildTestServer(600);
  const get = () => server.app.inject("/nimbus2026/tile/data/000");
  const made = (await get()).rawPayload;
  server.log.readSealedTile = () => assert.fail("it lies ready");
  assert.deepEqual((await get()).rawPayload, made);
  assert.deepEqual((await get()).rawPayload, made);
});
