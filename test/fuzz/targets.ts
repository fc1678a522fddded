/**
 * Every fuzz target of the repository: what the `*.fuzz.ts` files export.
 * @module
 */
import { ROOT, sourceFiles } from "../support/source.ts";
import type { FuzzTarget } from "./fuzz.ts";

/** Loads them all, in the order of their files. */
export async function loadTargets(): Promise<readonly FuzzTarget[]> {
  const targets: FuzzTarget[] = [];
  for (const file of sourceFiles("test/fuzz/*.fuzz.ts")) {
    const module: { readonly TARGETS: readonly FuzzTarget[] } = await import(`${ROOT}${file}`);
    targets.push(...module.TARGETS);
  }
  return targets;
}
