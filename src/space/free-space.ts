/**
 * Free space of the file systems that a shard writes to, looked at again and again: a shard
 * stops taking submissions while there is still room for what it took before.
 * @module
 */
import { statfs } from "node:fs/promises";
import { messageOf } from "../base/errors.ts";
import type { Clock } from "../clock/clock.ts";

/** Time between two looks; milliseconds. At 100 MB/s a shard writes 200 MB meanwhile. */
export const SPACE_LOOK_MS = 2_000;

/** Where room begins to be short: below either. */
export interface SpaceLimits {
  /** Free bytes; 0 turns it off. */
  readonly bytesMin: number;
  /** Free share of the file system in percent; 0 turns it off. */
  readonly percentMin: number;
}

/** What a file system says of itself; bytes. */
export interface Space {
  /** What this user may still write. */
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** What a watch is made with. */
export interface SpaceWatchOptions {
  /** Absolute paths, one for each file system that is written to. */
  readonly folders: readonly string[];
  readonly limits: SpaceLimits;
  readonly clock: Clock;
  readonly readSpace: (folder: string) => Promise<Space>;
  /** Told when room becomes short and, with an empty text, when it is back. */
  readonly report: (shortage: string) => void;
  /** Told what each look found. */
  readonly observe: (folder: string, space: Space) => void;
}

/** Looks until it is disposed of. */
export class SpaceWatch implements Disposable {
  readonly #options: SpaceWatchOptions;
  /** Written by each look. */
  #shortage = "";
  #cancel: () => void = () => {};
  #isDisposed = false;

  /** Begins with a look: the result knows. */
  static async start(options: SpaceWatchOptions): Promise<SpaceWatch> {
    const watch = new SpaceWatch(options);
    await watch.#look();
    return watch;
  }

  private constructor(options: SpaceWatchOptions) {
    this.#options = options;
  }

  /** Why nothing new should be written, and what to do; undefined while there is room. */
  get shortage(): string | undefined {
    return this.#shortage === "" ? undefined : this.#shortage;
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#cancel();
  }

  async #look(): Promise<void> {
    const { folders, limits, clock, readSpace, report, observe } = this.#options;
    let shortage = "";
    for (const folder of folders) {
      const found = await readSpace(folder).then(
        (space) => {
          observe(folder, space);
          return describeShortage(folder, space, limits);
        },
        (error: unknown) => `the free space of ${folder} is not known: ${messageOf(error)}`,
      );
      shortage ||= found ?? "";
    }
    if (this.#isDisposed) return;
    const isChanged = (this.#shortage === "") !== (shortage === "");
    this.#shortage = shortage;
    if (isChanged) report(shortage);
    this.#cancel = clock.after(SPACE_LOOK_MS, () => void this.#look());
  }
}

/** What is short in `folder`; undefined if nothing is. */
export function describeShortage(
  folder: string,
  space: Space,
  limits: SpaceLimits,
): string | undefined {
  const { freeBytes, totalBytes } = space;
  const percent = totalBytes === 0 ? 100 : (100 * freeBytes) / totalBytes;
  if (freeBytes >= limits.bytesMin && percent >= limits.percentMin) return undefined;
  return (
    `${folder} has ${mebibytes(freeBytes)} MiB free, ${percent.toFixed(1)} % of its file system; ` +
    `needed are ${mebibytes(limits.bytesMin)} MiB and ${limits.percentMin} %: ` +
    "make room; submissions are taken again by themselves then"
  );
}

/** Asks the system: statfs. */
export async function readSpace(folder: string): Promise<Space> {
  const { bavail, blocks, bsize } = await statfs(folder);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}

function mebibytes(bytes: number): string {
  return (bytes / 1_048_576).toFixed(bytes < 104_857_600 ? 1 : 0);
}
