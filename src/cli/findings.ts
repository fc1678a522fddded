/**
 * What an audit found, for people.
 * @module
 */

import { cleanText } from "../client/transport.ts";
import { ADVICE, FINDINGS_MAX, type Finding, formatFinding } from "../monitor/finding.ts";
import { type CommandIo, EXIT } from "./io.ts";
import { formatCount } from "./progress.ts";

/** Findings of one run: the first 1,000 are kept, all are counted. */
export class FindingList {
  readonly kept: Finding[] = [];
  count = 0;

  add(findings: readonly Finding[]): void {
    for (const found of findings) {
      this.count += 1;
      if (this.kept.length < FINDINGS_MAX) this.kept.push(found);
    }
  }

  /** Says what was found and what can be done. @returns The exit code. */
  report(io: CommandIo): number {
    if (this.count === 0) return EXIT.ok;
    for (const found of this.kept) io.out(`DAMAGE ${cleanText(formatFinding(found), 500)}`);
    if (this.count > this.kept.length) {
      io.out(`... and ${formatCount(this.count - this.kept.length)} more`);
    }
    io.out("");
    io.out("What can be done:");
    const kinds = new Set(this.kept.map(({ kind }) => kind));
    for (const kind of kinds) io.out(`  ${kind}: ${ADVICE[kind]}`);
    return EXIT.failed;
  }
}
