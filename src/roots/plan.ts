/**
 * What a reading of the sources changes: pure. Additions are taken, losses recorded; a set that
 * lost too much is not believed.
 * @module
 */
import { MalformedError, messageOf } from "../base/errors.ts";
import type { RootsRefusal } from "../telemetry/observer.ts";
import type { FoundRoot, SourceReading } from "./load.ts";
import type { RootsChange, RootsChangeKind, RootsState } from "./state.ts";

/** A shard and where its roots come from. */
export interface ShardSources {
  readonly name: string;
  readonly sources: readonly string[];
}

/** A reading that changes nothing for a shard. */
export interface RefusedReading {
  readonly shard: string;
  readonly reason: RootsRefusal;
  readonly message: string;
}

/** See {@link planReload}. */
export interface PlannedReload {
  readonly changes: readonly RootsChange[];
  readonly refused: readonly RefusedReading[];
}

/** What a plan is made of. */
export interface PlanInput {
  readonly state: RootsState;
  readonly shards: readonly ShardSources[];
  /** For each source what it gave, or why it gave nothing; absent: it was not asked yet. */
  readonly readings: ReadonlyMap<string, SourceReading | Error>;
  /** Percent of a shard's roots that may be lost in one reading; 0 to 100. */
  readonly lossPercentMax: number;
  readonly nowMs: number;
}

/**
 * Compares what the sources gave with what is accepted.
 *
 * A source that gave nothing changes nothing: its roots stay, those of other sources are still
 * added, and nothing counts as lost. So does one that was not asked yet. If more than `lossPercentMax` of a shard's roots are gone,
 * nothing of the reading is taken for this shard.
 * @throws MalformedError if a source of a shard that never had roots gave nothing.
 */
export function planReload(input: PlanInput): PlannedReload {
  const changes = new Changes(input.state, input.nowMs);
  const refused: RefusedReading[] = [];
  for (const shard of input.shards) refused.push(...planShard(shard, input, changes));
  return { changes: changes.list(), refused };
}

function planShard(
  { name, sources }: ShardSources,
  { state, readings, lossPercentMax }: PlanInput,
  changes: Changes,
): readonly RefusedReading[] {
  const accepted = state.acceptedBy(name);
  const given = new Map<string, { readonly root: FoundRoot; readonly source: string }>();
  const refused: RefusedReading[] = [];
  let isWhole = true;
  for (const source of sources) {
    const reading = readings.get(source);
    if (reading === undefined || reading instanceof Error) {
      if (accepted.size === 0) throw reading ?? new MalformedError("MALFORMED_PEM", source);
      isWhole = false;
      if (reading === undefined) continue;
      const message = `${messageOf(reading)}; its roots stay as they are`;
      refused.push({ shard: name, reason: "source", message });
      continue;
    }
    for (const root of reading.roots) {
      if (!given.has(root.fingerprint)) given.set(root.fingerprint, { root, source });
    }
  }
  const present = [...accepted.values()].filter(({ isLost }) => !isLost);
  const lost = !isWhole ? [] : present.filter((root) => !given.has(root.fingerprint));
  if (lost.length * 100 > present.length * lossPercentMax) {
    const message =
      `the sources lost ${lost.length} of ${present.length} roots, more than ` +
      `${lossPercentMax} %: nothing of them is taken, the old set stays (check the sources; if ` +
      "this is meant, restart with a larger rootsReload.lossPercentMax)";
    return [{ shard: name, reason: "lost", message }];
  }
  for (const { root, source } of given.values()) {
    const known = accepted.get(root.fingerprint);
    if (known === undefined) changes.add("added", root, source, name);
    else if (known.isLost) changes.add("returned", root, source, name);
  }
  for (const root of lost) changes.add("lost", root, root.source, name);
  return refused;
}

/** Changes of one moment; one that is about several shards is one line. */
class Changes {
  readonly #state: RootsState;
  readonly #timeMs: number;
  readonly #found = new Map<string, RootsChange & { readonly shards: string[] }>();
  readonly #written = new Set<string>();

  constructor(state: RootsState, timeMs: number) {
    this.#state = state;
    this.#timeMs = timeMs;
  }

  add(
    change: RootsChangeKind,
    root: Pick<FoundRoot, "fingerprint" | "subject"> & { readonly der?: Uint8Array },
    source: string,
    shard: string,
  ): void {
    const { fingerprint, subject } = root;
    const key = `${change} ${fingerprint} ${source}`;
    const known = this.#found.get(key);
    if (known !== undefined) {
      known.shards.push(shard);
      return;
    }
    // The bytes stand once in the ledger.
    const isKnown =
      this.#written.has(fingerprint) || this.#state.certificate(fingerprint) !== undefined;
    this.#written.add(fingerprint);
    const base = { timeMs: this.#timeMs, change, fingerprint, subject, source, shards: [shard] };
    this.#found.set(key, isKnown ? base : { ...base, certificate: root.der });
  }

  list(): readonly RootsChange[] {
    return [...this.#found.values()];
  }
}

/** What changes if these and no others are blocked. */
export function planBlocking(
  state: RootsState,
  blocked: ReadonlyMap<string, string>,
  nowMs: number,
): readonly RootsChange[] {
  const change = (kind: RootsChangeKind, fingerprint: string, source: string): RootsChange => ({
    timeMs: nowMs,
    change: kind,
    fingerprint,
    subject: state.subjectOf(fingerprint),
    source,
    shards: [],
  });
  const added = [...blocked].filter(([fingerprint]) => !state.blocked.has(fingerprint));
  const removed = [...state.blocked].filter(([fingerprint]) => !blocked.has(fingerprint));
  return [
    ...added.map(([fingerprint, source]) => change("blocked", fingerprint, source)),
    ...removed.map(([fingerprint, { source }]) => change("unblocked", fingerprint, source)),
  ];
}
