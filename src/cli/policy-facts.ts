/**
 * Gathers what `stratus policy` judges: from the configuration, the key files and the roots,
 * and from a running log.
 * @module
 */
import { createPublicKey, type KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import { rootCertificates } from "node:tls";
import { MalformedError, messageOf, quote } from "../base/errors.ts";
import { openLogKey } from "../client/log-key.ts";
import type { Config, ShardConfig } from "../config/config.ts";
import { formatHex } from "../encoding/hex.ts";
import { readShardRoots } from "../offline.ts";
import type { Facts, KeyFacts, LogFacts, ReferenceRoots } from "../program/facts.ts";
import { lookAtShard } from "../shards.ts";
import { sha256 } from "../signer/sha256.ts";
import { listStateOf } from "../static-ct/list-state.ts";
import { MMD_SECONDS } from "../static-ct/log-json.ts";
import { parseCertificate } from "../x509/certificate.ts";
import { formatName } from "../x509/name.ts";
import { parsePem } from "../x509/roots.ts";
import { UsageError } from "./input.ts";
import { askLog } from "./policy-live.ts";

/** What is looked at besides the configuration. */
export interface FactOptions {
  /** Shards to look at; empty: all of them. */
  readonly shards: readonly string[];
  /** Where the server answers; undefined: nobody asks it. */
  readonly url: string | undefined;
  /** Files with the root stores of programs. */
  readonly references: readonly string[];
  /** Deadline of each exchange, in milliseconds. */
  readonly timeoutMs: number;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: number;
}

/** Shards as the operator knows them: the DER of each one's roots beside its facts. */
export interface Gathered {
  readonly facts: Facts;
  /** DER by shard. */
  readonly rootDers: ReadonlyMap<string, readonly Uint8Array[]>;
}

/** A head is told to be too old after three refreshes and a second. */
const HEAD_REFRESHES = 3;

/**
 * Everything that is known.
 * @throws UsageError for a shard or file that is not there; MalformedError for roots or
 *   references that do not parse.
 */
export async function gatherFacts(config: Config, options: FactOptions): Promise<Gathered> {
  const chosen = choose(config, options.shards);
  const rootsOf = await readShardRoots(config);
  const logs: LogFacts[] = [];
  const rootDers = new Map<string, readonly Uint8Array[]>();
  for (const shard of chosen) {
    const roots = rootsOf(shard.name);
    rootDers.set(shard.name, roots.ders);
    logs.push({
      ...describeShard(config, shard),
      key: await readKey(shard),
      ...(await describeEnd(config, shard, options.nowMs)),
      roots: named(
        roots.all.map(({ certificate, fingerprint }) => [fingerprint, certificate.subject]),
      ),
    });
  }
  const { url, timeoutMs, nowMs } = options;
  const live = url === undefined ? undefined : await askLog(url, logs, timeoutMs);
  const references: ReferenceRoots[] = [];
  for (const path of options.references) references.push(await readReference(path));
  const facts: Facts = {
    operator: { name: config.operator.name, emails: config.operator.emails },
    isDevelopment: config.development,
    limits: {
      reads: config.limits.reads,
      addChain: config.limits.addChain,
      addPreChain: config.limits.addPreChain,
    },
    logs,
    mozilla: { source: "the Mozilla store that Node carries", roots: mozillaRoots() },
    references,
    live,
    // A running log's heads are younger than the time before they were asked for.
    nowMs: live === undefined ? nowMs : Date.now(),
    sha256,
    openKey: openLogKey,
  };
  return { facts, rootDers };
}

function choose({ shards }: Config, names: readonly string[]): readonly ShardConfig[] {
  if (names.length === 0) return shards;
  return names.map((name) => {
    const found = shards.find((shard) => shard.name === name);
    if (found !== undefined) return found;
    const all = shards.map((shard) => shard.name).join(", ");
    throw new UsageError(`--shard: there is no ${quote(name)}, but ${all}`);
  });
}

/** How far it is in its life, by its last head: the guard has it. */
async function describeEnd(
  config: Config,
  shard: ShardConfig,
  nowMs: number,
): Promise<Pick<LogFacts, "listState" | "finalTreeHead">> {
  const { dates } = shard;
  const { head, phase } = await lookAtShard(config, shard, nowMs);
  const isClosed = phase === "read-only" || phase === "retired";
  return {
    listState: listStateOf(dates, dates, head?.timestampMs ?? nowMs),
    finalTreeHead: isClosed ? head : undefined,
  };
}

type Configured = Omit<LogFacts, "key" | "roots" | "listState" | "finalTreeHead">;

function describeShard(config: Config, shard: ShardConfig): Configured {
  const { name, type } = shard;
  return {
    name,
    type,
    submissionUrl: `${config.submissionUrl}/${name}`,
    monitoringUrl: `${config.monitoringUrl}/${name}`,
    notAfterStartMs: shard.notAfterStartMs,
    notAfterLimitMs: shard.notAfterLimitMs,
    mmdSeconds: MMD_SECONDS[type],
    headAgeMsMax: HEAD_REFRESHES * shard.batch.idleRefreshMs + 1_000,
    extendedKeyUsages: shard.extendedKeyUsages,
    acceptPrecertificateSigningCertificates: shard.acceptPrecertificateSigningCertificates,
  };
}

async function readKey({ keyPath }: ShardConfig): Promise<KeyFacts> {
  let key: KeyObject;
  try {
    key = createPublicKey(await readFile(keyPath, "utf8"));
  } catch (thrown) {
    return { problem: `no key: ${messageOf(thrown)} ('stratus init' creates it)` };
  }
  const publicKey = Uint8Array.from(key.export({ format: "der", type: "spki" }));
  return { algorithm: algorithmOf(key), publicKey, logId: sha256(publicKey) };
}

function algorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string {
  const { namedCurve, modulusLength } = asymmetricKeyDetails ?? {};
  if (namedCurve === "prime256v1") return "P-256";
  return [asymmetricKeyType?.toUpperCase(), namedCurve ?? modulusLength].filter(Boolean).join(" ");
}

/** Subjects by fingerprint. */
function named(
  roots: readonly (readonly [fingerprint: Uint8Array, subject: Uint8Array])[],
): ReadonlyMap<string, string> {
  return new Map(
    roots.map(([fingerprint, subject]) => [formatHex(fingerprint), formatName(subject)]),
  );
}

function mozillaRoots(): ReadonlyMap<string, string> {
  return fingerprintsOf(parsePem(rootCertificates.join("\n")));
}

function fingerprintsOf(ders: readonly Uint8Array[]): ReadonlyMap<string, string> {
  return named(ders.map((der) => [sha256(der), subjectOf(der)]));
}

/** A certificate that this program does not read is still one that a program may require. */
function subjectOf(der: Uint8Array): Uint8Array {
  try {
    return parseCertificate(der).subject;
  } catch (error) {
    if (error instanceof MalformedError) return EMPTY_NAME;
    throw error;
  }
}

const EMPTY_NAME = Uint8Array.of(0x30, 0);

/**
 * PEM certificates, or a report such as CCADB's: SHA-256 fingerprints in hex, wherever they
 * stand in it. Colons between the digits are passed over.
 */
async function readReference(path: string): Promise<ReferenceRoots> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new UsageError(`--reference ${messageOf(cause)}`, { cause });
  }
  const source = path.replace(/^.*\//, "");
  if (text.includes("-----BEGIN CERTIFICATE-----")) {
    return { source, roots: fingerprintsOf(parsePem(text)) };
  }
  const found = text.match(
    /(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}(?![0-9A-Za-z])/g,
  );
  const roots = new Map((found ?? []).map((hex) => [hex.replaceAll(":", "").toLowerCase(), ""]));
  if (roots.size > 0) return { source, roots };
  throw new UsageError(`--reference ${quote(path)} holds neither PEM nor SHA-256 fingerprints`);
}
