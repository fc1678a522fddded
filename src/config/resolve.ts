/**
 * From a file whose fields are right by themselves to the `Config`: paths made absolute,
 * series expanded, and what relates several fields checked.
 * @module
 */
import { quote } from "../base/errors.ts";
import type { Config, ListenAddress, ShardConfig } from "./config.ts";
import { addDates, checkDates } from "./dates.ts";
import type { Path } from "./document.ts";
import { formatPath } from "./explain.ts";
import type { Override, Overrides } from "./override.ts";
import {
  formatAddress,
  formatTime,
  isSameAddress,
  isWithin,
  type Parsed,
  parseAddress,
  parseExtendedKeyUsage,
  parseTime,
  parseUrl,
  problemOfPath,
  resolvePath,
} from "./scalar.ts";
import { type ConfigFile, type SeriesItem, SHARDS_MAX, type ShardSettings } from "./schema.ts";
import { aheadOfFolders, expandSeries, foldersOfSeries } from "./series.ts";

/** What surrounds the file, and who hears of mistakes. */
export interface ResolveContext {
  /** Absolute path of the folder that holds the file. */
  readonly folder: string;
  /** Absolute path of the working folder, for overrides. */
  readonly cwd: string;
  readonly nowMs: number;
  readonly shardFolders: readonly string[];
  readonly overrides: Overrides;
  /** Fields of the top level that are not what the file says, because they are wrong. */
  readonly missing: ReadonlySet<string>;
  /** Takes a mistake at `path`; `message` is given what turns paths into those of the file. */
  readonly report: (path: Path, message: (placeOf: (path: Path) => Path) => string) => void;
  /** Takes a mistake that is not in the file. */
  readonly reportOverride: (line: string) => void;
}

/** A shard and where the file has it. */
interface PlacedShard {
  readonly shard: ShardConfig;
  readonly place: Path;
}

/** Folders and roots that shards inherit. */
interface Surroundings {
  readonly data: string;
  readonly roots: readonly string[];
}

/** Builds the configuration; it must not be used if anything was reported. */
export function resolveConfig(file: ConfigFile, context: ResolveContext): Config {
  const listen = addressOf("listen", file, context);
  const operations = addressOf("operations", file, context);
  if (isSameAddress(listen, operations) && !isAnyMissing(context, "listen", "operations")) {
    reportClash(listen, context);
  }
  const data = dataOf(file, context);
  const guard = resolvePath(context.folder, file.guard);
  if ((isWithin(guard, data) || isWithin(data, guard)) && !isAnyMissing(context, "data", "guard")) {
    const message = `guard: expected a folder outside data (${data}), got ${guard} (write for example ${data}-guard)`;
    context.report(["guard"], () => message);
  }
  const placed = shardsOf(file, { data, roots: file.roots }, context);
  if (placed.length === 0 && !isAnyMissing(context, "series", "shards")) {
    const message = "expected at least one shard (write for example series: [{ name: nimbus }])";
    context.report([], () => message);
  }
  const bounded = placed.slice(0, SHARDS_MAX);
  checkNames(bounded, context);
  checkKeys(bounded, context);
  for (const { shard, place } of bounded) checkShard(shard, place, context);
  const publicUrl = publicUrlOf(file, listen, context);
  return {
    listen,
    operations,
    operator: { ...file.operator },
    publicUrl,
    submissionUrl:
      file.submissionUrl === undefined ? publicUrl : sound(parseUrl(file.submissionUrl)),
    monitoringUrl:
      file.monitoringUrl === undefined ? publicUrl : sound(parseUrl(file.monitoringUrl)),
    data,
    guard,
    development: file.development,
    logLevel: file.logLevel,
    frontends: file.frontends,
    compress: file.compress,
    ...(file.accessLog !== undefined && {
      accessLog:
        file.accessLog === "stdout" ? "stdout" : resolvePath(context.folder, file.accessLog),
    }),
    pages: file.pages,
    ...(file.logList !== undefined && { logList: resolvePath(context.folder, file.logList) }),
    drainMs: file.drainMs,
    freeSpace: { ...file.freeSpace },
    limits: { ...file.limits },
    rootsReload: { ...file.rootsReload },
    blocked: {
      fingerprints: file.blocked.fingerprints.map((fingerprint) => fingerprint.toLowerCase()),
      ...(file.blocked.file !== undefined && {
        file: resolvePath(context.folder, file.blocked.file),
      }),
    },
    shards: placed.map(({ shard }) => shard),
    ahead: file.series.flatMap((item) => aheadOfFolders(item, context.nowMs, context.shardFolders)),
  };
}

/** The value of a text that the schema has taken. */
function sound<T>(parsed: Parsed<T>): T {
  if ("problem" in parsed) throw new TypeError(parsed.problem);
  return parsed.value;
}

function isAnyMissing(context: ResolveContext, ...fields: readonly string[]): boolean {
  return fields.some((field) => context.missing.has(field));
}

function addressOf(
  field: "listen" | "operations",
  file: ConfigFile,
  context: ResolveContext,
): ListenAddress {
  const override = context.overrides[field];
  if (override === undefined) return sound(parseAddress(file[field]));
  const parsed = parseAddress(override.value);
  if ("value" in parsed) return parsed.value;
  reportOverride(override, parsed.problem, context);
  return sound(parseAddress(file[field]));
}

function dataOf(file: ConfigFile, context: ResolveContext): string {
  const override = context.overrides.data;
  if (override !== undefined) {
    const problem = problemOfPath(override.value);
    if (problem === undefined) return resolvePath(context.cwd, override.value);
    reportOverride(override, problem, context);
  }
  return resolvePath(context.folder, file.data);
}

function reportOverride(override: Override, problem: string, context: ResolveContext): void {
  context.reportOverride(
    `${override.source}: ${problem.replace(" (", `, got ${quote(override.value)} (`)}`,
  );
}

/** Reported at the override that caused it, else in the file. */
function reportClash(listen: ListenAddress, context: ResolveContext): void {
  const override = context.overrides.operations ?? context.overrides.listen;
  const message = `operations and listen cannot both have ${formatAddress(listen)} (write another port)`;
  if (override === undefined) context.report(["operations"], () => message);
  else context.reportOverride(`${override.source}: ${message}`);
}

function publicUrlOf(file: ConfigFile, listen: ListenAddress, context: ResolveContext): string {
  if (file.publicUrl !== undefined) return sound(parseUrl(file.publicUrl));
  if (context.missing.has("publicUrl")) return "";
  const isWildcard = listen.host === "0.0.0.0" || listen.host === "::";
  const isLocal = file.development && !isWildcard && listen.port !== 0;
  if (!isLocal && !isAnyMissing(context, "development")) {
    const message = "publicUrl is missing (write for example publicUrl: https://ct.example.org)";
    context.report([], () => message);
  }
  return `http://${formatAddress(listen)}`;
}

function shardsOf(
  file: ConfigFile,
  surroundings: Surroundings,
  context: ResolveContext,
): readonly PlacedShard[] {
  const placed: { readonly shard: Omit<ShardConfig, "dates">; readonly place: Path }[] = [];
  const add = (
    name: string,
    window: Pick<ShardConfig, "notAfterStartMs" | "notAfterLimitMs">,
    key: string | undefined,
    settings: ShardSettings,
    place: Path,
  ): void => {
    const folder = resolvePath(surroundings.data, name);
    const keyPath = key === undefined ? `${folder}/key.pem` : resolvePath(context.folder, key);
    placed.push({
      place,
      shard: {
        name,
        type: settings.type,
        notAfterStartMs: window.notAfterStartMs,
        notAfterLimitMs: window.notAfterLimitMs,
        roots: (settings.roots ?? surroundings.roots).map((root) =>
          root === "mozilla" || root.includes("://") ? root : resolvePath(context.folder, root),
        ),
        keyPath,
        folder,
        batch: { ...settings.batch },
        pool: { ...settings.pool },
        audit: { ...settings.audit },
        answerWithinMs: settings.answerWithinMs,
        acceptPrecertificateSigningCertificates: settings.acceptPrecertificateSigningCertificates,
        extendedKeyUsages: settings.extendedKeyUsages.map((usage) =>
          sound(parseExtendedKeyUsage(usage)),
        ),
      },
    });
  };
  for (const [index, item] of file.series.entries()) {
    const windows = expandSeries(item, context.nowMs, context.shardFolders);
    for (const window of windows) add(window.name, window, undefined, item, ["series", index]);
  }
  for (const [index, item] of file.shards.entries()) {
    const notAfterStartMs = sound(parseTime(item.notAfterStart));
    const notAfterLimitMs = sound(parseTime(item.notAfterLimit));
    const window = { notAfterStartMs, notAfterLimitMs };
    add(item.name, window, item.key, item, ["shards", index]);
  }
  checkSeries(file, placed, context);
  const shards = placed.map(({ shard }) => shard);
  if (!isAnyMissing(context, "series", "shards")) {
    checkDates(file.dates, shards, (path, message) => context.report(path, () => message));
  }
  return placed.map(({ shard, place }) => ({ place, shard: addDates(shard, file.dates) }));
}

function checkSeries(
  file: ConfigFile,
  placed: readonly { readonly shard: Pick<ShardConfig, "name">; readonly place: Path }[],
  context: ResolveContext,
): void {
  if (placed.length > SHARDS_MAX) {
    const place = placed[SHARDS_MAX]?.place ?? [];
    const message = `expected at most ${SHARDS_MAX} shards, got ${placed.length} (write fewer years)`;
    context.report(place, () => message);
  }
  const names = new Set(placed.map(({ shard }) => shard.name));
  for (const [index, item] of file.series.entries()) {
    const twin = file.series
      .slice(0, index)
      .find((other) => other.name === item.name && isAnyCurrent(other, item));
    if (twin !== undefined) {
      const message = `${item.name} is the name of another series, and firstYear: current is in one of them (write years in both, or another name)`;
      context.report(["series", index, "name"], () => message);
    }
    if (item.firstYear !== "current") continue;
    const unserved = foldersOfSeries(item, context.shardFolders).filter((name) => !names.has(name));
    if (unserved.length > 0 && !isAnyMissing(context, "shards")) {
      const message = `data has folders that no shard would serve: ${unserved.slice(0, 8).join(", ")} (write them under shards, or set period back)`;
      context.report(["series", index, "period"], () => message);
    }
  }
}

function isAnyCurrent(...items: readonly SeriesItem[]): boolean {
  return items.some((item) => item.firstYear === "current");
}

/** Two logs must not share a name: it is URL, folder and origin. */
function checkNames(placed: readonly PlacedShard[], context: ResolveContext): void {
  const first = new Map<string, Path>();
  const told = new Set<string>();
  for (const { shard, place } of placed) {
    const earlier = first.get(shard.name) ?? place;
    first.set(shard.name, earlier);
    const pair = `${formatPath(place)} ${formatPath(earlier)}`;
    if (earlier === place || told.has(pair)) continue;
    told.add(pair);
    context.report(
      [...place, "name"],
      (placeOf) =>
        `${formatPath(placeOf(place))}: the shard ${shard.name} is already in ${formatPath(placeOf(earlier))} (write another name)`,
    );
  }
}

/** Two trees must not share a key: that would be a fork under one log ID. */
function checkKeys(placed: readonly PlacedShard[], context: ResolveContext): void {
  for (const [index, { shard, place }] of placed.entries()) {
    const path = [...place, "key"];
    if (isWithin(shard.folder, shard.keyPath)) {
      const message = `expected the path of a key file, got the folder ${shard.keyPath} (write ${shard.keyPath}/key.pem)`;
      context.report(path, () => message);
    }
    const earlier = placed
      .slice(0, index)
      .find(
        (other) =>
          other.shard.name !== shard.name &&
          (isWithin(shard.keyPath, other.shard.keyPath) ||
            isWithin(other.shard.keyPath, shard.keyPath)),
      );
    if (earlier === undefined) continue;
    const message = `the key of ${shard.name}, ${shard.keyPath}, is the key of ${earlier.shard.name} too (write a path of its own)`;
    context.report(path, () => message);
  }
}

function checkShard(shard: ShardConfig, place: Path, context: ResolveContext): void {
  const { batch } = shard;
  if (shard.notAfterStartMs >= shard.notAfterLimitMs) {
    const message = `notAfterLimit: expected a time after notAfterStart, ${formatTime(shard.notAfterStartMs)}, got ${formatTime(shard.notAfterLimitMs)} (write a later one)`;
    context.report([...place, "notAfterLimit"], () => message);
  }
  if (shard.type === "static-ct-api" && batch.idleRefreshMs > STATIC_IDLE_REFRESH_MS_MAX) {
    const message = `batch.idleRefreshMs: expected at most ${STATIC_IDLE_REFRESH_MS_MAX} for static-ct-api, which promises a head every 60 s, got ${batch.idleRefreshMs} (write 10000)`;
    context.report([...place, "batch", "idleRefreshMs"], () => message);
  }
  if (batch.intervalMs > batch.idleRefreshMs) {
    const message = `batch.idleRefreshMs: expected at least intervalMs, ${batch.intervalMs}, got ${batch.idleRefreshMs} (write a larger one)`;
    context.report([...place, "batch", "idleRefreshMs"], () => message);
  }
  if (shard.answerWithinMs <= batch.intervalMs) {
    const message = `answerWithinMs: expected more than batch.intervalMs, ${batch.intervalMs}, got ${shard.answerWithinMs} (write for example ${Math.min(60_000, batch.intervalMs + 5_000)})`;
    context.report([...place, "answerWithinMs"], () => message);
  }
}

/** A head counts as too old after three refreshes and a second: within the MMD of 60 s. */
const STATIC_IDLE_REFRESH_MS_MAX = 15_000;
