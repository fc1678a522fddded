/**
 * Composition of what keeps the accepted roots: for a running log, and for the commands that
 * look at roots.
 * @module
 */
import { join } from "node:path";
import { MalformedError, messageOf } from "./base/errors.ts";
import { fetchText } from "./client/transport.ts";
import type { Clock } from "./clock/clock.ts";
import type { Config } from "./config/config.ts";
import { parseHex } from "./encoding/hex.ts";
import { lockFolder } from "./lock/folder-lock.ts";
import { RootsKeeper } from "./roots/keeper.ts";
import { readLedger } from "./roots/ledger.ts";
import { type ShownChange, showChange } from "./roots/ledger-line.ts";
import { parseRootsText, SourceReader, type SourceReading } from "./roots/load.ts";
import { MERGE_DELAY_MONITOR_ROOT } from "./roots/monitor-root.ts";
import { RootsState } from "./roots/state.ts";
import { sha256 } from "./signer/sha256.ts";
import type { Observer } from "./telemetry/observer.ts";
import { RootSet } from "./x509/roots.ts";

/** Bytes of a list of roots behind a URL: CCADB's largest has some 30 MB. */
const LIST_BYTES_MAX = 67_108_864;

const FETCH_MS_MAX = 30_000;

/** Newest changes that `/roots` shows; the file has them all. */
const CHANGES_SHOWN_MAX = 10_000;

/** Sets of roots for threads: a set stands once, and shards name theirs by position. */
export interface SharedRoots {
  readonly sets: readonly {
    /** DER. */
    readonly ders: readonly Uint8Array[];
    /** SHA-256 of blocked certificates. */
    readonly blocked: readonly Uint8Array[];
  }[];
  /** Position in `sets`, by the shard's position in the configuration. */
  readonly ofShard: readonly number[];
}

/** The folder of the ledger: no shard can have this name. */
export function rootsFolder(config: Pick<Config, "data">): string {
  return join(config.data, "_roots");
}

/** The text of a list of roots. @throws SourceError. */
export function fetchRootsText(
  url: string,
  signal?: AbortSignal,
  timeoutMs: number = FETCH_MS_MAX,
): Promise<string> {
  return fetchText({ url, bytesMax: LIST_BYTES_MAX, timeoutMs, signal });
}

/** Reads what the configuration accepts. @throws as `RootsKeeper.open`. */
export function openRoots(config: Config, clock: Clock, observer: Observer): Promise<RootsKeeper> {
  return RootsKeeper.open({
    shards: config.shards.map(({ name, roots }) => ({ name, sources: roots })),
    folder: rootsFolder(config),
    blocked: config.blocked,
    ...config.rootsReload,
    reader: new SourceReader({ sha256, fetchText: fetchRootsText }),
    lockFolder,
    sha256,
    clock,
    observer,
  });
}

/** Of a shard that was never created. */
const NO_ROOTS = new RootSet([], sha256, []);

/** What submissions to a shard are judged by; nothing where the keeper was not given it. */
export function rootsOf(keeper: RootsKeeper, shard: string): RootSet {
  return keeper.has(shard) ? keeper.rootsOf(shard) : NO_ROOTS;
}

/** What a keeper hands out, for other threads. */
export function shareRoots(config: Config, keeper: RootsKeeper): SharedRoots {
  const all = config.shards.map(({ name }) => rootsOf(keeper, name));
  const distinct = [...new Set(all)];
  const blocked = [...keeper.state.blocked.keys()].map(parseHex);
  return {
    sets: distinct.map(({ ders }) => ({ ders, blocked })),
    ofShard: all.map((roots) => distinct.indexOf(roots)),
  };
}

/** The sets that {@link shareRoots} made, by the shard's position. */
export function takeRoots({ sets, ofShard }: SharedRoots): readonly (RootSet | undefined)[] {
  const made = sets.map(({ ders, blocked }) => new RootSet(ders, sha256, blocked));
  return ofShard.map((position) => made[position]);
}

/** What `/roots` of the operations port answers. */
export function describeRoots(config: Config, keeper: RootsKeeper): object {
  const { state, changes } = keeper;
  const shown = changes.slice(-CHANGES_SHOWN_MAX).map(showChange);
  const kept = config.shards.filter(({ name }) => keeper.has(name));
  const shards = kept.map(({ name, roots: sources }): readonly [string, object] => {
    const { reloadedMs, refused } = keeper.reloadsOf(name);
    const accepted = [...state.acceptedBy(name).values()];
    const roots = accepted.map(({ sinceMs, ...root }) => ({
      ...root,
      since: formatTime(sinceMs),
      isBlocked: state.blocked.has(root.fingerprint),
    }));
    const count = keeper.rootsOf(name).count;
    const reloaded = reloadedMs === undefined ? null : formatTime(reloadedMs);
    return [name, { count, sources, reloaded, refused: refused ?? null, roots }];
  });
  const blocked = [...state.blocked.values()].map(showChange);
  return {
    shards: Object.fromEntries(shards),
    blocked,
    changeCount: changes.length,
    changes: shown,
  };
}

/** A root as the ledger has it. */
export interface ListedRoot {
  readonly fingerprint: string;
  readonly subject: string;
  readonly source: string;
  /** RFC 3339; undefined where it was read from its source just now. */
  readonly since: string | undefined;
  readonly isLost: boolean;
  readonly isBlocked: boolean;
}

/** What the ledger of a configuration says, read without taking it. */
export interface LedgerLook {
  readonly changes: readonly ShownChange[];
  /** What a shard accepts, in order; empty if it never ran. */
  readonly rootsOf: (shard: string) => readonly ListedRoot[];
}

/** Reads the ledger; the log may run. @throws MalformedError as `readLedger`. */
export async function lookAtLedger(config: Pick<Config, "data">): Promise<LedgerLook> {
  const { changes } = await readLedger(rootsFolder(config), sha256);
  const state = new RootsState();
  for (const change of changes) state.apply(change);
  const rootsOf = (shard: string): readonly ListedRoot[] =>
    [...state.acceptedBy(shard).values()].map(({ sinceMs, ...root }) => ({
      ...root,
      since: formatTime(sinceMs),
      isBlocked: state.blocked.has(root.fingerprint),
    }));
  return { changes: changes.map(showChange), rootsOf };
}

/** Reads one source: `mozilla`, a path or a URL. @throws MalformedError `MALFORMED_PEM`. */
export function readRoots(
  source: string,
  timeoutMs: number = FETCH_MS_MAX,
): Promise<SourceReading> {
  const fetchText = (url: string) => fetchRootsText(url, undefined, timeoutMs);
  return new SourceReader({ sha256, fetchText }).read(source, new AbortController().signal);
}

/** The roots in a text. @throws MalformedError `MALFORMED_PEM`, which names where it is from. */
export function parseRoots(from: string, text: string): SourceReading {
  try {
    return parseRootsText(text, sha256);
  } catch (cause) {
    const message = `${from} is no list of roots: ${messageOf(cause)}`;
    throw new MalformedError("MALFORMED_PEM", message, { cause });
  }
}

/** Whether these fingerprints have the root that Chrome's monitor needs. */
export function hasMonitorRoot(fingerprints: readonly string[]): boolean {
  return fingerprints.includes(MERGE_DELAY_MONITOR_ROOT);
}

function formatTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
