/**
 * What a process did in the last hour and the last day: a look every ten seconds, kept in memory
 * as what happened since the look before, and in two small files for each shard, which outlive
 * the process. Nothing here touches the log: what cannot be written is dropped and said once.
 * @module
 */
import { join } from "node:path";
import { messageOf } from "../base/errors.ts";
import type { Clock } from "../clock/clock.ts";
import { RANGES, type Range } from "./range.ts";
import { RingFile } from "./ring.ts";
import { decodeRow, encodeRow } from "./row.ts";
import { PROCESS, type Sample } from "./sample.ts";
import { mergeGauges, type Step, stepBetween } from "./step.ts";

const RANGE_NAMES: readonly Range[] = ["hour", "day"];

/** Below `data`; no shard's name begins so. */
export const HISTORY_FOLDER = "_history";

/** What a history is made of. */
export interface HistoryOptions {
  /** Of the files. */
  readonly folder: string;
  /** Names of the shards. */
  readonly shards: readonly string[];
  /** Looks at what was counted until now, by shard and of the process. */
  readonly look: () => Promise<ReadonlyMap<string, Sample>>;
  readonly clock: Clock;
  /** Is told once that rows are not kept, until one is again. */
  readonly onUnwritten: (message: string) => void;
  /** A test's fails. */
  readonly openRing?: typeof RingFile.open;
}

/** One range of one shard. */
interface Tier {
  readonly path: string;
  readonly range: Range;
  ring: RingFile | undefined;
  steps: Step[];
  /** The last sample in it, of whatever run. */
  last: Sample | undefined;
  /** Gauges of the looks since then. */
  peaks: Sample["gauges"];
}

/** See the module. */
export class History implements AsyncDisposable {
  readonly #options: HistoryOptions;
  readonly #tiers: ReadonlyMap<string, readonly Tier[]>;
  #cancel: () => void = () => {};
  /** The end of reading, then of the last look with its writes: one at a time. */
  #turn: Promise<void> = Promise.resolve();
  #isStarted = false;
  #isOver = false;
  #isUnwritten = false;
  #isRead = false;

  constructor(options: HistoryOptions) {
    this.#options = options;
    this.#tiers = new Map(
      [PROCESS, ...options.shards].map((name) => [
        name,
        RANGE_NAMES.map((range) => ({
          path: join(options.folder, `${name}.${range}`),
          range,
          ring: undefined,
          steps: [],
          last: undefined,
          peaks: {},
        })),
      ]),
    );
  }

  /** Reads what is there, in the background, and looks from then on. */
  start(): void {
    this.#isStarted = true;
    this.#turn = this.#open();
    this.#turn = this.#turn.then(() => this.#lookAndKeep());
    this.#waitForNext();
  }

  /** What is there of a shard, or of {@link PROCESS}, in a range up to the last look. */
  steps(name: string, range: Range): readonly Step[] {
    const tier = this.#tierOf(name, range);
    const nowMs = this.#options.clock.nowMs();
    const { spanMs, everyMs } = RANGES[range];
    // A clock that was set back leaves looks of a time that is to come.
    const isWithin = ({ endMs }: Step) => endMs > nowMs - spanMs && endMs < nowMs + everyMs;
    return tier?.steps.filter(isWithin).toSorted((a, b) => a.endMs - b.endMs) ?? [];
  }

  /** As {@link steps}, with what happened since the last look, by this one. */
  stepsUntil(name: string, range: Range, now: Sample): readonly Step[] {
    const last = this.#tierOf(name, range)?.last;
    const isNewer = last === undefined || last.timeMs < now.timeMs;
    return isNewer ? [...this.steps(name, range), stepBetween(last, now)] : this.steps(name, range);
  }

  /** Whether all is there that the files hold. */
  get isRead(): boolean {
    return this.#isRead;
  }

  /** Whether rows are kept in files. */
  get isKept(): boolean {
    return !this.#isUnwritten;
  }

  /** Looks for the last time, and closes the files. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#cancel();
    if (this.#isStarted) this.#turn = this.#turn.then(() => this.#lookAndKeep(true));
    await this.#turn;
    this.#isOver = true;
    for (const tier of this.#all()) await tier.ring?.close().catch(() => {});
  }

  /** Looks now, and keeps it; for tests. Resolves once it is written. */
  lookNow(): Promise<void> {
    this.#turn = this.#turn.then(() => this.#lookAndKeep());
    return this.#turn;
  }

  #waitForNext(): void {
    this.#cancel = this.#options.clock.after(RANGES.hour.everyMs, () => {
      if (this.#isOver) return;
      void this.lookNow();
      this.#waitForNext();
    });
  }

  async #open(): Promise<void> {
    const open = this.#options.openRing ?? RingFile.open;
    for (const tiers of this.#tiers.values()) {
      for (const tier of tiers) {
        if (this.#isOver) return;
        try {
          const { ring, rows, isFromStart } = await open(tier.path, RANGES[tier.range].slots);
          tier.ring = ring;
          for (const row of rows) {
            const sample = await decodeRow(row);
            if (sample === undefined) continue;
            // What came before the oldest row of a full ring is forgotten.
            if (tier.last === undefined && !isFromStart) tier.last = sample;
            else append(tier, sample);
          }
        } catch (thrown) {
          this.#unwritten(thrown);
        }
      }
      // What the day missed of a run that ended between two of its looks.
      const [hour, day] = tiers;
      const end = hour?.last;
      if (end === undefined || end.runMs !== day?.last?.runMs) continue;
      if (end.timeMs > day.last.timeMs) await this.#write(day, end);
    }
    this.#isRead = true;
  }

  /** Never rejects. */
  async #lookAndKeep(isLast = false): Promise<void> {
    if (this.#isOver) return;
    let samples: ReadonlyMap<string, Sample>;
    try {
      samples = await this.#options.look();
    } catch (thrown) {
      this.#unwritten(thrown);
      return;
    }
    for (const [name, tiers] of this.#tiers) {
      const sample = samples.get(name);
      if (sample === undefined) continue;
      for (const tier of tiers) await this.#keep(tier, sample, isLast);
    }
  }

  async #keep(tier: Tier, sample: Sample, isLast: boolean): Promise<void> {
    const gauges = mergeGauges(tier.peaks, sample.gauges);
    const sinceMs = sample.timeMs - (tier.last?.timeMs ?? Number.NEGATIVE_INFINITY);
    // Of a look that is late, the next is early; a clock that was set back begins anew.
    const isDue = sinceMs < 0 || sinceMs >= RANGES[tier.range].everyMs - RANGES.hour.everyMs / 2;
    if (!isDue && !isLast) {
      tier.peaks = gauges;
      return;
    }
    await this.#write(tier, { ...sample, gauges });
  }

  async #write(tier: Tier, sample: Sample): Promise<void> {
    append(tier, sample);
    try {
      const row = await encodeRow(sample);
      if (row === undefined || tier.ring === undefined) return;
      await tier.ring.append(row);
      this.#isUnwritten = false;
    } catch (thrown) {
      this.#unwritten(thrown);
    }
  }

  #unwritten(thrown: unknown): void {
    if (this.#isUnwritten) return;
    this.#isUnwritten = true;
    this.#options.onUnwritten(messageOf(thrown));
  }

  #tierOf(name: string, range: Range): Tier | undefined {
    return this.#tiers.get(name)?.find((tier) => tier.range === range);
  }

  #all(): readonly Tier[] {
    return [...this.#tiers.values()].flat();
  }
}

function append(tier: Tier, sample: Sample): void {
  tier.steps.push(stepBetween(tier.last, sample));
  if (tier.steps.length > RANGES[tier.range].slots) tier.steps.shift();
  tier.last = sample;
  tier.peaks = {};
}
