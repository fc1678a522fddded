/**
 * What the programs ask of an applicant: Chrome's inclusion JSON of each log, a log list, and
 * the text around them.
 * @module
 */
import { formatBase64 } from "../encoding/base64.ts";
import { listStateFields } from "../static-ct/log-json.ts";
import { dayOf } from "./condition.ts";
import type { Facts, LogFacts, Rate } from "./facts.ts";

/** A log whose key is there. */
interface KeyedLog {
  readonly log: LogFacts;
  readonly publicKey: Uint8Array;
  readonly logId: Uint8Array;
}

/** Files by path below the folder of the export, with their text. */
export type Application = ReadonlyMap<string, string>;

/**
 * The files. Roots are the caller's to add, as `roots/<shard>.pem`.
 * @returns Why it cannot be made, if a shard has no key.
 */
export function formatApplication(facts: Facts): Application | { readonly problem: string } {
  const keyed: KeyedLog[] = [];
  for (const log of facts.logs) {
    if ("problem" in log.key) return { problem: `${log.name}: ${log.key.problem}` };
    const { publicKey, logId } = log.key;
    keyed.push({ log, publicKey, logId });
  }
  const files = new Map<string, string>();
  for (const one of keyed) files.set(`chrome/${one.log.name}.json`, json(inclusionFields(one)));
  files.set("log_list.v3.json", json(listFields(facts, keyed)));
  files.set("application.md", formatText(facts, keyed));
  return files;
}

/**
 * Chrome's `inclusion_request_schema.json`: either `url`, or `submission_url` and
 * `monitoring_url`, never both.
 */
function inclusionFields({ log, publicKey, logId }: KeyedLog): object {
  return {
    key: formatBase64(publicKey),
    log_id: formatBase64(logId),
    mmd: log.mmdSeconds,
    temporal_interval: intervalOf(log),
    ...urlsOf(log),
  };
}

function urlsOf({ type, submissionUrl, monitoringUrl }: LogFacts): object {
  return type === "rfc6962"
    ? { url: `${submissionUrl}/` }
    : { submission_url: `${submissionUrl}/`, monitoring_url: `${monitoringUrl}/` };
}

function intervalOf({ notAfterStartMs, notAfterLimitMs }: LogFacts): object {
  return {
    start_inclusive: timeOf(notAfterStartMs),
    end_exclusive: timeOf(notAfterLimitMs),
  };
}

/**
 * The operator's part of a list in the v3 form, with `state` as log.v3.json has it: from `pending`
 * to `usable` that is what programs have said, as the operator has told.
 */
function listFields({ operator }: Facts, keyed: readonly KeyedLog[]): object {
  const listedAs = (type: LogFacts["type"]): readonly object[] =>
    keyed
      .filter(({ log }) => log.type === type)
      .map(({ log, publicKey, logId }) => ({
        description: log.submissionUrl.replace(/^https?:\/\//, ""),
        log_id: formatBase64(logId),
        key: formatBase64(publicKey),
        ...urlsOf(log),
        mmd: log.mmdSeconds,
        temporal_interval: intervalOf(log),
        ...listStateFields(log),
      }));
  return {
    operators: [
      {
        name: operator.name ?? "",
        email: operator.emails,
        logs: listedAs("rfc6962"),
        tiled_logs: listedAs("static-ct-api"),
      },
    ],
  };
}

function formatText(facts: Facts, keyed: readonly KeyedLog[]): string {
  const { operator, limits } = facts;
  const lines = [
    "# Application of a log operator",
    "",
    `- Operator: ${operator.name ?? "(operator.name is missing)"}`,
    `- E-mail, continuously monitored: ${operator.emails.join(", ") || "(operator.emails is empty)"}`,
    "- People authorized to represent the operator: (to be filled in)",
    "",
    "New operators first file a bug at https://issues.chromium.org (component 1861494), then add",
    "the JSON of each log, as text or by URL. Apple is written to at the address that",
    "https://support.apple.com/103703 gives.",
    "",
    "## Logs",
    "",
    "| log | specification | NotAfter | MMD | log ID | JSON | accepted roots |",
    "|---|---|---|---|---|---|---|",
    ...keyed.map(({ log, logId }) => rowOf(log, logId)),
    "",
    "Both APIs are served for every log from one tree; each is to be listed as the specification",
    "in the table. Every SCT carries the leaf_index extension of c2sp.org/static-ct-api.",
    "",
    "## Submissions that are refused",
    "",
    "- Expired certificates are taken, if their NotAfter is in a log's range.",
    "- Revocation is not looked at: revoked certificates are taken.",
    ...keyed.flatMap(({ log }) => refusalsOf(log)),
    "",
    "## Rate limits",
    "",
    `- Reads of one client (IPv4 /24 or IPv6 /48): ${rateOf(limits.reads)}`,
    `- add-pre-chain of one client: ${rateOf(limits.addPreChain)}`,
    `- add-chain of one client: ${rateOf(limits.addChain)}`,
    "- Beyond a limit a client gets 429 with Retry-After; failures of the log are not counted.",
    "- When the log is full, add-chain gives way before add-pre-chain, and certificates that are",
    "  old or carry SCTs before others; reads are served.",
    "",
  ];
  return lines.join("\n");
}

function rowOf(log: LogFacts, logId: Uint8Array): string {
  const range = `[${dayOf(log.notAfterStartMs)}, ${dayOf(log.notAfterLimitMs)})`;
  const roots = `${log.roots.size}: roots/${log.name}.pem`;
  const file = `chrome/${log.name}.json`;
  return `| ${log.name} | ${log.type} | ${range} | ${log.mmdSeconds} s | ${formatBase64(logId)} | ${file} | ${roots} |`;
}

function refusalsOf({ name, extendedKeyUsages }: LogFacts): readonly string[] {
  if (extendedKeyUsages.length === 0) return [];
  return [
    `- ${name} refuses certificates without one of the usages ${extendedKeyUsages.join(", ")}.`,
  ];
}

function rateOf(rate: Rate | undefined): string {
  if (rate === undefined) return "not limited";
  return `${rate.perSecond} requests a second, ${rate.burst} at once after a pause`;
}

function timeOf(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/\.000Z$/, "Z");
}

function json(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
