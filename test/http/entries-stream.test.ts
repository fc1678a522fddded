import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FatalError } from "../../src/base/errors.ts";
import { entryLength } from "../../src/http/entries.ts";
import { PAGE_HELD_BYTES_MAX, PAGE_HELD_BYTES_MIN } from "../../src/http/entries-page.ts";
import { CROWDED_BYTES } from "../../src/http/heavy-reads.ts";
import { formatEntriesJson } from "../../src/rfc6962/json.ts";
import { RawClient, startTestServer } from "../support/http-server.ts";
import { largeEntry, showLargeEntries } from "../support/large-entries.ts";
import { settle } from "../support/manual-clock.ts";

const SIZE = 1_024;
const ENTRY_BYTES = 11_000;
const LENGTH = entryLength(largeEntry(0, ENTRY_BYTES));
const PATH = `/nimbus2026/ct/v1/get-entries?start=0&end=${SIZE - 1}`;

/** Bytes that sockets of this machine may take on the way, both ends together. */
const SOCKETS_BYTES_MAX = 8_000_000;

/** A page of 15 MB. */
const WHOLE = formatEntriesJson(
  Array.from({ length: SIZE }, (_, index) => largeEntry(index, ENTRY_BYTES)),
);

async function startLarge() {
  const server = await startTestServer(1);
  return { server, reads: showLargeEntries(server.log, SIZE, () => ENTRY_BYTES) };
}

/** Waits until nothing is read from the log any more. */
async function stalled(reads: { readonly entryCount: number }): Promise<void> {
  for (let last = -1, quiet = 0, turn = 0; quiet < 200 && turn < 100_000; quiet += 1, turn += 1) {
    if (reads.entryCount !== last) quiet = 0;
    last = reads.entryCount;
    await settle();
  }
}

describe("get-entries of a large page", () => {
  test("is made as its reader takes it: what is in memory is bounded", async () => {
    const { server, reads } = await startLarge();
    await using _ = server;
    const clients = Array.from({ length: 4 }, () => new RawClient(server.port));
    for (const client of clients) {
      client.socket.pause();
      client.send(`GET ${PATH} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    }
    await stalled(reads);
    const made = reads.entryCount * LENGTH;
    const heldWhole = Math.ceil(CROWDED_BYTES / PAGE_HELD_BYTES_MAX);
    const held = heldWhole * PAGE_HELD_BYTES_MAX;
    const heldLess = (clients.length - heldWhole) * PAGE_HELD_BYTES_MIN;
    const bound = held + heldLess + clients.length * (128 * LENGTH + SOCKETS_BYTES_MAX);
    assert(made > 0 && made <= bound, `${made} bytes were made`);
    assert(reads.entryCount < clients.length * SIZE, "no page is whole");
    for (const client of clients) {
      client.socket.resume();
      assert.equal(unchunked(await client.closed()), WHOLE);
    }
    assert.equal(reads.entryCount, clients.length * SIZE);
  });

  test("waits for a reader without keeping others from theirs", async () => {
    const { server, reads } = await startLarge();
    await using _ = server;
    using slow = new RawClient(server.port);
    slow.socket.pause();
    slow.send(`GET ${PATH} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await stalled(reads);
    const url = `http://127.0.0.1:${server.port}${PATH}`;
    assert.equal(await (await fetch(url)).text(), WHOLE);
  });

  test("ends broken if the log fails on the way, and is counted as that", async () => {
    const { server, reads } = await startLarge();
    await using _ = server;
    using client = new RawClient(server.port);
    client.socket.pause();
    client.send(`GET ${PATH} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await stalled(reads);
    reads.failsWith = new FatalError("FATAL_STORE_CORRUPT", "a bit flipped");
    client.socket.resume();
    const text = await client.closed();
    assert.match(text, /^HTTP\/1.1 200 /);
    assert.doesNotMatch(text, /0\r\n\r\n$/, "the last chunk is missing");
    await until(() => server.events.length > 0);
    const statuses = server.events.map((event) => event.type === "request" && event.status);
    assert.deepEqual(statuses, [503]);
  });

  test("is forgotten when its reader leaves", async () => {
    const { server, reads } = await startLarge();
    await using _ = server;
    const client = new RawClient(server.port);
    client.socket.pause();
    client.send(`GET ${PATH} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await stalled(reads);
    client[Symbol.dispose]();
    await until(() => server.events.length > 0);
    const statuses = server.events.map((event) => event.type === "request" && event.status);
    assert.deepEqual(statuses, [499]);
    assert(reads.entryCount < SIZE);
  });

  test("has no body for HEAD, and is not made for it", async () => {
    const { server, reads } = await startLarge();
    await using _ = server;
    const answer = await fetch(`http://127.0.0.1:${server.port}${PATH}`, { method: "HEAD" });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("cache-control"), "public, max-age=86400");
    assert.equal(await answer.text(), "");
    assert(reads.entryCount < SIZE);
  });

  test("comes without chunks to HTTP/1.0, until the connection ends", async () => {
    const { server } = await startLarge();
    await using _ = server;
    using client = new RawClient(server.port);
    client.send(`GET ${PATH} HTTP/1.0\r\n\r\n`);
    const text = await client.closed();
    assert.equal(text.slice(text.indexOf("\r\n\r\n") + 4), WHOLE);
  });

  test("has its length where it is held whole", async () => {
    const { server } = await startLarge();
    await using _ = server;
    const url = (last: string) => `http://127.0.0.1:${server.port}${PATH.replace("1023", last)}`;
    const isWhole = async (last: string) => {
      const answer = await fetch(url(last));
      const text = await answer.text();
      const length = answer.headers.get("content-length");
      assert(length === null || length === String(text.length));
      return length !== null;
    };
    // Pages of 0.9, 3.8 and 11 MB.
    const wholes = [await isWhole("63"), await isWhole("255"), await isWhole("767")];
    assert.deepEqual(wholes, [true, true, false]);
  });
});

/** Waits, a bounded number of turns, until something holds. */
async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 100_000 && !holds(); turn += 1) await settle();
}

/** The body of a chunked answer. */
function unchunked(answer: string): string {
  let at = answer.indexOf("\r\n\r\n") + 4;
  const parts: string[] = [];
  for (;;) {
    const end = answer.indexOf("\r\n", at);
    const length = Number.parseInt(answer.slice(at, end), 16);
    if (length === 0) return parts.join("");
    parts.push(answer.slice(end + 2, end + 2 + length));
    at = end + 2 + length + 2;
  }
}
