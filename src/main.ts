/**
 * The program: runs one command and sets the exit code.
 * @module
 */
import { createProgram } from "./cli/program.ts";

// Whatever this process makes, LevelDB's files too, is its owner's alone.
process.umask(0o077);

// A reader that went away (`| head`) is no reason for a log to die.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

process.exitCode = await createProgram().run(process.argv.slice(2));
