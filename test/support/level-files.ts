/**
 * Databases made by LevelDB itself, and files of bytes in memory.
 * @module
 */
import { readdir } from "node:fs/promises";
import { Level } from "level";
import type { OpenFile } from "../../src/storage/level/seam.ts";
import { sha256 } from "./sha256.ts";

/** How a database is made. */
export interface Making {
  readonly compression: boolean;
  /** Records whose keys and values both compress well, and that do not at all. */
  readonly recordCount: number;
  /** Whether it is opened once more, which makes a table of what was written. */
  readonly isReopened: boolean;
}

/** Makes a database in the folder `path` and closes it. @returns The names of its tables. */
export async function makeDatabase(path: string, making: Making): Promise<readonly string[]> {
  const level = new Level<Uint8Array, Uint8Array>(path, {
    keyEncoding: "view",
    valueEncoding: "view",
    compression: making.compression,
  });
  await level.open();
  const batch = level.batch();
  for (let index = 0; index < making.recordCount; index += 1) {
    const hash = sha256(Uint8Array.of(index & 0xff, index >> 8));
    batch.put(Uint8Array.of(0x44, ...hash), hash);
    batch.put(Buffer.from(`a rather long key number ${index}`), new Uint8Array(40).fill(index));
  }
  await batch.write({ sync: true });
  await level.close();
  if (making.isReopened) {
    await level.open();
    await level.close();
  }
  return (await readdir(path)).filter((name) => name.endsWith(".ldb")).toSorted();
}

/** A file that is these bytes. */
export function fileOf(bytes: Uint8Array): OpenFile {
  const refuse = (): Promise<never> => Promise.reject(new Error("this file is only read"));
  return {
    read: async (length, position) => bytes.slice(position, position + length),
    readQuickly: refuse,
    write: refuse,
    syncData: refuse,
    sync: refuse,
    close: async () => {},
  };
}
