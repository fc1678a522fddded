/**
 * The program: runs one command and sets the exit code.
 * @module
 */
import { createProgram } from "./cli/program.ts";

process.exitCode = await createProgram().run(process.argv.slice(2));
