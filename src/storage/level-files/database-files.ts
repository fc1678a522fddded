/**
 * The files of a LevelDB as an audit looks at them: its tables, and at rest its logs too.
 * Nothing is written, and nothing but our own code reads: LevelDB ends the whole process when it
 * meets what a flipped bit made of a table (an assertion in a compaction).
 * @module
 */
import { join } from "node:path";
import { FatalError, messageOf, UnavailableError } from "../../base/errors.ts";
import { attempt } from "../level/folder.ts";
import { corrupt } from "../level/record.ts";
import type { FileSystem, OpenFile } from "../level/seam.ts";
import { type LiveFiles, readLiveFiles } from "./live-files.ts";
import { readRecordLog } from "./record-log.ts";
import { verifyTable } from "./table.ts";

/** A table that is in use. */
export interface TableName {
  readonly number: number;
  /** Bytes. */
  readonly size: number;
}

/** What is wrong with a file. */
export interface FileProblem {
  /** `db/000025.ldb`. */
  readonly where: string;
  readonly message: string;
}

/** Files in the folder of one database. */
export class DatabaseFiles {
  readonly #files: FileSystem;
  readonly #folder: string;

  /** @param folder The database's. */
  constructor(files: FileSystem, folder: string) {
    this.#files = files;
    this.#folder = folder;
  }

  /**
   * The tables that are in use now, the newest first.
   * @throws FatalError `FATAL_STORE_CORRUPT` if the list of them is damaged.
   * @throws UnavailableError `UNAVAILABLE_STORE` if it cannot be read now.
   */
  async tables(): Promise<readonly TableName[]> {
    const { tables } = await attempt("the list of tables cannot be read", () =>
      readLiveFiles(this.#files, this.#folder),
    );
    return [...tables]
      .map(([number, size]) => ({ number, size }))
      .toSorted((one, other) => other.number - one.number);
  }

  /**
   * Verifies a table, in steps; yields bytes since the last one. Returns undefined if it is
   * whole, or in use no more.
   * @throws UnavailableError `UNAVAILABLE_STORE` if it cannot be read now.
   */
  async *verify(table: TableName): AsyncGenerator<number, FileProblem | undefined, void> {
    let file: OpenFile | undefined;
    try {
      file = await this.#openTable(table.number);
      if (file === undefined) {
        const isInUse = (await this.tables()).some(({ number }) => number === table.number);
        return isInUse ? { where: nameOf(table), message: "it is missing" } : undefined;
      }
      yield* verifyTable(file, table.size);
      return undefined;
    } catch (error) {
      return { where: nameOf(table), message: damageOf(error, nameOf(table)) };
    } finally {
      await file?.close();
    }
  }

  /**
   * Whether LevelDB will read its logs and its list of tables to the last byte: what is damaged,
   * or cut off, it leaves out without a word.
   * @throws UnavailableError `UNAVAILABLE_STORE` if one cannot be read now.
   */
  async areLogsWhole(): Promise<boolean> {
    for await (const _problem of this.verifyLogs(true)) return false;
    return true;
  }

  /**
   * Verifies the logs and the list of tables of a database that is at rest.
   *
   * @param wasStopped Whether it was closed in order. After a crash the end of a log may be torn.
   */
  async *verifyLogs(wasStopped: boolean): AsyncGenerator<FileProblem, void, void> {
    let live: LiveFiles;
    try {
      live = await readLiveFiles(this.#files, this.#folder);
    } catch (error) {
      yield { where: "db", message: damageOf(error, "db") };
      return;
    }
    const names = (await this.#files.listFolder(this.#folder)) ?? [];
    const logs = names.filter((name) => {
      const number = Number(/^(\d+)\.log$/.exec(name)?.[1]);
      return number >= live.logNumber || number === live.previousLogNumber;
    });
    const first = fileName(live.logNumber, "log");
    if (live.logNumber > 0 && !logs.includes(first))
      yield { where: `db/${first}`, message: "it is missing" };
    for (const name of [live.manifest, ...logs.toSorted()]) {
      const where = `db/${name}`;
      const file = await attempt(`${where} cannot be read`, () =>
        this.#files.openFile(join(this.#folder, name), "read"),
      );
      try {
        for await (const item of readRecordLog(file)) {
          if ("record" in item || (item.isTail && !wasStopped)) continue;
          yield { where, message: `byte ${item.offset}: ${item.problem}` };
        }
      } catch (error) {
        yield { where, message: damageOf(error, where) };
      } finally {
        await file.close();
      }
    }
  }

  async #openTable(number: number): Promise<OpenFile | undefined> {
    // The second is what old versions of LevelDB wrote.
    for (const extension of ["ldb", "sst"]) {
      try {
        return await this.#files.openFile(join(this.#folder, fileName(number, extension)), "read");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      }
    }
    return undefined;
  }
}

function nameOf({ number }: TableName): string {
  return `db/${fileName(number, "ldb")}`;
}

function fileName(number: number, extension: string): string {
  return `${String(number).padStart(6, "0")}.${extension}`;
}

/** What is wrong with a file. @throws UnavailableError where it is only not to be had now. */
function damageOf(error: unknown, where: string): string {
  if (error instanceof FatalError) return error.message;
  if (error instanceof UnavailableError) throw error;
  const message = `${where} cannot be read: ${messageOf(error)}`;
  throw new UnavailableError("UNAVAILABLE_STORE", message, { cause: error });
}

/**
 * Requires tables to be whole before LevelDB opens them.
 *
 * @param bytesMax Bytes of tables that are looked at, the newest first.
 * @throws FatalError `FATAL_STORE_CORRUPT` that names the first file that is damaged.
 * @throws UnavailableError `UNAVAILABLE_STORE` if one cannot be read now.
 */
export async function requireTables(database: DatabaseFiles, bytesMax: number): Promise<void> {
  let left = bytesMax;
  for (const table of await database.tables()) {
    left -= table.size;
    if (left < 0) return;
    const problem = await lastOf(database.verify(table));
    if (problem === undefined) continue;
    const advice = "bring the file back from a backup of this very shard";
    throw corrupt(`${problem.where}: ${problem.message}; ${advice}`);
  }
}

/** What a generator returns, after all its steps. */
async function lastOf<T>(steps: AsyncGenerator<unknown, T, void>): Promise<T> {
  for (;;) {
    const step = await steps.next();
    if (step.done === true) return step.value;
  }
}
