/**
 * What a shard's folder says of its own past: `restored.json`, there from the moment that a
 * backup took the place of the data until nothing is missing any more. It keeps a shard from
 * signing that may have signed what is not there. JSON, format 1.
 * @module
 */
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { MalformedError, messageOf } from "../base/errors.ts";
import { parseJsonObject } from "../encoding/json.ts";

/** Name of the file in the shard's folder. */
export const RESTORED_NOTE = "restored.json";

/** See the module. */
export interface RestoredNote {
  /** When; milliseconds since the Unix epoch. */
  readonly timeMs: number;
  /** Folder of the backup. */
  readonly backup: string;
  /** Entries that the backup held. */
  readonly treeSize: number;
  /** Why the shard signs nothing, ever; undefined while its guard alone may say so. */
  readonly readOnly: string | undefined;
}

/**
 * Reads the note in a shard's folder; undefined if there is none.
 * @throws MalformedError `MALFORMED_JSON` if it cannot be read: then nothing may be signed.
 */
export async function readRestoredNote(folder: string): Promise<RestoredNote | undefined> {
  const path = join(folder, RESTORED_NOTE);
  try {
    const json = parseJsonObject(await readFile(path, "utf8"));
    if (json.uint("format") !== 1) throw new Error("a newer program wrote it");
    const timeMs = Date.parse(json.text("time"));
    if (Number.isNaN(timeMs)) throw new Error("expected a time");
    return {
      timeMs,
      backup: json.text("backup"),
      treeSize: json.uint("treeSize"),
      readOnly: json.has("readOnly") ? json.text("readOnly") : undefined,
    };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new MalformedError("MALFORMED_JSON", `${path}: ${messageOf(cause)}`, { cause });
  }
}

/** Writes the note, whole or not at all; its name must be flushed by the caller. */
export async function writeRestoredNote(folder: string, note: RestoredNote): Promise<void> {
  const { timeMs, ...rest } = note;
  const json = { format: 1, time: new Date(timeMs).toISOString(), ...rest };
  const path = join(folder, RESTORED_NOTE);
  const text = `${JSON.stringify(json, undefined, 2)}\n`;
  await writeFile(`${path}.part`, text, { mode: 0o600, flush: true });
  await rename(`${path}.part`, path);
}

/** Removes the note: nothing is missing any more. */
export async function removeRestoredNote(folder: string): Promise<void> {
  await rm(join(folder, RESTORED_NOTE), { force: true });
}
