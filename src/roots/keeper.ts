/**
 * Keeps the accepted roots of all shards: reads their sources at start, when asked and by a
 * schedule, decides what to take, records it in the ledger, and only then hands out new sets.
 * Whatever goes wrong, the old sets stay; blocking comes first and waits for nothing.
 * @module
 */
import { messageOf } from "../base/errors.ts";
import type { Clock } from "../clock/clock.ts";
import { parseHex } from "../encoding/hex.ts";
import type { Observer, RootsRefusal } from "../telemetry/observer.ts";
import type { Sha256 } from "../x509/known.ts";
import { RootSet } from "../x509/roots.ts";
import { readBlocklist } from "./blocklist.ts";
import { LedgerFile, readLedger } from "./ledger.ts";
import { isUrl, type SourceReader, type SourceReading } from "./load.ts";
import { MERGE_DELAY_MONITOR_ROOT, monitorRootWarning } from "./monitor-root.ts";
import { planBlocking, planReload, type RefusedReading, type ShardSources } from "./plan.ts";
import { type RootsChange, RootsState } from "./state.ts";

/** What roots are kept by. */
export interface KeeperOptions {
  readonly shards: readonly ShardSources[];
  /** Holds the ledger; made when the first change is written. */
  readonly folder: string;
  readonly blocked: {
    /** 64 lower-case digits each. */
    readonly fingerprints: readonly string[];
    /** Absolute path; read again with each reload. */
    readonly file?: string | undefined;
  };
  /** Between two reloads by the schedule, in milliseconds; 0: there is no schedule. */
  readonly intervalMs: number;
  /** See `planReload`. */
  readonly lossPercentMax: number;
  readonly reader: SourceReader;
  readonly lockFolder: (path: string) => Promise<AsyncDisposable>;
  readonly sha256: Sha256;
  readonly clock: Clock;
  readonly observer: Observer;
}

/** Takes new sets, by shard; only those that changed. Resolves once every thread goes by them. */
export type ApplyRoots = (changed: ReadonlyMap<string, RootSet>) => Promise<void>;

/** How a shard's last reloads went. */
export interface ShardReloads {
  /** When its roots were last read without a refusal; milliseconds since the Unix epoch. */
  readonly reloadedMs: number | undefined;
  /** Why the last reading was refused; undefined if it was not. */
  readonly refused: string | undefined;
}

/** See the module. */
export class RootsKeeper implements AsyncDisposable {
  readonly #options: KeeperOptions;
  readonly #state = new RootsState();
  readonly #changes: RootsChange[];
  readonly #sets = new Map<string, RootSet>();
  readonly #reloads = new Map<string, ShardReloads>();
  readonly #warned = new Set<string>();
  /** The file's part of what is blocked, as last read. */
  #blockedInFile: readonly string[] = [];
  /** Changes that were decided before the ledger was opened. */
  #unwritten: readonly RootsChange[] = [];
  #ledgerBytes: number;
  #ledger: LedgerFile | undefined;
  #apply: ApplyRoots = () => Promise.resolve();
  #cancel: () => void = () => {};
  readonly #stopping = new AbortController();
  /** Whether sources were passed over when it was opened. */
  #isPending = false;
  /** What was refused for all shards since the last reading. */
  #refusedForAll: string[] = [];
  /** The end of the reload that runs. */
  #turn: Promise<void> = Promise.resolve();
  /** The reload that waits for its turn: it will see what changed until it begins. */
  #next: Promise<void> | undefined;

  private constructor(options: KeeperOptions, changes: readonly RootsChange[], bytes: number) {
    this.#options = options;
    this.#changes = [...changes];
    this.#ledgerBytes = bytes;
    for (const change of changes) this.#state.apply(change);
  }

  /**
   * Reads ledger, blocked certificates and sources; of shards that the ledger knows, the local
   * ones, so that a restart waits for no answer. Nothing is written yet.
   * @throws MalformedError if the ledger or what is blocked cannot be read, or if a source of a
   *   shard gives nothing and the ledger knows no root of that shard.
   */
  static async open(options: KeeperOptions): Promise<RootsKeeper> {
    const { changes, bytes } = await readLedger(options.folder, options.sha256);
    const keeper = new RootsKeeper(options, changes, bytes);
    const { file } = options.blocked;
    if (file !== undefined) keeper.#blockedInFile = await readBlocklist(file);
    const readings = await keeper.#readSources((source, isNew) => isNew || !isUrl(source));
    const planned = keeper.#plan(readings);
    keeper.#take(planned.changes);
    const blocking = keeper.#planBlocking();
    keeper.#take(blocking);
    keeper.#unwritten = [...planned.changes, ...blocking];
    keeper.#makeSets();
    keeper.#tell(readings, planned.refused, planned.changes);
    keeper.#warnOfMonitorRoot();
    return keeper;
  }

  /** Whether it was given this shard. */
  has(shard: string): boolean {
    return this.#sets.has(shard);
  }

  /** What submissions to a shard are judged by. @throws RangeError for a shard it was not given. */
  rootsOf(shard: string): RootSet {
    const roots = this.#sets.get(shard);
    if (roots === undefined) throw new RangeError(`no roots of ${shard}`);
    return roots;
  }

  /** What is accepted and blocked. */
  get state(): RootsState {
    return this.#state;
  }

  /** Every change, the oldest first. */
  get changes(): readonly RootsChange[] {
    return this.#changes;
  }

  /** How the last reloads of a shard went. */
  reloadsOf(shard: string): ShardReloads {
    return this.#reloads.get(shard) ?? { reloadedMs: undefined, refused: undefined };
  }

  /**
   * Writes what was decided at start, and begins to follow the schedule. A ledger that cannot be
   * written is reported; the log serves.
   */
  async start(apply: ApplyRoots): Promise<void> {
    this.#apply = apply;
    try {
      await this.#write([]);
    } catch (error) {
      this.#refuse("", "ledger", messageOf(error));
    }
    if (this.#isPending) void this.reload().then(() => this.#schedule());
    else this.#schedule();
  }

  /** Reads everything again. Several calls while one reload runs are one. Never rejects. */
  reload(): Promise<void> {
    if (this.#next === undefined) {
      this.#next = this.#turn.then(async () => {
        this.#next = undefined;
        if (this.#isStopping) return;
        try {
          await this.#reload();
        } catch (error) {
          this.#refuse("", "source", messageOf(error));
        }
      });
      this.#turn = this.#next;
    }
    return this.#next;
  }

  /** Ends the schedule and closes the ledger; a reload that still waits for sources is given up. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    this.#cancel();
    await this.#turn;
    await this.#ledger?.[Symbol.asyncDispose]();
  }

  get #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  #schedule(): void {
    const { clock, intervalMs } = this.#options;
    if (intervalMs === 0 || this.#isStopping) return;
    this.#cancel = clock.after(intervalMs, () => {
      void this.reload().then(() => this.#schedule());
    });
  }

  async #reload(): Promise<void> {
    await this.#reloadBlocked();
    const readings = await this.#readSources(() => true);
    if (this.#isStopping) return;
    const planned = this.#plan(readings);
    const taken = await this.#record(planned.changes);
    if (taken.length > 0) {
      this.#take(taken);
      await this.#applySets();
    }
    this.#tell(readings, planned.refused, taken);
  }

  /** What is blocked counts at once, written down or not. */
  async #reloadBlocked(): Promise<void> {
    const { file } = this.#options.blocked;
    if (file === undefined) return;
    try {
      this.#blockedInFile = await readBlocklist(file);
    } catch (error) {
      this.#refuse("", "blocklist", `${messageOf(error)}; what was blocked stays blocked`);
      return;
    }
    const changes = this.#planBlocking();
    if (changes.length === 0) return;
    this.#take(changes);
    await this.#applySets();
    this.#unwritten = [...this.#unwritten, ...changes];
    await this.#record([]);
  }

  /** Writes changes. @returns Those that were written: none, if it failed. */
  async #record(changes: readonly RootsChange[]): Promise<readonly RootsChange[]> {
    if (changes.length === 0 && this.#unwritten.length === 0) return [];
    try {
      await this.#write(changes);
      return changes;
    } catch (error) {
      this.#refuse("", "ledger", `the ledger cannot be written: ${messageOf(error)}`);
      return [];
    }
  }

  async #write(changes: readonly RootsChange[]): Promise<void> {
    const all = [...this.#unwritten, ...changes];
    if (all.length === 0) return;
    const { folder, lockFolder } = this.#options;
    this.#ledger ??= await LedgerFile.open(folder, this.#ledgerBytes, lockFolder);
    await this.#ledger.append(all);
    this.#unwritten = [];
  }

  #planBlocking(): readonly RootsChange[] {
    const { fingerprints, file } = this.#options.blocked;
    const inFile = this.#blockedInFile.map((fingerprint) => [fingerprint, file ?? ""] as const);
    const inConfig = fingerprints.map((fingerprint) => [fingerprint, "configuration"] as const);
    return planBlocking(this.#state, new Map([...inFile, ...inConfig]), this.#nowMs());
  }

  #plan(readings: ReadonlyMap<string, SourceReading | Error>): ReturnType<typeof planReload> {
    const { shards, lossPercentMax } = this.#options;
    return planReload({
      state: this.#state,
      shards,
      readings,
      lossPercentMax,
      nowMs: this.#nowMs(),
    });
  }

  /** @param isDue Whether to read a source now; `isNew` if a shard that has no roots needs it. */
  async #readSources(
    isDue: (source: string, isNew: boolean) => boolean,
  ): Promise<ReadonlyMap<string, SourceReading | Error>> {
    const { shards, reader } = this.#options;
    const isNew = (name: string): boolean => this.#state.acceptedBy(name).size === 0;
    const due = shards.flatMap(({ name, sources }) =>
      sources.filter((source) => isDue(source, isNew(name))),
    );
    const sources = [...new Set(due)];
    const read = async (source: string): Promise<readonly [string, SourceReading | Error]> => {
      try {
        const reading = await reader.read(source, this.#stopping.signal);
        for (const warning of reading.warnings) this.#warn(`${source}: ${warning}`);
        return [source, reading];
      } catch (error) {
        return [source, error instanceof Error ? error : new Error(String(error))];
      }
    };
    return new Map(await Promise.all(sources.map(read)));
  }

  #take(changes: readonly RootsChange[]): void {
    for (const change of changes) {
      this.#state.apply(change);
      this.#changes.push(change);
    }
  }

  async #applySets(): Promise<void> {
    const changed = this.#makeSets();
    if (changed.size > 0) await this.#apply(changed);
  }

  /** Shards that accept the same share one set. @returns The sets that changed. */
  #makeSets(): ReadonlyMap<string, RootSet> {
    const changed = new Map<string, RootSet>();
    const made = new Map<string, RootSet>();
    const blocked = [...this.#state.blocked.keys()].map(parseHex);
    for (const { name } of this.#options.shards) {
      const fingerprints = [...this.#state.acceptedBy(name).keys()];
      const key = fingerprints.join();
      let roots = made.get(key);
      if (roots === undefined) {
        const ders = fingerprints.map((fingerprint) => this.#state.certificate(fingerprint));
        const present = ders.filter((der) => der !== undefined);
        roots = new RootSet(present, this.#options.sha256, blocked);
        made.set(key, roots);
      }
      const old = this.#sets.get(name);
      if (old !== undefined && isSameSet(old, roots)) continue;
      this.#sets.set(name, roots);
      changed.set(name, roots);
    }
    return changed;
  }

  /** Reports the outcome of a reading for each shard. */
  #tell(
    readings: ReadonlyMap<string, unknown>,
    refused: readonly RefusedReading[],
    changes: readonly RootsChange[],
  ): void {
    const nowMs = this.#nowMs();
    for (const { name, sources } of this.#options.shards) {
      const isPending = !sources.every((source) => readings.has(source));
      this.#isPending ||= isPending;
      const objections = refused.filter(({ shard }) => shard === name);
      const all = [...this.#refusedForAll, ...objections.map((objection) => objection.message)];
      const message = all.join("; ");
      const before = this.reloadsOf(name);
      if (message !== "") this.#reloads.set(name, { ...before, refused: message });
      else if (!isPending) this.#reloads.set(name, { reloadedMs: nowMs, refused: undefined });
      for (const { reason, message: why } of objections) this.#refuse(name, reason, why);
      this.#options.observer({
        type: "roots-read",
        shard: name,
        isWhole: message === "" && !isPending,
        rootCount: this.rootsOf(name).count,
        lostCount: [...this.#state.acceptedBy(name).values()].filter((root) => root.isLost).length,
        blockedCount: this.#state.blocked.size,
        changeCount: changes.filter(({ shards }) => shards.includes(name)).length,
        timestampMs: nowMs,
      });
    }
    this.#refusedForAll = [];
  }

  #refuse(shard: string, reason: RootsRefusal, message: string): void {
    if (shard === "") this.#refusedForAll.push(message);
    this.#options.observer({ type: "roots-refused", shard, reason, message });
  }

  #warnOfMonitorRoot(): void {
    const without = this.#options.shards.filter(
      ({ name }) =>
        this.rootsOf(name).withFingerprint(parseHex(MERGE_DELAY_MONITOR_ROOT)) === undefined,
    );
    if (without.length > 0) this.#warn(monitorRootWarning(without.map(({ name }) => name)));
  }

  /** Once for each text: a schedule would say it for ever. */
  #warn(message: string): void {
    if (this.#warned.has(message) || this.#warned.size >= WARNINGS_MAX) return;
    this.#warned.add(message);
    this.#options.observer({ type: "roots-warning", message });
  }

  #nowMs(): number {
    return this.#options.clock.nowMs();
  }
}

/** Different warnings of one process at most. */
const WARNINGS_MAX = 1_000;

function isSameSet(a: RootSet, b: RootSet): boolean {
  return (
    a.count === b.count &&
    a.all.every(({ key }, index) => key === b.all[index]?.key) &&
    a.blockedKeys.size === b.blockedKeys.size &&
    [...a.blockedKeys].every((key) => b.blockedKeys.has(key))
  );
}
