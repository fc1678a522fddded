/**
 * `stratus policy check`: every condition of Chrome's and Apple's programs, met, not met or
 * the operator's to see to. `stratus policy export`: what the programs ask of an applicant.
 * Exit code 0; 1 if a condition is not met or the export cannot be made; 2 for a mistake in
 * the command.
 * @module
 */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { cleanText, TIMEOUT_MS } from "../client/transport.ts";
import type { Config } from "../config/config.ts";
import { formatApplication } from "../program/application.ts";
import { checkProgram, type Finding } from "../program/check.ts";
import { SOURCE_URLS, type Status } from "../program/condition.ts";
import { formatPem } from "../x509/roots.ts";
import { reportTrouble, requireUrl } from "./input.ts";
import { type CommandIo, EXIT } from "./io.ts";
import { gatherFacts } from "./policy-facts.ts";

/** The command line of `stratus policy check`. */
export interface PolicyCheckOptions {
  readonly loadConfig: () => Promise<Config>;
  /** Names; empty: all. */
  readonly shards: readonly string[];
  /** Where the server answers, without a shard; undefined: only the configuration is looked at. */
  readonly url: string | undefined;
  /** Files with root stores: CCADB's reports, or PEM. */
  readonly references: readonly string[];
  readonly json: boolean;
  /** Deadline of each exchange, in milliseconds. */
  readonly timeoutMs?: number | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: number;
}

/** The command line of `stratus policy export`. */
export interface PolicyExportOptions
  extends Pick<PolicyCheckOptions, "loadConfig" | "shards" | "nowMs"> {
  /** Folder to write to; made if it is not there. */
  readonly folder: string;
}

const MARKS: Readonly<Record<Status, string>> = {
  met: "met      ",
  "not met": "NOT MET  ",
  "for the operator": "operator ",
};

/** Runs `stratus policy check`. @returns The exit code. */
export async function checkPolicy(options: PolicyCheckOptions, io: CommandIo): Promise<number> {
  try {
    const { shards, references, nowMs, timeoutMs = TIMEOUT_MS } = options;
    const url = options.url === undefined ? undefined : requireUrl(options.url);
    const config = await options.loadConfig();
    const { facts } = await gatherFacts(config, { shards, references, nowMs, timeoutMs, url });
    const findings = checkProgram(facts);
    const lines = options.json ? [formatJson(findings)] : describe(findings);
    for (const line of lines) io.out(line);
    return findings.some(({ status }) => status === "not met") ? EXIT.failed : EXIT.ok;
  } catch (thrown) {
    return reportTrouble("stratus policy check", thrown, io);
  }
}

/** Runs `stratus policy export`. @returns The exit code. */
export async function exportPolicy(options: PolicyExportOptions, io: CommandIo): Promise<number> {
  try {
    const { shards, nowMs, folder } = options;
    const config = await options.loadConfig();
    const asked = { shards, references: [], nowMs, timeoutMs: TIMEOUT_MS, url: undefined };
    const { facts, rootDers } = await gatherFacts(config, asked);
    const application = formatApplication(facts);
    if ("problem" in application) {
      io.err(`stratus policy export: ${application.problem}`);
      return EXIT.failed;
    }
    const files = new Map(application);
    for (const [shard, ders] of rootDers)
      files.set(`roots/${shard}.pem`, ders.map(formatPem).join(""));
    for (const [path, text] of files) {
      const target = join(folder, path);
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, text);
      io.out(`Wrote ${target}`);
    }
    const unmet = checkProgram(facts).filter(({ status }) => status === "not met");
    for (const { condition } of unmet) io.err(`not met: ${condition.id}: ${condition.rule}`);
    if (unmet.length > 0) io.err("Apply once 'stratus policy check' finds nothing unmet.");
    return EXIT.ok;
  } catch (thrown) {
    return reportTrouble("stratus policy export", thrown, io);
  }
}

function describe(findings: readonly Finding[]): readonly string[] {
  const lines: string[] = [];
  for (const { condition, status, reasons } of findings) {
    lines.push(`${MARKS[status]}${condition.id} (${condition.program}): ${condition.rule}`);
    for (const reason of reasons) lines.push(`           ${cleanText(reason, 1_000)}`);
    lines.push(`           source: ${condition.source}`);
  }
  lines.push("", ...[...SOURCE_URLS].map(([name, url]) => `${name}: ${url}`));
  const count = (wanted: Status): number =>
    findings.filter(({ status }) => status === wanted).length;
  const operator = count("for the operator");
  lines.push("", `${count("met")} met, ${count("not met")} not met, ${operator} for the operator.`);
  return lines;
}

function formatJson(findings: readonly Finding[]): string {
  const conditions = findings.map(({ condition, status, reasons }) => {
    const { id, program, rule, source } = condition;
    return { id, program, status, reasons, rule, source };
  });
  const ok = conditions.every(({ status }) => status !== "not met");
  return JSON.stringify({ ok, conditions, sources: Object.fromEntries(SOURCE_URLS) }, undefined, 2);
}
