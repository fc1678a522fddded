/**
 * Collects what a command says.
 * @module
 */
import type { CommandIo } from "../../src/cli/io.ts";
import type { Run } from "./submit-run.ts";

/** Runs a command and collects its lines. */
export async function runCommand(command: (io: CommandIo) => Promise<number>): Promise<Run> {
  const out: string[] = [];
  const err: string[] = [];
  const exitCode = await command({
    out: (line) => out.push(line),
    err: (line) => err.push(line),
  });
  return { exitCode, out: out.join("\n"), err: err.join("\n") };
}
