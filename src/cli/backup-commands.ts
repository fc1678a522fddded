/**
 * The commands of backup and restore, for the command line.
 * @module
 */
import { type Command, InvalidArgumentError } from "commander";
import type { Config } from "../config/config.ts";
import type { OverrideFlags } from "../config/override.ts";
import { backUp } from "./backup.ts";
import { TERMINAL } from "./io.ts";
import { TERMINAL_PROGRESS } from "./progress.ts";
import { restore } from "./restore.ts";

/** What the commands take from the program. */
export interface BackupCommandParts {
  readonly exit: (code: number) => void;
  readonly load: (flags: OverrideFlags) => Promise<Config>;
  readonly parseTimeout: (text: string) => number;
}

interface BackupFlags extends OverrideFlags {
  readonly keep: number;
  readonly withKeys?: boolean;
}

interface RestoreFlags extends OverrideFlags {
  readonly from?: string;
  readonly refill?: string;
  readonly checkpoint?: string;
  readonly timeout: number;
}

/** Adds `backup` and `restore`. */
export function addBackupCommands(root: Command, parts: BackupCommandParts): void {
  const { exit, load, parseTimeout } = parts;
  root
    .command("backup")
    .description("copy a shard, served or not, and verify the copy; 0 done, 1 not")
    .argument("<shard>", "its name, or all")
    .argument("<folder>", "where backups go: <folder>/<shard>/<time>-<size>")
    .option("--config <file>", "the configuration (or STRATUS_CONFIG)")
    .option("--data <folder>", "instead of the file's 'data' (or STRATUS_DATA)")
    .option("--keep <n>", "backups of each shard that are kept", parseKeep, 2)
    .option("--with-keys", "copy the private key as well: whoever has it speaks for the log")
    .action(async (shard: string, folder: string, flags: BackupFlags) => {
      const { keep, withKeys = false } = flags;
      const options = { shard, folder, keep, withKeys };
      exit(await backUp(await load(flags), options, TERMINAL, TERMINAL_PROGRESS));
    });
  root
    .command("restore")
    .description("put a backup in the place of lost data, and bring back what it lacks")
    .argument("<shard>", "its name; it must not be served")
    .option("--from <folder>", "a backup, or the folder of backups; absent: the data are there")
    .option("--refill <source>", "URL of a log or mirror, or folder of one, a shard or a backup")
    .option(
      "--checkpoint <source>",
      "file or URL of a head, where data are whole and the guard is lost",
    )
    .option("--config <file>", "the configuration (or STRATUS_CONFIG)")
    .option("--data <folder>", "instead of the file's 'data' (or STRATUS_DATA)")
    .option("--timeout <ms>", "deadline of each exchange in milliseconds", parseTimeout, 30_000)
    .action(async (shard: string, flags: RestoreFlags) => {
      const { from, refill, checkpoint, timeout: timeoutMs } = flags;
      const options = { shard, from, refill, checkpoint, timeoutMs };
      exit(await restore(await load(flags), options, TERMINAL, TERMINAL_PROGRESS));
    });
}

function parseKeep(text: string): number {
  if (!/^[1-9][0-9]{0,3}$/.test(text)) throw new InvalidArgumentError("expected 1 to 9999");
  return Number(text);
}
