/**
 * `stratus restore`: puts a backup in the place of lost data, brings back what it lacks, and
 * says whether the shard may sign. Exit code 0 if it may, 1 if it is read-only or something
 * failed: the same command goes on where it ended.
 * @module
 */

import { CtError, MalformedError, messageOf, UnavailableError } from "../base/errors.ts";
import { countOf } from "../base/plural.ts";
import { cleanText, SourceError } from "../client/transport.ts";
import type { Config, ShardConfig } from "../config/config.ts";
import { renewGuard } from "../renew-guard.ts";
import { type Completed, completeStore, placeBackup } from "../restore.ts";
import { fsck } from "./fsck.ts";
import { type CommandIo, EXIT } from "./io.ts";
import { formatCount, Progress, type ProgressOutput } from "./progress.ts";
import { formatTime } from "./sct-text.ts";

/** The command line of `stratus restore`. */
export interface RestoreCommandOptions {
  readonly shard: string;
  /** A backup, or a folder of backups; undefined: the data that are there. */
  readonly from?: string | undefined;
  /** URL or folder that has what is missing. */
  readonly refill?: string | undefined;
  /** File or URL of a head, where the guard is lost. */
  readonly checkpoint?: string | undefined;
  readonly timeoutMs: number;
}

interface Run {
  readonly config: Config;
  readonly shard: ShardConfig;
  readonly options: RestoreCommandOptions;
  readonly io: CommandIo;
  readonly progress: ProgressOutput;
}

/** Runs the command. @returns The exit code. */
export async function restore(
  config: Config,
  options: RestoreCommandOptions,
  io: CommandIo,
  progress: ProgressOutput,
): Promise<number> {
  const shard = config.shards.find(({ name }) => name === options.shard);
  if (shard === undefined) {
    const names = config.shards.map(({ name }) => name).join(", ");
    const message = `there is no shard ${options.shard} (write one of ${names})`;
    throw new MalformedError("MALFORMED_CONFIG", message);
  }
  if (options.checkpoint !== undefined && (options.from ?? options.refill) !== undefined) {
    io.err("stratus restore: --checkpoint is for data that were never lost: give it alone");
    return EXIT.usage;
  }
  const run = { config, shard, options, io, progress };
  try {
    if (options.checkpoint !== undefined) return await renew(run, options.checkpoint);
    if (options.from !== undefined && !(await place(run, options.from))) return EXIT.failed;
    return await complete(run);
  } catch (error) {
    if (!(error instanceof CtError || error instanceof SourceError)) throw error;
    const code = error instanceof CtError ? `${error.code}: ` : "";
    io.err(`${shard.name}: ${code}${cleanText(messageOf(error), 2_000)}`);
    const isLater = error instanceof UnavailableError || error instanceof SourceError;
    const more = isLater ? "; the same command goes on where this one ended" : "";
    io.err(`${shard.name}: nothing was signed${more}`);
    return EXIT.failed;
  }
}

/** @returns Whether the backup is in its place. */
async function place({ config, shard, io, progress }: Run, from: string): Promise<boolean> {
  let count = 0;
  let bytes = 0;
  const note = await placeBackup(config, shard, {
    from,
    copied: (file) => {
      count += 1;
      bytes += file.bytes;
    },
    verify: (folder, keyFile) => {
      io.out(
        `${shard.name}: ${countOf(count, "file", formatCount)}, ${countOf(bytes, "byte", formatCount)}; verifying`,
      );
      return check(folder, keyFile, io, progress);
    },
  });
  if (note === undefined) {
    io.err(`${shard.name}: NOT RESTORED: the copy is not whole; take another backup`);
    return false;
  }
  io.out(`${shard.name}: restored size ${formatCount(note.treeSize)} from ${note.backup}`);
  return true;
}

async function check(
  folder: string,
  keyFile: string,
  io: CommandIo,
  progress: ProgressOutput,
): Promise<boolean> {
  const inner = { out: (line: string) => io.out(`  ${line}`), err: io.err };
  return (await fsck({ folder, keyFile, isCopy: true }, inner, progress)) === EXIT.ok;
}

async function complete({ config, shard, options, io, progress }: Run): Promise<number> {
  const { refill, timeoutMs } = options;
  let bar: Progress | undefined;
  let first: number | undefined;
  const done = await completeStore(config, shard, {
    refill,
    timeoutMs,
    progress: (treeSize, target) => {
      first ??= treeSize;
      bar ??= new Progress(progress, "entries", target, first);
      bar.update(treeSize);
    },
  });
  bar?.end();
  const { source, committed } = done;
  if (source !== undefined) {
    const { treeSize } = source.head;
    io.out(`${shard.name}: ${source.name} shows a signed head of size ${formatCount(treeSize)}`);
  }
  if (done.readOnly === undefined) {
    io.out(
      `${shard.name}: COMPLETE: size ${formatCount(committed.treeSize)} of ` +
        `${formatTime(committed.timestampMs)} is the last head that the guard has signed. ` +
        "Start the log: it goes on from there",
    );
    return EXIT.ok;
  }
  sayReadOnly(shard.name, done, refill !== undefined, io);
  return EXIT.failed;
}

function sayReadOnly(shard: string, done: Completed, wasRefilled: boolean, io: CommandIo): void {
  const { committed, canBeRefilled, readOnly } = done;
  io.out(`${shard}: READ-ONLY: ${readOnly}`);
  io.out(
    `  It holds ${countOf(committed.treeSize, "entry", formatCount)}, which the log serves once started.`,
  );
  if (canBeRefilled) {
    io.out(wasRefilled ? "  The source does not have the rest. Then:" : "  What can be done:");
    io.out(
      `  stratus restore ${shard} --refill URL|FOLDER   brings the rest from a mirror, a CDN,`,
    );
    io.out("  another backup or an archive; each entry is proven against what the guard signed.");
    io.out("  If nobody has them: keep it read-only, tell the log programs, and retire the shard.");
    return;
  }
  io.out("  It signs nothing any more, and no new guard is made for it. What can be done:");
  io.out(
    "  bring the newest guard back, if there is one, and run 'stratus restore' again. Else tell",
  );
  io.out("  the log programs and retire the shard. docs/SAFETY.md, 'Without the guard', says why.");
}

async function renew(run: Run, checkpoint: string): Promise<number> {
  const { config, shard, options, io, progress } = run;
  const head = await renewGuard(config, shard, {
    checkpoint,
    timeoutMs: options.timeoutMs,
    verify: (folder, keyFile) => check(folder, keyFile, io, progress),
  });
  if (head === undefined) {
    io.err(`${shard.name}: no guard was made: the data are damaged`);
    return EXIT.failed;
  }
  io.out(
    `${shard.name}: a new guard begins with size ${formatCount(head.treeSize)} of ` +
      `${formatTime(head.timestampMs)}. This holds as long as these data were never rolled back: ` +
      "no entry is taken back, and every later head contains them all. If they may have been, do " +
      "not start the log",
  );
  return EXIT.ok;
}
