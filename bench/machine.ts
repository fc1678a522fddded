/**
 * What a figure was measured on.
 * @module
 */
import { execFileSync } from "node:child_process";
import { cpus } from "node:os";
import { formatPrimitives, measurePrimitives } from "./primitives.ts";

/** Machine, Node version and commit in one line; in the next its primitives, measured now. */
export function describeMachine(): string {
  const [cpu] = cpus();
  let commit = "unknown commit";
  try {
    commit = execFileSync("git", ["describe", "--always", "--dirty"], { encoding: "utf8" }).trim();
  } catch {
    // Not a checkout.
  }
  const machine = `${cpus().length} x ${cpu?.model.trim() ?? "unknown"}, Node ${process.version}`;
  return `${machine}, ${commit}\n${formatPrimitives(measurePrimitives())}`;
}
