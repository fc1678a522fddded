/**
 * The running self-audit: walks through a shard that is served, again and again, at a bounded
 * rate. What it finds counts only once files that were opened afresh show it too.
 * @module
 */
import { FatalError, messageOf } from "../base/errors.ts";
import { Sleeper } from "../base/sleeper.ts";
import type { AuditSource } from "../client/source.ts";
import type { Clock } from "../clock/clock.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { EMPTY_FRONTIER, type Frontier, frontierRoot } from "../merkle/frontier.ts";
import type { Sha256 } from "../merkle/hash.ts";
import type { TreeHead } from "../rfc6962/tree-head.ts";
import type { Observer } from "../telemetry/observer.ts";
import { auditChunk, type ChunkContext } from "./chunk.ts";
import { FINDINGS_MAX, type Finding, finding, formatFinding } from "./finding.ts";
import { auditTables, type TableSource } from "./tables.ts";

/** Entries at a time: some 2 ms of the thread that also answers. A power of two. */
const CHUNK_ENTRIES = 16;

/**
 * It rests once it is ahead of its rate by so much, not after each chunk; milliseconds. The first
 * chunk after a rest costs three times what the next ones do, for the processor's caches have
 * forgotten its code: at 200 a second, four at a time take half of what four by themselves take.
 */
const REST_MS_MIN = 250;

/** Between two chunks others have their turn; milliseconds. */
const TURN_MS = 1;

/** Bytes of tables that are gone through in the time of one entry: a tenth of its work. */
const TABLE_BYTES_PER_ENTRY = 8_192;

/** Between two passes, and before a store is asked again that did not answer. */
const PAUSE_MS = 10_000;

/** The same shard through files that were opened just now. */
export interface SecondLook extends AsyncDisposable {
  readonly source: AuditSource;
}

/** What a self-audit works with. */
export interface SelfAuditOptions {
  readonly shard: string;
  readonly source: AuditSource;
  /** The tables below the store. */
  readonly tables: TableSource;
  readonly reopen: () => Promise<SecondLook>;
  /** The published head. */
  readonly head: () => TreeHead | undefined;
  readonly clock: Clock;
  readonly sha256: Sha256;
  readonly observer: Observer;
  /** More than 0. */
  readonly entriesPerSecond: number;
  /** Stops signing: an answer would rest on what is damaged. */
  readonly halt: (reason: string) => void;
  /** Told what stands confirmed, in a sentence; undefined when a pass found nothing more. */
  readonly tell: (damage: string | undefined) => void;
}

/** One shard's self-audit. */
export class SelfAudit {
  readonly #options: SelfAuditOptions;
  /** Confirmed damage by its line, with the pass that saw it last; at most 1,000. */
  readonly #standing = new Map<string, number>();
  #passNumber = 0;
  #isStopping = false;
  readonly #sleeper: Sleeper;
  #life: Promise<void> | undefined;
  /** Opened by the first finding of a pass, closed with it. */
  #secondLook: SecondLook | undefined;

  constructor(options: SelfAuditOptions) {
    this.#options = options;
    this.#sleeper = new Sleeper(options.clock);
  }

  /** Begins in the background. */
  start(): void {
    this.#life ??= this.#live();
  }

  /** Ends within one chunk. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#sleeper.interrupt();
    await this.#life;
  }

  async #live(): Promise<void> {
    while (!this.#isStopping) {
      const head = this.#options.head();
      try {
        if (head !== undefined) await this.#pass(head);
      } catch (error) {
        // The store reloads, or has no room: what is there is looked at again later.
        const { shard, observer } = this.#options;
        observer({ type: "audit-interrupted", shard, message: messageOf(error) });
      } finally {
        await this.#closeSecondLook();
      }
      await this.#sleep(PAUSE_MS);
    }
  }

  async #pass(head: TreeHead): Promise<void> {
    const { shard, observer, clock, entriesPerSecond } = this.#options;
    const { treeSize } = head;
    const startMs = clock.monotonicMs();
    const knownIssuers = new Set<string>();
    this.#passNumber += 1;
    await this.#requireTables(entriesPerSecond);
    let frontier: Frontier | undefined = EMPTY_FRONTIER;
    let dueMs = clock.monotonicMs();
    for (let start = 0; start < treeSize && !this.#isStopping; start += CHUNK_ENTRIES) {
      const end = Math.min(treeSize, start + CHUNK_ENTRIES);
      frontier = await this.#auditChunk(head, knownIssuers, frontier, start, end);
      observer({ type: "audit-progress", shard, position: end, treeSize });
      const nowMs = clock.monotonicMs();
      // A chunk that took longer than its time is not made up for.
      dueMs = Math.max(nowMs, dueMs + ((end - start) * 1_000) / entriesPerSecond);
      const aheadMs = dueMs - nowMs;
      await this.#sleep(aheadMs >= REST_MS_MIN || end === treeSize ? aheadMs : TURN_MS);
    }
    if (this.#isStopping) return;
    await this.#auditRoot(head, frontier);
    for (const [line, passNumber] of this.#standing) {
      if (passNumber !== this.#passNumber) this.#standing.delete(line);
    }
    this.#tell();
    const durationMs = clock.monotonicMs() - startMs;
    observer({ type: "audit-pass", shard, treeSize, durationMs, damage: this.#standing.size });
  }

  /** While one is damaged nothing is opened again: LevelDB may end the process over it. */
  async #requireTables(entriesPerSecond: number): Promise<void> {
    const damaged = await auditTables(this.#options.tables, {
      pace: async (bytes) => {
        await this.#sleep((bytes * 1_000) / (entriesPerSecond * TABLE_BYTES_PER_ENTRY));
        return !this.#isStopping;
      },
      report: (found, isConfirmed) => this.#report(found, isConfirmed),
    });
    if (damaged === 0) return;
    const message = "a table is damaged: entries are not looked at until its file is mended";
    throw new FatalError("FATAL_STORE_CORRUPT", message);
  }

  async #auditChunk(
    head: TreeHead,
    knownIssuers: Set<string>,
    frontier: Frontier | undefined,
    start: number,
    end: number,
  ): Promise<Frontier | undefined> {
    const { source, sha256 } = this.#options;
    const context = { sha256, head, requiresLeafIndex: true };
    const first: ChunkContext = { ...context, source, knownIssuers };
    const report = await auditChunk(first, frontier, start, end);
    if (report.findings.length === 0) return report.frontier;
    const second = {
      ...context,
      source: await this.#openSecondLook(),
      knownIssuers: new Set<string>(),
    };
    const again = await auditChunk(second, frontier, start, end);
    const lines = new Set(again.findings.map(placeOf));
    for (const found of report.findings) this.#report(found, lines.has(placeOf(found)));
    return again.frontier ?? report.frontier;
  }

  /** The entries must lead to the root; and if they do not, neither must the stored edge. */
  async #auditRoot(head: TreeHead, frontier: Frontier | undefined): Promise<void> {
    const { sha256 } = this.#options;
    const { treeSize, rootHash } = head;
    // Damage that keeps the root from being computed was found and told already.
    if (frontier === undefined || equalBytes(frontierRoot(sha256, frontier), rootHash)) return;
    const where = `the head of size ${treeSize}`;
    const hashes = await (await this.#openSecondLook()).frontier(treeSize);
    const isConfirmed = !equalBytes(frontierRoot(sha256, { size: treeSize, hashes }), rootHash);
    this.#report(finding("root", where, "the entries do not lead to its root"), isConfirmed);
  }

  /** Tells a finding once, for as long as it stands. */
  #report(found: Finding, isConfirmed: boolean): void {
    const { shard, observer, halt } = this.#options;
    const { kind, where, message, isForSigning } = found;
    const line = formatFinding(found);
    const isKnown = this.#standing.has(line);
    if (isConfirmed && (isKnown || this.#standing.size < FINDINGS_MAX)) {
      this.#standing.set(line, this.#passNumber);
    }
    if (isKnown) return;
    observer({ type: "audit-finding", shard, kind, where, message, isConfirmed, isForSigning });
    if (!isConfirmed) return;
    this.#tell();
    if (isForSigning) halt(`the self-audit found damage that an answer would rest on: ${line}`);
  }

  #tell(): void {
    const [first] = this.#standing.keys();
    const more = this.#standing.size > 1 ? ` (and ${this.#standing.size - 1} more)` : "";
    this.#options.tell(first === undefined ? undefined : `${first}${more}`);
  }

  async #openSecondLook(): Promise<AuditSource> {
    if (this.#secondLook === undefined) {
      await this.#requireTables(Number.POSITIVE_INFINITY);
      this.#secondLook = await this.#options.reopen();
    }
    return this.#secondLook.source;
  }

  async #closeSecondLook(): Promise<void> {
    const look = this.#secondLook;
    this.#secondLook = undefined;
    await look?.[Symbol.asyncDispose]();
  }

  async #sleep(delayMs: number): Promise<void> {
    if (!this.#isStopping) await this.#sleeper.sleep(delayMs);
  }
}

function placeOf({ kind, where }: Finding): string {
  return `${kind}: ${where}`;
}
