/**
 * Which files of a LevelDB folder are in use: its list of tables (`MANIFEST`, which `CURRENT`
 * names) holds every change to it, in order. What else lies in the folder is left over from a
 * crash, or is being made, and LevelDB removes it.
 * @module
 */
import { join } from "node:path";
import { corrupt } from "../level/record.ts";
import type { FileSystem } from "../level/seam.ts";
import { ByteReader } from "./byte-reader.ts";
import { readRecordLog } from "./record-log.ts";

/** The files of a database that are in use. */
export interface LiveFiles {
  /** Name of the list itself. */
  readonly manifest: string;
  /** Bytes of each table by its number. */
  readonly tables: ReadonlyMap<number, number>;
  /** Logs from this number on are in use, */
  readonly logNumber: number;
  /** and this one; 0: none. */
  readonly previousLogNumber: number;
}

/** Bytes of `CURRENT` are fewer. */
const CURRENT_BYTES_MAX = 64;

/** Tags of a change: `db/version_edit.cc`. */
const TAG = {
  comparator: 1,
  logNumber: 2,
  nextFileNumber: 3,
  lastSequence: 4,
  compactPointer: 5,
  deletedFile: 6,
  newFile: 7,
  previousLogNumber: 9,
} as const;

/**
 * Reads the list of tables. What is cut off at its end is left out, as LevelDB does it.
 *
 * @param folder The database's.
 * @throws FatalError `FATAL_STORE_CORRUPT` if it is damaged.
 */
export async function readLiveFiles(files: FileSystem, folder: string): Promise<LiveFiles> {
  const manifest = await readCurrent(files, folder);
  const list = new TableList();
  await using file = await openFor(files, join(folder, manifest), manifest);
  for await (const item of readRecordLog(file.file)) {
    if ("record" in item) list.apply(item.record, manifest);
    else if (!item.isTail) throw corrupt(`db/${manifest}: ${item.problem} at byte ${item.offset}`);
  }
  const { tables, logNumber, previousLogNumber } = list;
  return { manifest, tables, logNumber, previousLogNumber };
}

async function readCurrent(files: FileSystem, folder: string): Promise<string> {
  await using current = await openFor(files, join(folder, "CURRENT"), "CURRENT");
  const bytes = await current.file.read(CURRENT_BYTES_MAX, 0);
  const text = String.fromCharCode(...bytes);
  const [, manifest] = /^(MANIFEST-\d{6,})\n$/.exec(text) ?? [];
  if (manifest === undefined) throw corrupt("db/CURRENT names no list of tables");
  return manifest;
}

async function openFor(
  files: FileSystem,
  path: string,
  name: string,
): Promise<AsyncDisposable & { readonly file: Awaited<ReturnType<FileSystem["openFile"]>> }> {
  try {
    const file = await files.openFile(path, "read");
    return { file, [Symbol.asyncDispose]: () => file.close() };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
    throw corrupt(`db/${name} is missing`, cause);
  }
}

class TableList {
  readonly tables = new Map<number, number>();
  logNumber = 0;
  previousLogNumber = 0;

  /** One change: what it takes away goes before what it adds. */
  apply(record: Uint8Array, manifest: string): void {
    const added: (readonly [number: number, size: number])[] = [];
    const reader = new ByteReader(record);
    while (!reader.isAtEnd) {
      const tag = reader.varint();
      switch (tag) {
        case TAG.comparator:
          reader.fixed(reader.varint());
          break;
        case TAG.logNumber:
          this.logNumber = reader.varint();
          break;
        case TAG.previousLogNumber:
          this.previousLogNumber = reader.varint();
          break;
        case TAG.nextFileNumber:
        case TAG.lastSequence:
          reader.varint();
          break;
        case TAG.compactPointer:
          reader.varint();
          reader.fixed(reader.varint());
          break;
        case TAG.deletedFile:
          reader.varint();
          this.tables.delete(reader.varint());
          break;
        case TAG.newFile:
          reader.varint();
          added.push([reader.varint(), reader.varint()]);
          reader.fixed(reader.varint());
          reader.fixed(reader.varint());
          break;
        default:
          throw corrupt(`db/${manifest}: a change of the unknown kind ${tag}`);
      }
    }
    for (const [number, size] of added) this.tables.set(number, size);
  }
}
