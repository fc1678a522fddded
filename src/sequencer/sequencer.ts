/**
 * The one writer of a shard: takes groups of submissions from the pool, and for each: looks
 * it up, plans, commits, reads back and verifies, signs through the guard, publishes, answers.
 * Never in another order.
 * @module
 */
import { assert, defined } from "../base/assert.ts";
import { CtError, FatalError, messageOf } from "../base/errors.ts";
import { LinkedMap } from "../base/linked-map.ts";
import { Sleeper } from "../base/sleeper.ts";
import { bytesKey } from "../encoding/bytes.ts";
import type { SignedTreeHead } from "../rfc6962/tree-head.ts";
import type { Issuer } from "../storage/store.ts";
import type { ShardState } from "../telemetry/observer.ts";
import { reasonWithAdvice } from "./advice.ts";
import { type ClockVerdict, ClockWatch } from "./clock-watch.ts";
import { commitPlan } from "./commit.ts";
import { type Duplicate, findDuplicates } from "./duplicates.ts";
import { isFinal, isReadOnly } from "./fatal.ts";
import { KnownIssuers } from "./known-issuers.ts";
import { type LaterRecheck, recheckNewest } from "./later-recheck.ts";
import { LifeWatch } from "./life-watch.ts";
import {
  CLOSING,
  NOT_TAKING,
  type Outcome,
  POOL_FULL,
  type Sequencing,
  type Settle,
  type Submission,
  type Unavailable,
  unavailable,
} from "./message.ts";
import type { SequencerOptions } from "./options.ts";
import { planGroup, type Tree } from "./plan.ts";
import { answer, Pool, type PoolView, type Waiting } from "./pool.ts";
import { findProvenHead, recover } from "./recover.ts";
import { Gatherer } from "./stretch.ts";

/** After a fatal error that a reload can mend, the shard reloads this much later. */
const RELOAD_DELAY_MS = 1_000;

/** One shard's sequencer. */
export class Sequencer implements Sequencing {
  readonly #options: SequencerOptions;
  readonly #pool: Pool;
  readonly #watch: ClockWatch;
  readonly #life: LifeWatch;
  readonly #gatherer: Gatherer;
  /** The group between `take` and its answers, by dedup key. */
  readonly #running = new LinkedMap<string, Waiting>();
  readonly #issuers = new KnownIssuers();
  /** The committed tree; set after a commit returned, dropped by any error. */
  #tree: Tree | undefined;
  /** The last signed head. */
  #signed: SignedTreeHead | undefined;
  /** Steady time when the last head was made. */
  #lastHeadSteadyMs = Number.NEGATIVE_INFINITY;
  #state: ShardState = "starting";
  #reason = "the shard is starting";
  #heldReason: string | undefined;
  #isStopping = false;
  #halted: FatalError | undefined;
  #later: LaterRecheck | undefined;
  /** The loop's: light where a submission ends it. */
  readonly #sleeper: Sleeper;
  #loop: Promise<void> | undefined;

  constructor(options: SequencerOptions) {
    this.#options = options;
    this.#pool = new Pool(options.pool);
    const { clock, clockSteadyMs, dates } = options;
    this.#sleeper = new Sleeper(clock);
    this.#watch = new ClockWatch(clock, clockSteadyMs);
    this.#life = new LifeWatch(clock, dates, clockSteadyMs);
    this.#gatherer = new Gatherer(clock, options.batch, options.unjudgedMs);
  }

  get state(): ShardState {
    return this.#state;
  }

  /** Why the shard does not take submissions; empty when it does. */
  get reason(): string {
    return this.#heldReason ?? (this.#state === "open" ? "" : this.#reason);
  }

  /** How full the pool is. */
  get pool(): PoolView {
    return this.#pool;
  }

  /** Since when the oldest submission waits for its answer; steady time; undefined if none. */
  get waitingSinceMs(): number | undefined {
    return this.#running.oldest()?.[1].sinceMs ?? this.#pool.sinceMs;
  }

  /** What any submission would be refused with now, a full pool aside; undefined if nothing. */
  get refusal(): Unavailable | undefined {
    if (this.#isStopping) return CLOSING;
    if (this.#state !== "open") return unavailable("UNAVAILABLE_SHARD_NOT_READY", this.#reason);
    if (this.#heldReason !== undefined) {
      return unavailable("UNAVAILABLE_CLOCK_HELD", this.#heldReason);
    }
    return undefined;
  }

  /** Starts the loop. Resolves when the shard is open, or is known not to open by itself. */
  start(): Promise<void> {
    assert(this.#loop === undefined, "a sequencer is started once");
    return new Promise((resolve) => {
      this.#loop = this.#live(resolve);
    });
  }

  /** Refuses new submissions, finishes those in the pool, and ends the loop. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#options.changed();
    this.#sleeper.interrupt();
    await this.#loop;
    await this.#later?.stop();
  }

  /** Signs nothing after the group under way, for good: an answer would rest on damage. */
  halt(reason: string): void {
    this.#halted ??= new FatalError("FATAL_AUDIT", reason);
    this.#sleeper.interrupt();
  }

  /** Takes a group from a frontend; `settle` is called once for each submission. */
  sequence(group: readonly Submission[], settle: Settle): void {
    const wasIdle = this.#pool.entryCount === 0;
    for (const [position, submission] of group.entries()) {
      this.#enqueue(submission, (outcome) => settle(position, outcome));
    }
    this.#options.changed();
    if (wasIdle) this.#sleeper.wake();
  }

  /** See `Sequencing`. */
  lacksIssuer(submission: Submission): boolean {
    return this.#issuers.lacks(submission);
  }

  #enqueue(submission: Submission, waiter: (outcome: Outcome) => void): void {
    // A twin of an entry that is being committed gets that entry's answer.
    const running = this.#running.get(bytesKey(submission.dedupKey));
    if (running !== undefined) {
      running.waiters.push(waiter);
      return;
    }
    const { refusal } = this;
    if (refusal !== undefined) {
      waiter(refusal);
      return;
    }
    assert(!this.lacksIssuer(submission), "an entry names only issuers that can be read");
    const evicted = this.#pool.add(submission, waiter, this.#options.clock.monotonicMs());
    if (evicted === undefined) waiter(POOL_FULL);
    for (const waiting of evicted ?? []) answer(waiting, POOL_FULL);
  }

  async #live(started: () => void): Promise<void> {
    while (!this.#isStopping) {
      try {
        await this.#recover();
        started();
        while (!this.#isStopping || this.#pool.entryCount > 0) await this.#step();
      } catch (error) {
        this.#fail(error);
        if (this.#state === "read-only") await this.#showProven();
        started();
        if (isFinal(error)) return;
        await this.#sleep(RELOAD_DELAY_MS);
      }
    }
    this.#setState("stopped", "the shard was stopped");
    started();
  }

  async #recover(): Promise<void> {
    const { store, signer, clock, shard, observer, sha256, checkEntry } = this.#options;
    this.#issuers.clear();
    await this.#later?.stop();
    this.#later = undefined;
    const report = (message: string) => observer({ type: "recovery-step", shard, message });
    const trustedMs = () => this.#watch.trustedMs();
    const options = { sha256, store, signer, trustedMs, checkEntry, report };
    const recovered = await recover(options);
    this.#tree = recovered.tree;
    if (recovered.signed === undefined) {
      // The first head of a new log: the empty tree, through the same steps as any other.
      while (this.#signed === undefined && !this.#isStopping) await this.#step();
    } else {
      this.#publish(recovered.signed);
      // Wherever it was made, the next head keeps its distance from it.
      const ageMs = Math.max(0, clock.nowMs() - recovered.signed.timestampMs);
      const madeSteadyMs = clock.monotonicMs() - ageMs;
      this.#lastHeadSteadyMs = Math.max(this.#lastHeadSteadyMs, madeSteadyMs);
      await store.publish(recovered.signed);
      const doubted = () => this.#sleeper.interrupt();
      this.#later = await recheckNewest({ ...options, clock, doubted }, recovered.signed);
    }
    if (this.#life.isDatePassed(this.#lastMs)) await this.#step();
    // Not ready for a moment that the first submission would find out to be a lie.
    const verdict = this.#check();
    if (verdict.state === "held") this.#hold(verdict.message);
    this.#setState("open", "");
  }

  get #lastMs(): number {
    return this.#signed?.timestampMs ?? 0;
  }

  /** Whether clock and dates allow a head now. */
  #check(): ClockVerdict {
    const verdict = this.#watch.check(this.#lastMs);
    const message = verdict.state === "ready" ? this.#life.doubt(this.#lastMs) : undefined;
    return message === undefined ? verdict : { state: "held", message };
  }

  /** Waits until something is due and does it: one group, an idle refresh, or nothing. */
  async #step(): Promise<void> {
    await this.#untilDue();
    if (this.#isStopping && this.#pool.entryCount === 0) return;
    const verdict = this.#check();
    if (verdict.state === "wait") {
      await this.#sleep(verdict.waitMs);
    } else if (verdict.state === "held") {
      this.#hold(verdict.message);
      this.#refuseAll(unavailable("UNAVAILABLE_CLOCK_HELD", verdict.message));
      await this.#sleep(RELOAD_DELAY_MS);
    } else {
      const wasHeld = this.#heldReason !== undefined;
      this.#hold(undefined);
      // The way out of a hold may come before anything is due.
      if (wasHeld) return;
      // Frontends go by the last head; nothing gets in behind it.
      if (!this.#life.takesAt(verdict.nowMs)) this.#refuseAll(NOT_TAKING);
      if (this.#life.isOver(this.#lastMs)) return;
      const group = this.#pool.take(this.#options.batch);
      this.#options.changed();
      await this.#runGroup(group, verdict);
    }
  }

  async #runGroup(
    group: readonly Waiting[],
    ready: ClockVerdict & { readonly state: "ready" },
  ): Promise<void> {
    const { store, sha256, shard, observer, batch } = this.#options;
    const { nowMs } = ready;
    for (const waiting of group) this.#running.set(waiting.key, waiting);
    const size = this.#signed?.treeSize ?? 0;
    const { fresh, duplicates } = await findDuplicates(sha256, store, group, size);
    if (duplicates.length > 0) await this.#answerLogged(duplicates, true);
    // Duplicates alone make no head, but a stream of them must not keep the head from renewal.
    const isRefreshDue = ready.steadyMs - this.#lastHeadSteadyMs >= batch.idleRefreshMs;
    if (fresh.length === 0 && group.length > 0 && !isRefreshDue) return;

    const submissions = fresh.map((waiting) => waiting.submission);
    const tree = defined(this.#tree, "recovered before the first group");
    const isNew = (issuer: Issuer) => !this.#issuers.has(issuer);
    const plan = planGroup(sha256, tree, nowMs, submissions, isNew);
    this.#lastHeadSteadyMs = ready.steadyMs;
    this.#watch.accept(ready);
    const committed = await commitPlan(this.#options, this.#signed, plan);
    this.#tree = plan.tree;
    this.#publish(committed.signed);
    const mergeDelayMs = this.#options.clock.monotonicMs() - ready.steadyMs;
    const logged = fresh.map((waiting, position) => ({
      waiting,
      leafIndex: tree.frontier.size + position,
      timestampMs: nowMs,
      leaf: defined(committed.read.leaves[position], "one leaf an entry"),
      dedupKey: defined(committed.read.dedupKeys[position], "one key an entry"),
    }));
    await this.#answerLogged(logged, false);
    this.#gatherer.answered();
    this.#options.changed();
    for (const issuer of plan.commit.issuers) this.#issuers.add(issuer);
    const { commitMs, verifyMs, signMs } = committed;
    observer({
      type: "batch-committed",
      shard,
      treeSize: plan.tree.head.treeSize,
      entryCount: fresh.length,
      entryBytes: plan.commit.entries.reduce((sum, entry) => sum + entry.length, 0),
      commitMs,
      verifyMs,
      signMs,
      mergeDelayMs,
    });
    await store.publish(committed.signed);
  }

  /** Signs SCTs for entries of the published tree, and tells everyone who waits for them. */
  async #answerLogged(logged: readonly Duplicate[], isDuplicate: boolean): Promise<void> {
    const signatures = await this.#options.signer.signScts(logged.map(({ leaf }) => leaf));
    for (const [position, { waiting, leafIndex, timestampMs, dedupKey }] of logged.entries()) {
      const signature = defined(signatures[position], "one signature a leaf");
      this.#running.delete(waiting.key);
      answer(waiting, {
        type: "logged",
        leafIndex,
        timestampMs,
        signature,
        dedupKey,
        isDuplicate,
      });
    }
  }

  #publish(signed: SignedTreeHead): void {
    this.#signed = signed;
    this.#options.publish(signed);
    const { treeSize, timestampMs } = signed;
    const { shard, observer } = this.#options;
    observer({ type: "head-published", shard, treeSize, timestampMs });
  }

  /** Drops everything that memory believes, and tells everyone who waits. */
  #fail(error: unknown): void {
    const { shard, observer } = this.#options;
    this.#tree = undefined;
    this.#hold(undefined);
    const message = messageOf(error);
    const code = error instanceof CtError ? error.code : "BUG";
    observer({ type: "shard-fatal", shard, code, message });
    this.#setState(isReadOnly(error) ? "read-only" : "failed", reasonWithAdvice(error));
    const running = this.#running.values();
    this.#running.clear();
    const outcome = unavailable(
      "UNAVAILABLE_OUTCOME_UNKNOWN",
      "the entry may be in the log; the same submission again gets its SCT",
    );
    for (const waiting of running) answer(waiting, outcome);
    this.#refuseAll(unavailable("UNAVAILABLE_SHARD_NOT_READY", this.#reason));
  }

  #refuseAll(refusal: Unavailable): void {
    for (const waiting of this.#pool.clear()) answer(waiting, refusal);
  }

  /** What is proven stays readable; no head is shown in this state. */
  async #showProven(): Promise<void> {
    const head = await findProvenHead(this.#options.sha256, this.#options.store);
    if (head !== undefined) this.#options.publish(head);
  }

  #setState(state: ShardState, message: string): void {
    this.#state = state;
    this.#reason = message;
    const { shard, observer, changed } = this.#options;
    changed();
    observer({ type: "shard-state", shard, state, message });
  }

  #hold(reason: string | undefined): void {
    if (reason !== undefined && this.#heldReason === undefined) {
      const { shard, observer } = this.#options;
      observer({ type: "clock-held", shard, message: reason });
    }
    if (reason === this.#heldReason) return;
    this.#heldReason = reason;
    this.#options.changed();
  }

  async #untilDue(): Promise<void> {
    for (;;) {
      if (this.#halted !== undefined) throw this.#halted;
      if (this.#later?.isDoubtful === true) await this.#later.mend(this.#signed);
      const isWaiting = this.#pool.entryCount > 0;
      if (this.#isStopping && !isWaiting) return;
      // A held shard takes nothing that could be due: it looks at the clock, and no more.
      if (this.#heldReason !== undefined) return;
      const { batch } = this.#options;
      const waitMs = isWaiting
        ? this.#gatherer.dueInMs(this.#lastHeadSteadyMs, this.#pool.entryCount)
        : this.#life.headDueInMs(this.#lastMs, this.#lastHeadSteadyMs, batch);
      if (waitMs <= 0) return;
      await this.#sleep(Math.ceil(waitMs), true);
    }
  }

  async #sleep(delayMs: number, isWokenBySubmission = false): Promise<void> {
    if (this.#isStopping && this.#pool.entryCount === 0) return;
    await this.#sleeper.sleep(delayMs, isWokenBySubmission);
  }
}
