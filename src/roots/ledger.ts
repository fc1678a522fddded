/**
 * The ledger: `ledger.jsonl`, a file to which every change of the accepted roots is appended and
 * flushed before it counts. It is the memory of what is accepted as well: a restart reads it.
 * @module
 */
import { type FileHandle, mkdir, open, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { MalformedError, messageOf } from "../base/errors.ts";
import { decodeUtf8, encodeUtf8 } from "../encoding/utf8.ts";
import type { Sha256 } from "../x509/known.ts";
import { formatLedgerLine, parseLedgerLine } from "./ledger-line.ts";
import type { RootsChange } from "./state.ts";

const NEWLINE = 10;

/** What a ledger's file holds. */
export interface LedgerContent {
  readonly changes: readonly RootsChange[];
  /** Of its whole lines; what follows is a line that a crash cut off. */
  readonly bytes: number;
}

/** `<folder>/ledger.jsonl`. */
export function ledgerPath(folder: string): string {
  return join(folder, "ledger.jsonl");
}

/**
 * Reads the ledger in a folder; without the file there is no change yet.
 * @throws MalformedError `MALFORMED_JSON` for a line that cannot be read: it may hold a root.
 */
export async function readLedger(folder: string, sha256: Sha256): Promise<LedgerContent> {
  const path = ledgerPath(folder);
  let content: Uint8Array;
  try {
    content = new Uint8Array(await readFile(path));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return { changes: [], bytes: 0 };
    throw new MalformedError("MALFORMED_JSON", `${path}: ${messageOf(cause)}`, { cause });
  }
  const bytes = content.lastIndexOf(NEWLINE) + 1;
  const lines = bytes === 0 ? [] : textOf(path, content.subarray(0, bytes - 1)).split("\n");
  const changes = lines.map((line, index) => {
    try {
      return parseLedgerLine(line, sha256);
    } catch (cause) {
      const message =
        `${path}, line ${index + 1}: ${messageOf(cause)} (restore the file from a backup; or ` +
        "move it away, and roots that their sources no longer have are not accepted any more)";
      throw new MalformedError("MALFORMED_JSON", message, { cause });
    }
  });
  return { changes, bytes };
}

function textOf(path: string, content: Uint8Array): string {
  try {
    return decodeUtf8(content);
  } catch (cause) {
    const message = `${path}: not UTF-8 (restore the file from a backup)`;
    throw new MalformedError("MALFORMED_JSON", message, { cause });
  }
}

/** The file, held open by the one process that writes it. */
export class LedgerFile implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #lock: AsyncDisposable;
  /** Of whole lines that are flushed. */
  #bytes: number;
  /** Why nothing more can be written. */
  #failure: string | undefined;

  private constructor(file: FileHandle, lock: AsyncDisposable, bytes: number) {
    this.#file = file;
    this.#lock = lock;
    this.#bytes = bytes;
  }

  /**
   * Opens the file for writing behind its `bytes`, and makes it where there is none.
   * @param lockFolder Holds the folder against a second process.
   * @throws FatalError `FATAL_LOCKED`; any error of the file system.
   */
  static async open(
    folder: string,
    bytes: number,
    lockFolder: (path: string) => Promise<AsyncDisposable>,
  ): Promise<LedgerFile> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const lock = await lockFolder(folder);
    try {
      const path = ledgerPath(folder);
      const file = await open(path, "r+").catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "ENOENT") throw error;
        return open(path, "wx+", 0o600);
      });
      try {
        await syncFolder(folder);
        await syncFolder(dirname(folder));
        const { size } = await file.stat();
        if (size < bytes) throw new Error(`${path} became shorter`);
        return new LedgerFile(file, lock, bytes);
      } catch (error) {
        await file.close();
        throw error;
      }
    } catch (error) {
      await lock[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Appends changes; they are durable when it resolves. A line that failed half-way is cut off
   * by the next one.
   * @throws any error of the file system; after a failed flush nothing is written any more.
   */
  async append(changes: readonly RootsChange[]): Promise<void> {
    if (this.#failure !== undefined) throw new Error(this.#failure);
    const lines = encodeUtf8(changes.map(formatLedgerLine).join(""));
    await this.#file.truncate(this.#bytes);
    let written = 0;
    while (written < lines.length) {
      const rest = lines.subarray(written);
      const { bytesWritten } = await this.#file.write(rest, 0, rest.length, this.#bytes + written);
      written += bytesWritten;
    }
    try {
      await this.#file.datasync();
    } catch (cause) {
      this.#failure = `a flush failed before (${messageOf(cause)}): restart when the disk is well`;
      throw cause;
    }
    this.#bytes += lines.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
    await this.#lock[Symbol.asyncDispose]();
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
