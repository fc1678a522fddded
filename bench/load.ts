/**
 * Command line of the verifying load generator: see `load-run.ts` for what it does.
 * @module
 */
import { createPublicKey } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { messageOf } from "../src/base/errors.ts";
import { parseDecimal } from "../src/encoding/decimal.ts";
import { deriveAuthority } from "./certificates.ts";
import { formatCertificatePem } from "./der.ts";
import { ISSUER_KINDS, type IssuerKind } from "./keys.ts";
import type { Pace } from "./load-driver.ts";
import { formatReport } from "./load-report.ts";
import { type LoadOptions, runLoad } from "./load-run.ts";

const USAGE = `scripts/node24 bench/load.ts --url URL [options]

Sends distinct precertificates to a log, verifies every SCT and a sample of proofs, and
prints what it cost. Exit code 1 if anything does not hold.

  --url URL          of the shard: what stands before /ct/v1 (http only)
  --monitor-url URL  what stands before /checkpoint, if it is another
  --key FILE         the log's public key, PEM; default: from its log.v3.json
  --issuer KIND      rsa2048 (default), p256 or p384: key of the intermediate
  --rate N           open loop: N a second, latency from the moment each is due
  --lone MS          one at a time, each after so many milliseconds of nothing; p50 is what a
                     CA's single submission waits
  --flat-out         closed loop (default)
  --connections N    default 256
  --seconds N        how long to send, warm-up included; default 20
  --warmup N         seconds that are not measured; default 2
  --count N          precertificates made beforehand; default rate x seconds, or 10,000 x seconds
  --first N          number of the first precertificate, default 0: a second run against the
                     same log begins where the first one ended
  --seed N           default 42
  --pid N            a process of the server (again for more): CPU, memory, bytes written
  --data DIR         the server's data: disk usage before and after
  --sample N         proofs to check; default 100
  --workers N        threads that sign beforehand and verify afterwards; default 2
  --cache DIR        signatures made beforehand; default in the folder for temporary files
  --root FILE        write the root that the log must accept as PEM, and do nothing else
  --json             print the report as JSON
`;

const OPTIONS = {
  url: { type: "string" },
  "monitor-url": { type: "string" },
  key: { type: "string" },
  issuer: { type: "string", default: "rsa2048" },
  rate: { type: "string" },
  lone: { type: "string" },
  "flat-out": { type: "boolean", default: false },
  connections: { type: "string", default: "256" },
  seconds: { type: "string", default: "20" },
  warmup: { type: "string", default: "2" },
  count: { type: "string" },
  first: { type: "string", default: "0" },
  seed: { type: "string", default: "42" },
  pid: { type: "string", multiple: true },
  data: { type: "string" },
  sample: { type: "string", default: "100" },
  workers: { type: "string", default: "2" },
  cache: { type: "string" },
  root: { type: "string" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

/** Where signatures made beforehand are kept unless told otherwise. */
export const CACHE_FOLDER: string = join(tmpdir(), "stratus-bench");

/** A parsed command line. */
export interface LoadCommand {
  readonly options: LoadOptions;
  readonly isJson: boolean;
}

/** Reads the arguments of a run. @throws Error naming what is wrong. */
export function parseLoadArguments(args: readonly string[]): LoadCommand {
  const { values } = parseArgs({ args: [...args], options: OPTIONS, strict: true });
  if (values.url === undefined) throw new Error("--url is missing");
  const seconds = atLeastOne(values.seconds, "--seconds");
  const pace = parsePace(values);
  const perSecond = { rate: 0, "flat-out": 10_000, lone: 1 };
  const usual = seconds * (pace.type === "rate" ? pace.perSecond : perSecond[pace.type]);
  const options: LoadOptions = {
    url: values.url.replace(/\/$/, ""),
    ...(values["monitor-url"] === undefined
      ? {}
      : { monitorUrl: values["monitor-url"].replace(/\/$/, "") }),
    ...(values.key === undefined ? {} : { publicKey: readKey(values.key) }),
    ...(values.data === undefined ? {} : { dataFolder: values.data }),
    kind: parseKind(values.issuer),
    seed: parseDecimal(values.seed),
    first: parseDecimal(values.first),
    count: values.count === undefined ? usual : atLeastOne(values.count, "--count"),
    pace,
    connections: pace.type === "lone" ? 1 : atLeastOne(values.connections, "--connections"),
    sendMs: 1000 * seconds,
    warmupMs: 1000 * parseDecimal(values.warmup),
    pids: (values.pid ?? []).map((pid) => parseDecimal(pid)),
    sampleCount: parseDecimal(values.sample),
    cacheFolder: values.cache ?? CACHE_FOLDER,
    workers: atLeastOne(values.workers, "--workers"),
  };
  if (options.warmupMs >= options.sendMs) throw new Error("--warmup takes all of --seconds");
  return { options, isJson: values.json };
}

/** Reads an issuer's name. @throws Error naming those that there are. */
export function parseKind(text: string): IssuerKind {
  const kind = ISSUER_KINDS.find((known) => known === text);
  if (kind === undefined)
    throw new Error(`expected --issuer ${ISSUER_KINDS.join(", ")}, got ${text}`);
  return kind;
}

function parsePace(values: {
  readonly rate?: string | undefined;
  readonly lone?: string | undefined;
  readonly "flat-out": boolean;
}): Pace {
  const { rate, lone, "flat-out": isFlatOut } = values;
  if ([rate !== undefined, lone !== undefined, isFlatOut].filter(Boolean).length > 1) {
    throw new Error("--rate, --lone and --flat-out exclude each other");
  }
  if (rate !== undefined) return { type: "rate", perSecond: atLeastOne(rate, "--rate") };
  if (lone !== undefined) return { type: "lone", pauseMs: atLeastOne(lone, "--lone") };
  return { type: "flat-out" };
}

function atLeastOne(text: string, option: string): number {
  const value = parseDecimal(text);
  if (value === 0) throw new Error(`expected ${option} of at least 1`);
  return value;
}

function readKey(path: string): Uint8Array {
  const key = createPublicKey(readFileSync(path));
  return Uint8Array.from(key.export({ type: "spki", format: "der" }));
}

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help") || args.length === 0) {
    console.log(USAGE);
    return 0;
  }
  const { values } = parseArgs({ args: [...args], options: OPTIONS, strict: true });
  if (values.root !== undefined) {
    const { root } = deriveAuthority(parseKind(values.issuer), parseDecimal(values.seed));
    writeFileSync(values.root, formatCertificatePem(root));
    return 0;
  }
  const { options, isJson } = parseLoadArguments(args);
  const report = await runLoad(options);
  console.log(isJson ? JSON.stringify(report) : formatReport(report));
  return report.verification.problemCount === 0 && report.acceptedCount > 0 ? 0 : 1;
}

if (import.meta.main) {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    console.error(`bench/load.ts: ${messageOf(error)}`);
    process.exitCode = 2;
  }
}
