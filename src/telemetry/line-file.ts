/**
 * Lines to a file or to standard output, gathered and written in the background. The file may be
 * renamed at any time: within a second of the next line another one is begun under its name, so
 * rotation needs no signal and works in every thread.
 * @module
 */
import { randomBytes } from "node:crypto";
import { closeSync, fstat, openSync, write as writeFile, writeSync } from "node:fs";
import { stat } from "node:fs/promises";
import { promisify } from "node:util";

/** Lines are gathered for so long; milliseconds. */
const GATHER_MS = 200;

/** How often it is looked whether the file is still the one of its name; milliseconds. */
const LOOK_MS = 1_000;

/** Characters that wait to be written at most; what comes then is dropped and counted. */
export const WAITING_LENGTH_MAX = 1_048_576;

const STANDARD_OUTPUT = 1;

const write = promisify(writeFile);
const statOf = promisify(fstat);

/** See the module. Several threads may append to one file: whole lines are written at once. */
export class LineFile {
  /** Random, for ids that no other thread or process gives. */
  readonly name: string = randomBytes(5).toString("hex");
  /** Undefined: standard output. */
  readonly #path: string | undefined;
  #file: number;
  #lines: string[] = [];
  #length = 0;
  #dropped = 0;
  readonly #monotonicMs: () => number;
  #lookedMs: number;
  #isGathering = false;
  #writing: Promise<void> = Promise.resolve();

  /**
   * Opens the file for appending; it is made if it is missing, for its owner alone.
   * @param place `stdout`, or a path.
   * @param monotonicMs Steady time.
   * @throws Error of the system.
   */
  constructor(place: string, monotonicMs: () => number = () => performance.now()) {
    this.#monotonicMs = monotonicMs;
    this.#lookedMs = monotonicMs();
    this.#path = place === "stdout" ? undefined : place;
    this.#file = this.#path === undefined ? STANDARD_OUTPUT : openSync(this.#path, "a", 0o600);
  }

  /** Takes one line without its end. */
  write(line: string): void {
    if (this.#length + line.length > WAITING_LENGTH_MAX) {
      this.#dropped += 1;
      return;
    }
    this.#lines.push(line);
    this.#length += line.length + 1;
    if (this.#isGathering) return;
    this.#isGathering = true;
    setTimeout(() => void this.flush(), GATHER_MS).unref();
  }

  /** Has the next line look for a renamed file, however soon it comes. */
  lookSoon(): void {
    this.#lookedMs = Number.NEGATIVE_INFINITY;
  }

  /** Writes what there is, after what is being written. Never rejects. */
  flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#flush());
    return this.#writing;
  }

  /** Writes what there is and closes the file; nothing is taken after that. */
  async close(): Promise<void> {
    await this.#writing;
    if (this.#lines.length > 0) writeSync(this.#file, this.#take());
    if (this.#path !== undefined) closeSync(this.#file);
  }

  async #flush(): Promise<void> {
    this.#isGathering = false;
    if (this.#lines.length === 0) return;
    try {
      if (this.#monotonicMs() - this.#lookedMs >= LOOK_MS) await this.#look();
      const bytes = this.#take();
      for (let at = 0; at < bytes.length; ) {
        at += (await write(this.#file, bytes, at, bytes.length - at)).bytesWritten;
      }
    } catch {
      // A full disk or a reader that went away must not touch the log; the next lines try again.
      this.#dropped += 1;
    }
  }

  #take(): Buffer {
    if (this.#dropped > 0) this.#lines.push(JSON.stringify({ dropped: this.#dropped }));
    const bytes = Buffer.from(`${this.#lines.join("\n")}\n`, "utf8");
    this.#lines = [];
    this.#length = 0;
    this.#dropped = 0;
    return bytes;
  }

  /** Opens the file again if its name is another's, or nobody's. */
  async #look(): Promise<void> {
    this.#lookedMs = this.#monotonicMs();
    const path = this.#path;
    if (path === undefined) return;
    const own = await statOf(this.#file);
    const named = await stat(path).catch(() => undefined);
    if (named?.ino === own.ino && named.dev === own.dev) return;
    const file = openSync(path, "a", 0o600);
    closeSync(this.#file);
    this.#file = file;
  }
}
