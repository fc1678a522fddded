/**
 * How a command speaks: lines for people on `out`, trouble on `err`. Tests pass their own.
 * @module
 */

/** Where a command writes. */
export interface CommandIo {
  /** One line for standard output, without newline. */
  readonly out: (line: string) => void;
  /** One line for standard error, without newline. */
  readonly err: (line: string) => void;
}

/** What a command's promise resolves to. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

/** The terminal. */
export const TERMINAL: CommandIo = {
  out: (line) => process.stdout.write(`${line}\n`),
  err: (line) => process.stderr.write(`${line}\n`),
};
