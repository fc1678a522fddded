/**
 * `stratus cert check`: the SCTs that a certificate carries, which logs gave them, whether they
 * are valid, and with `--url` whether the log really has the entry. Exit code 0 if every SCT is
 * valid, 1 if one is not or its log is not known, 2 for a mistake in the command.
 * @module
 */

import { readFile } from "node:fs/promises";
import { MalformedError, messageOf, quote, RejectedError } from "../base/errors.ts";
import { countOf } from "../base/plural.ts";
import { CheckError } from "../client/check.ts";
import { openLogKey } from "../client/log-key.ts";
import { cleanText, fetchText, parseAnswer, SourceError, TIMEOUT_MS } from "../client/transport.ts";
import { formatBase64 } from "../encoding/base64.ts";
import { bytesKey } from "../encoding/bytes.ts";
import { type CheckedCertificate, type CheckedSct, checkCertificate } from "../sct/check.ts";
import { describeExtensions } from "../sct/describe.ts";
import { type KnownLog, parseLogList } from "../sct/log-list.ts";
import { sha256 } from "../signer/sha256.ts";
import { parseLogJson } from "../static-ct/log-json.ts";
import { parseCertificate } from "../x509/certificate.ts";
import { formatName } from "../x509/name.ts";
import { verifySignature } from "../x509/verify.ts";
import { type Inclusion, proveInclusion } from "./inclusion.ts";
import { readChainFile, reportTrouble, requireUrl, UsageError } from "./input.ts";
import { type CommandIo, EXIT } from "./io.ts";
import { fieldsOf } from "./sct.ts";
import { formatTime } from "./sct-text.ts";

/** The command line of `stratus cert check`. */
export interface CertCheckOptions {
  /** PEM file: the certificate, then its issuer; `-` is standard input. */
  readonly chainFile: string;
  /** Log lists in Chrome's v3 form: files or http(s) URLs. */
  readonly logLists: readonly string[];
  /** Prefixes of logs whose log.v3.json says who they are; their SCTs are proven included. */
  readonly urls: readonly string[];
  readonly json: boolean;
  /** Deadline of each exchange, in milliseconds. */
  readonly timeoutMs?: number | undefined;
}

const COMMAND = "stratus cert check";

const LIST_BYTES_MAX = 16_000_000;

/** An SCT and what was found out about it. */
interface Finding extends CheckedSct {
  /** Undefined where no `--url` was given for its log, or it is not valid. */
  readonly inclusion: Inclusion | undefined;
}

/** Runs the command. @returns The exit code. */
export async function checkCert(options: CertCheckOptions, io: CommandIo): Promise<number> {
  try {
    const [certificate, issuer] = await readPair(options.chainFile);
    const { logs, urlOf } = await readLogs(options, io);
    const nowMs = Date.now();
    const openKey = openLogKey;
    const checked = checkCertificate({ certificate, issuer, logs, openKey, sha256, nowMs });
    const findings: Finding[] = [];
    for (const sct of checked.scts) {
      findings.push({ ...sct, inclusion: await inclusionOf(sct, checked, urlOf, options) });
    }
    const isGood = findings.every(isGoodFinding);
    if (options.json) io.out(formatJson(findings, isGood));
    else for (const line of describe(certificate, findings, isGood)) io.out(line);
    return isGood ? EXIT.ok : EXIT.failed;
  } catch (thrown) {
    return reportTrouble(COMMAND, thrown, io);
  }
}

function isGoodFinding({ isValid, inclusion }: Finding): boolean {
  return isValid === true && inclusion?.problem === undefined;
}

/** The certificate and the one that issued it. @throws UsageError if there is no issuer. */
async function readPair(
  path: string,
): Promise<readonly [certificate: Uint8Array, issuer: Uint8Array]> {
  const [certificate, issuer] = await readChainFile(path);
  if (certificate === undefined || issuer === undefined) {
    throw new UsageError(
      `${quote(path)} holds one certificate: append its issuer in PEM, whose key the SCTs sign over`,
    );
  }
  try {
    verifySignature(parseCertificate(certificate), parseCertificate(issuer));
  } catch (cause) {
    if (!(cause instanceof RejectedError)) throw cause;
    const message = `the second certificate did not issue the first: ${cause.message}`;
    throw new MalformedError("MALFORMED_CERTIFICATE", message, { cause });
  }
  return [certificate, issuer];
}

interface Logs {
  readonly logs: readonly KnownLog[];
  /** Where a log is read; undefined unless it was given by `--url`. */
  readonly urlOf: (log: KnownLog) => string | undefined;
}

async function readLogs(options: CertCheckOptions, io: CommandIo): Promise<Logs> {
  const { timeoutMs = TIMEOUT_MS } = options;
  const logs: KnownLog[] = [];
  const urls = new Map<string, string>();
  for (const source of options.logLists) {
    const text = await readList(source, timeoutMs);
    const list = parseAnswer(source, () => parseLogList(sha256, text));
    for (const warning of list.warnings) io.err(`${source}: ${cleanText(warning, 500)}`);
    logs.push(...list.logs);
  }
  for (const given of options.urls) {
    const prefix = requireUrl(given);
    const url = `${prefix}/log.v3.json`;
    const text = await fetchText({ url, bytesMax: LIST_BYTES_MAX, timeoutMs });
    const listed = parseAnswer(url, () => parseLogJson(sha256, text));
    logs.push({ ...listed, operator: "", state: undefined });
    urls.set(bytesKey(listed.logId), prefix);
  }
  return { logs, urlOf: (log) => urls.get(bytesKey(log.logId)) };
}

async function readList(source: string, timeoutMs: number): Promise<string> {
  if (/^https?:/.test(source)) {
    return fetchText({ url: source, bytesMax: LIST_BYTES_MAX, timeoutMs });
  }
  try {
    return await readFile(source, "utf8");
  } catch (cause) {
    throw new UsageError(`--log-list ${messageOf(cause)}`, { cause });
  }
}

async function inclusionOf(
  found: CheckedSct,
  { entry }: CheckedCertificate,
  urlOf: Logs["urlOf"],
  { timeoutMs }: CertCheckOptions,
): Promise<Inclusion | undefined> {
  const { log, isValid, sct, leafHash } = found;
  const url = log && urlOf(log);
  if (log === undefined || url === undefined || isValid !== true) return undefined;
  try {
    return await proveInclusion({ log, url, entry, sct, leafHash, timeoutMs });
  } catch (thrown) {
    if (thrown instanceof CheckError || thrown instanceof SourceError) {
      return { problem: cleanText(thrown.message, 1_000) };
    }
    if (thrown instanceof MalformedError) return { problem: thrown.message };
    throw thrown;
  }
}

function describe(
  certificate: Uint8Array,
  findings: readonly Finding[],
  isGood: boolean,
): readonly string[] {
  const subject = cleanText(formatName(parseCertificate(certificate).subject), 200);
  const count = countOf(findings.length, "embedded SCT");
  const lines = [`Certificate ${subject || "(empty subject)"}: ${count}`];
  for (const [index, found] of findings.entries()) {
    lines.push(`SCT ${index + 1}: ${verdictOf(found)}`, ...describeOne(found));
  }
  const operators = new Set(
    findings.flatMap(({ isValid, log }) => (isValid && log?.operator ? [log.operator] : [])),
  );
  if (operators.size > 0) lines.push(`Operators of valid SCTs: ${[...operators].join(", ")}`);
  lines.push(
    isGood ? "All embedded SCTs are valid." : "NOT all embedded SCTs are valid and known.",
  );
  return lines;
}

function verdictOf({ isValid, problem }: Finding): string {
  if (isValid === undefined) return "NOT CHECKED: no list names its log (--log-list, --url)";
  return isValid ? "valid" : `NOT VALID: ${problem}`;
}

function describeOne({ sct, log, warnings, inclusion }: Finding): readonly string[] {
  const lines = [`  log         ${describeLog(log)}`, `  log ID      ${formatBase64(sct.logId)}`];
  lines.push(`  timestamp   ${formatTime(sct.timestampMs)}`);
  lines.push(`  extensions  ${describeExtensions(sct.extensions).text}`);
  if (inclusion !== undefined) lines.push(`  inclusion   ${describeInclusion(inclusion)}`);
  for (const warning of warnings) lines.push(`  warning     ${warning}`);
  return lines;
}

function describeLog(log: KnownLog | undefined): string {
  if (log === undefined) return "unknown";
  const { description, operator, state, type } = log;
  const facts = [operator, type, state?.name ?? ""].filter((fact) => fact !== "");
  return cleanText(`${description || "(no description)"} (${facts.join(", ")})`, 300);
}

function describeInclusion(inclusion: Inclusion): string {
  if (inclusion.problem !== undefined) return `NOT PROVEN: ${inclusion.problem}`;
  const { leafIndex, treeSize, api } = inclusion;
  return `proven: entry ${leafIndex} of ${treeSize}, by ${api}`;
}

function formatJson(findings: readonly Finding[], isGood: boolean): string {
  const scts = findings.map(({ sct, log, isValid, problem, warnings, inclusion }) => ({
    ...fieldsOf(sct),
    log:
      log === undefined
        ? null
        : {
            description: log.description,
            operator: log.operator,
            type: log.type,
            state: log.state?.name ?? null,
          },
    valid: isValid ?? null,
    ...(problem !== "" && { problem }),
    warnings,
    ...(inclusion !== undefined && { inclusion }),
  }));
  return JSON.stringify({ ok: isGood, scts }, undefined, 2);
}
