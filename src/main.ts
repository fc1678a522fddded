/**
 * The program: runs one command and sets the exit code.
 * @module
 */
import { createProgram } from "./cli/program.ts";

// A reader that went away (`| head`) is no reason for a log to die.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

process.exitCode = await createProgram().run(process.argv.slice(2));
