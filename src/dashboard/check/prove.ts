/**
 * One entry, from its bytes to the log's key: the head, the inclusion, and what proves a fault.
 * @module
 */
import type { TreeHead } from "../../rfc6962/tree-head.ts";
import { formatCount } from "../view/format.ts";
import { type Evidence, evidenceOf } from "./evidence.ts";
import { checkHead } from "./head.ts";
import { type CheckedEntry, checkEntry, entryEvidence } from "./inclusion.ts";
import { type OpenLog, openLog } from "./log.ts";
import type { Step, World } from "./world.ts";

/** What came of it. */
export interface ProvenEntry {
  readonly log: OpenLog;
  readonly head: TreeHead | undefined;
  /** Undefined without a head that is the log's, or where that head ends before the entry. */
  readonly entry: CheckedEntry | undefined;
  readonly steps: readonly Step[];
  readonly evidence: Evidence | undefined;
}

/** Proves an entry in the newest head. @throws AnswerError, MalformedError. */
export async function proveEntry(world: World, leafIndex: number): Promise<ProvenEntry> {
  const log = await openLog(world);
  return proveUnder(world, log, leafIndex, await world.api.get("checkpoint"));
}

/** Proves an entry in the head that was `shown`. @throws AnswerError, MalformedError. */
export async function proveUnder(
  world: World,
  log: OpenLog,
  leafIndex: number,
  shown: string,
): Promise<ProvenEntry> {
  const { head, steps, evidence } = await checkHead(world, log, shown);
  if (head === undefined) return { log, head, entry: undefined, steps, evidence };
  if (head.treeSize <= leafIndex) {
    const text = `The tree of ${formatCount(head.treeSize)} entries ends before entry ${formatCount(leafIndex)}.`;
    const step: Step = { name: "Inclusion", state: "wait", text };
    return { log, head, entry: undefined, steps: [...steps, step], evidence };
  }
  const entry = await checkEntry(world, head, leafIndex);
  const all = [...steps, ...entry.steps];
  if (evidence !== undefined || entry.isIncluded) return { log, head, entry, steps: all, evidence };
  const what = `The log does not prove entry ${leafIndex} in the tree that it signed.`;
  const found = evidenceOf(world, log, { what, shown, entry: entryEvidence(entry) });
  return { log, head, entry, steps: all, evidence: found };
}
