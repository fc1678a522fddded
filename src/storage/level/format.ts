/**
 * Which format a store has: {@link FORMAT}. It is raised in the very batch that makes the first
 * segment sealed, never by merely opening a store, so that the program of before can be gone
 * back to as long as it can read what is there.
 * @module
 */
import { attempt } from "./folder.ts";
import {
  encodeIdentity,
  FORMAT,
  IDENTITY_KEY,
  type IdentityRecord,
  PREFIX,
  RecordBatch,
  readIdentity,
} from "./record.ts";
import type { Database } from "./seam.ts";

/** Puts the format of sealed segments, unless the store has it. @throws as `readIdentity`. */
export function putSealedFormat(batch: RecordBatch, database: Database): void {
  const record = readIdentity(database);
  if (record.format === FORMAT.sealed) return;
  batch.put(IDENTITY_KEY, encodeIdentity({ ...record, format: FORMAT.sealed }));
}

/**
 * The identity record of a store that is opened for writing. One that has sealed segments and
 * does not say so gets the format of those: for a time programs sealed without raising it.
 * @throws as `readIdentity`. @throws UnavailableError `UNAVAILABLE_STORE` if it cannot be written.
 */
export async function readRaisedIdentity(database: Database): Promise<IdentityRecord> {
  const record = readIdentity(database);
  if (record.format === FORMAT.sealed) return record;
  return attempt("the store's format cannot be written", async () => {
    const [start, end] = [Uint8Array.of(PREFIX.sealed), Uint8Array.of(PREFIX.sealed + 1)];
    for await (const _ of database.scan(start, end)) {
      const batch = new RecordBatch();
      putSealedFormat(batch, database);
      await database.write(batch.writes, { sync: true });
      return readIdentity(database);
    }
    return record;
  });
}
