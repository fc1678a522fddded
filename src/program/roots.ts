/**
 * Conditions on the accepted roots.
 * @module
 */

import { MERGE_DELAY_MONITOR_ROOT } from "../roots/monitor-root.ts";
import {
  type Condition,
  forOperator,
  type Judgement,
  listed,
  objectionsTo,
  SOURCE,
  unless,
} from "./condition.ts";
import type { Facts, ReferenceRoots } from "./facts.ts";

/** Roots of `reference` that a log does not accept, by name, else by fingerprint. */
function missingObjections(facts: Facts, { source, roots }: ReferenceRoots): readonly string[] {
  return objectionsTo(facts.logs, (log) => {
    const missing = [...roots].filter(([fingerprint]) => !log.roots.has(fingerprint));
    if (missing.length === 0) return undefined;
    const names = missing.map(([fingerprint, name]) => name || fingerprint);
    return `does not accept ${missing.length} of the ${roots.size} roots of ${source}: ${listed(names)}`;
  });
}

function judgeReferences(facts: Facts): Judgement {
  if (facts.references.length === 0) {
    return forOperator(
      "give the programs' root stores with --reference FILE: a CCADB report as CSV, or PEM",
    );
  }
  const objections = facts.references.flatMap((reference) => missingObjections(facts, reference));
  const sources = facts.references.map(({ source }) => source);
  return unless(objections, `every root of ${listed(sources)} is accepted`);
}

/** The conditions. */
export const ROOT_CONDITIONS: readonly Condition[] = [
  {
    id: "roots-monitor",
    program: "Chrome",
    rule: "The accepted roots include Google's Merge Delay Monitor Root.",
    source: `${SOURCE.chrome}, Existing CT Log Operators`,
    isChecked: true,
    judge: (facts) =>
      unless(
        objectionsTo(facts.logs, ({ roots }) =>
          roots.has(MERGE_DELAY_MONITOR_ROOT)
            ? undefined
            : `the root with SHA-256 ${MERGE_DELAY_MONITOR_ROOT} is not accepted (add its PEM file to roots)`,
        ),
        "it is accepted by every shard",
      ),
  },
  {
    id: "roots-mozilla",
    program: "Chrome",
    rule: "Every root that Mozilla trusts for websites is accepted: part of every program's set.",
    source: `${SOURCE.chrome}, Accepted Root Certificates`,
    isChecked: true,
    judge: (facts) =>
      unless(
        missingObjections(facts, facts.mozilla),
        `every root of ${facts.mozilla.source} is accepted`,
      ),
  },
  {
    id: "roots-programs",
    program: "Chrome and Apple",
    rule: "Every root that Chrome trusts on any platform, and every root in Apple's store, is accepted.",
    source: `${SOURCE.chrome}, Accepted Root Certificates; ${SOURCE.apple}`,
    isChecked: true,
    judge: judgeReferences,
  },
];
