/**
 * One entry, from its bytes to the log's key: the head, the inclusion, and what proves a fault.
 * @module
 */
import type { TreeHead } from "../../rfc6962/tree-head.ts";
import { type Evidence, evidenceOf } from "./evidence.ts";
import { checkHead } from "./head.ts";
import { type CheckedEntry, checkEntry, entryEvidence } from "./inclusion.ts";
import { type OpenLog, openLog } from "./log.ts";
import type { Step, World } from "./world.ts";

/** What came of it. */
export interface ProvenEntry {
  readonly log: OpenLog;
  readonly head: TreeHead | undefined;
  /** Undefined without a head that is the log's. */
  readonly entry: CheckedEntry | undefined;
  readonly steps: readonly Step[];
  readonly evidence: Evidence | undefined;
}

/** Proves an entry in the newest head. @throws AnswerError, MalformedError. */
export async function proveEntry(world: World, leafIndex: number): Promise<ProvenEntry> {
  const log = await openLog(world);
  const shown = await world.api.get("checkpoint");
  const { head, steps, evidence } = await checkHead(world, log, shown);
  if (head === undefined) return { log, head, entry: undefined, steps, evidence };
  const entry = await checkEntry(world, head, leafIndex);
  const all = [...steps, ...entry.steps];
  if (evidence !== undefined || entry.isIncluded) return { log, head, entry, steps: all, evidence };
  const what = `The log does not prove entry ${leafIndex} in the tree that it signed.`;
  const found = evidenceOf(world, log, { what, shown, entry: entryEvidence(entry) });
  return { log, head, entry, steps: all, evidence: found };
}
