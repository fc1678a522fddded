/**
 * What `stratus config check` says of accepted roots. URLs are not asked.
 * @module
 */

import { messageOf } from "../base/errors.ts";
import { countOf } from "../base/plural.ts";
import type { Config, ShardConfig } from "../config/config.ts";
import { hasMonitorRoot, lookAtLedger, readRoots } from "../keep-roots.ts";
import { readBlocklist } from "../roots/blocklist.ts";
import { monitorRootWarning } from "../roots/monitor-root.ts";

/** Takes facts, warnings and errors, a line each. */
export interface RootsFindings {
  say(line: string): void;
  warn(line: string): void;
  fail(line: string): void;
}

/** When roots are read again, and what is blocked. */
export async function explainRootsKeeping(config: Config, findings: RootsFindings): Promise<void> {
  const { rootsReload, blocked } = config;
  const { intervalMs, lossPercentMax } = rootsReload;
  const schedule = intervalMs === 0 ? "" : ` and every ${countOf(intervalMs / 60_000, "minute")}`;
  findings.say(
    `Roots are read again on SIGHUP${schedule}; a reading that lost over ${lossPercentMax} % is refused.`,
  );
  const { fingerprints, file } = blocked;
  if (fingerprints.length > 0) {
    findings.say(
      `Blocks ${countOf(fingerprints.length, "certificate")} that the configuration names.`,
    );
  }
  if (file === undefined) return;
  try {
    findings.say(
      `Blocks ${countOf((await readBlocklist(file)).length, "certificate")} that ${file} names.`,
    );
  } catch (thrown) {
    findings.fail(`${messageOf(thrown)}.`);
  }
}

/** Where a shard's roots come from, and what they lack. */
export async function explainRoots(
  shard: ShardConfig,
  config: Config,
  findings: RootsFindings,
): Promise<void> {
  const found: string[] = [];
  for (const source of shard.roots) found.push(...(await explainSource(source, findings)));
  let kept: readonly string[] = [];
  try {
    const { rootsOf } = await lookAtLedger(config);
    kept = rootsOf(shard.name).map(({ fingerprint }) => fingerprint);
  } catch (thrown) {
    findings.fail(`the ledger of roots cannot be read: ${messageOf(thrown)}.`);
  }
  if (kept.length > 0) findings.say(`  Roots: ${kept.length} accepted so far, by the ledger.`);
  const all = [...found, ...kept].filter((print) => !config.blocked.fingerprints.includes(print));
  // What a URL would give is not known here.
  if (all.length > 0 && !hasMonitorRoot(all) && (kept.length > 0 || !shard.roots.some(isUrl))) {
    findings.warn(`${monitorRootWarning([shard.name])}.`);
  }
}

/** @returns Fingerprints. */
async function explainSource(source: string, findings: RootsFindings): Promise<readonly string[]> {
  if (isUrl(source)) {
    findings.say(`  Roots: ${source}, fetched at start and again; not asked now.`);
    return [];
  }
  try {
    const { roots, warnings } = await readRoots(source);
    const carried = source === "mozilla" ? " that Node carries" : "";
    findings.say(`  Roots: ${source}, ${countOf(roots.length, "certificate")}${carried}.`);
    for (const warning of warnings) findings.warn(`${source}: ${warning}.`);
    return roots.map(({ fingerprint }) => fingerprint);
  } catch (thrown) {
    findings.fail(`${messageOf(thrown)}.`);
    return [];
  }
}

function isUrl(source: string): boolean {
  return /^https?:/i.test(source);
}
