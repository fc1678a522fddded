import assert from "node:assert/strict";
import { mkdtemp, open, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  PAYLOAD_BYTES_MAX,
  RingFile,
  type RingHandle,
  SLOT_BYTES,
} from "../../src/history/ring.ts";

const SLOTS = 4;

async function temporary() {
  const folder = await mkdtemp(join(tmpdir(), "stratus-ring-"));
  return {
    path: join(folder, "below", "a.hour"),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Opens, appends, closes. */
async function write(path: string, texts: readonly string[]): Promise<void> {
  const { ring } = await RingFile.open(path, SLOTS);
  for (const text of texts) await ring.append(bytesOf(text));
  await ring.close();
}

async function read(path: string, slots: number = SLOTS): Promise<readonly string[]> {
  const { ring, rows } = await RingFile.open(path, slots);
  await ring.close();
  return rows.map((row) => new TextDecoder().decode(row));
}

test("RingFile gives back the last rows, oldest first, however often it is opened", async () => {
  await using place = await temporary();
  assert.deepEqual(await read(place.path), []);
  await write(place.path, ["one", "two"]);
  assert.deepEqual(await read(place.path), ["one", "two"]);
  await write(place.path, ["three", "four", "five", "six"]);
  assert.deepEqual(await read(place.path), ["three", "four", "five", "six"]);
  for (const text of ["seven", "eight", "nine"]) await write(place.path, [text]);
  assert.deepEqual(await read(place.path), ["six", "seven", "eight", "nine"]);
  const { ring, isFromStart } = await RingFile.open(place.path, SLOTS);
  await ring.close();
  assert.equal(isFromStart, false);
  const { length } = await readFile(place.path);
  assert.equal(length, (SLOTS + 1) * SLOT_BYTES, "it never grows beyond its slots");
});

test("RingFile skips a row of which any byte is another", async () => {
  await using place = await temporary();
  await write(place.path, ["one", "two", "three"]);
  const whole = await readFile(place.path);
  const row = 2 * SLOT_BYTES;
  // CRC, number, length, payload of the second row.
  for (let at = row; at < row + 16 + "two".length; at += 1) {
    const rotten = Buffer.from(whole);
    rotten[at] = (rotten[at] ?? 0) ^ 0x10;
    await writeFile(place.path, rotten);
    assert.deepEqual(await read(place.path), ["one", "three"], `byte ${at - row}`);
  }
  await writeFile(place.path, whole);
  assert.deepEqual(await read(place.path), ["one", "two", "three"]);
});

test("RingFile goes on after a torn row, and after a row that was copied to another slot", async () => {
  await using place = await temporary();
  await write(place.path, ["one", "two", "three"]);
  await truncate(place.path, 3 * SLOT_BYTES + 18);
  assert.deepEqual(await read(place.path), ["one", "two"]);
  await write(place.path, ["again"]);
  assert.deepEqual(await read(place.path), ["one", "two", "again"]);
  const bytes = await readFile(place.path);
  bytes.copy(bytes, 2 * SLOT_BYTES, SLOT_BYTES, 2 * SLOT_BYTES);
  await writeFile(place.path, bytes);
  assert.deepEqual(await read(place.path), ["one", "again"]);
});

test("RingFile begins a file of another form anew", async () => {
  await using place = await temporary();
  for (const other of ["", "stratus-history 2 4 4096\n", "x".repeat(3 * SLOT_BYTES)]) {
    await write(place.path, ["one"]);
    await writeFile(place.path, other);
    assert.deepEqual(await read(place.path), [], JSON.stringify(other.slice(0, 30)));
    await write(place.path, ["two"]);
    assert.deepEqual(await read(place.path), ["two"]);
  }
  assert.deepEqual(await read(place.path, SLOTS + 1), [], "another number of slots");
});

test("RingFile.append() that fails loses its row alone", async () => {
  await using place = await temporary();
  let isFull = false;
  const openFull = async (path: string, flags: "r+" | "w+"): Promise<RingHandle> => {
    const file = await open(path, flags);
    return {
      read: file.read.bind(file),
      close: () => file.close(),
      write: ((...parts: [Uint8Array, number, number, number]) => {
        // A disk that fills takes a part of a row.
        const [bytes, at, length, position] = parts;
        if (!isFull) return file.write(bytes, at, length, position);
        return file.write(bytes, at, 100, position);
      }) as RingHandle["write"],
    };
  };
  const { ring } = await RingFile.open(place.path, SLOTS, openFull);
  await ring.append(bytesOf("one"));
  isFull = true;
  await assert.rejects(ring.append(bytesOf("two".repeat(100))), /wrote 100 bytes/);
  isFull = false;
  await ring.append(bytesOf("three"));
  await ring.close();
  assert.deepEqual(await read(place.path), ["one", "three"]);
});

test("RingFile.append() takes a row that fills a slot, and none that is larger", async () => {
  await using place = await temporary();
  const { ring } = await RingFile.open(place.path, SLOTS);
  await ring.append(new Uint8Array(PAYLOAD_BYTES_MAX).fill(7));
  await assert.rejects(ring.append(new Uint8Array(PAYLOAD_BYTES_MAX + 1)), RangeError);
  await ring.close();
  const { ring: again, rows } = await RingFile.open(place.path, SLOTS);
  await again.close();
  assert.deepEqual(
    rows.map(({ length }) => length),
    [PAYLOAD_BYTES_MAX],
  );
});

test("RingFile.open() rejects where it cannot be made", async () => {
  await using place = await temporary();
  await write(place.path, ["one"]);
  await assert.rejects(RingFile.open(join(place.path, "below-a-file"), SLOTS), /ENOTDIR|EEXIST/);
});
