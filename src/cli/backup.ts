/**
 * `stratus backup`: copies shards, served or not, and verifies each copy before it counts. Exit
 * code 0 if all were copied and are whole, 1 if one is not.
 * @module
 */

import { resolve } from "node:path";
import { type Backup, backUpLedger, backUpShard, requireApart } from "../backup.ts";
import { CtError, MalformedError, messageOf } from "../base/errors.ts";
import { countOf } from "../base/plural.ts";
import type { Config } from "../config/config.ts";
import { fsck } from "./fsck.ts";
import { type CommandIo, EXIT } from "./io.ts";
import { formatCount, type ProgressOutput } from "./progress.ts";
import { formatTime } from "./sct-text.ts";

/** The command line of `stratus backup`. */
export interface BackupCommandOptions {
  /** Name of a shard, or `all`. */
  readonly shard: string;
  readonly folder: string;
  /** Copies of each shard that are kept. */
  readonly keep: number;
  readonly withKeys: boolean;
}

/** Runs the command. @returns The exit code. */
export async function backUp(
  config: Config,
  options: BackupCommandOptions,
  io: CommandIo,
  progress: ProgressOutput,
): Promise<number> {
  const shards = config.shards.filter(({ name }) => [name, "all"].includes(options.shard));
  if (shards.length === 0) {
    const names = config.shards.map(({ name }) => name).join(", ");
    const message = `there is no shard ${options.shard} (write 'all', or one of ${names})`;
    throw new MalformedError("MALFORMED_CONFIG", message);
  }
  // Before anything is written: the ledger of the roots would go there as well.
  requireApart(config, resolve(options.folder));
  let exitCode: number = EXIT.ok;
  for (const shard of shards) {
    const counts = { copied: 0, linked: 0, kept: 0 };
    let bytes = 0;
    try {
      const backup = await backUpShard(config, shard, {
        ...options,
        copied: (file) => {
          counts[file.how] += 1;
          if (file.how === "copied") bytes += file.bytes;
        },
        verify: async (folder, keyFile) => {
          io.out(
            `${shard.name}: ${countOf(counts.copied, "file", formatCount)} copied ` +
              `(${countOf(bytes, "byte", formatCount)}), ${formatCount(counts.linked)} linked to the ` +
              `backup before, ${formatCount(counts.kept)} there already; verifying the copy`,
          );
          const inner = { out: (line: string) => io.out(`  ${line}`), err: io.err };
          return (await fsck({ folder, keyFile, isCopy: true }, inner, progress)) === EXIT.ok;
        },
      });
      if (backup === undefined) exitCode = EXIT.failed;
      sayDone(shard.name, backup, io);
    } catch (error) {
      if (!(error instanceof CtError) && !(error instanceof Error && "code" in error)) throw error;
      const code = error instanceof CtError ? `${error.code}: ` : "";
      io.err(`${shard.name}: no backup was made: ${code}${messageOf(error)}`);
      exitCode = EXIT.failed;
    }
  }
  if (await backUpLedger(config, options.folder)) io.out("The ledger of the roots is copied too.");
  return exitCode;
}

function sayDone(shard: string, backup: Backup | undefined, io: CommandIo): void {
  if (backup === undefined) {
    io.err(
      `${shard}: NO BACKUP: the copy is not whole. Run 'stratus fsck' on the shard itself when ` +
        "it can be stopped; the backups of before are as they were",
    );
    return;
  }
  const { folder, note } = backup;
  const { treeSize, timestampMs } = note.head;
  io.out(
    `${shard}: backup of size ${formatCount(treeSize)} as published at ${formatTime(timestampMs)}, ` +
      `verified: ${folder} (${countOf(note.fileCount, "file", formatCount)}, ${countOf(note.bytes, "byte", formatCount)})`,
  );
}
