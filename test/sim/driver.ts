/**
 * One simulated life of a shard: clients, faults and deaths in a seeded order over the real
 * Shard (sequencer, recovery, judge, reader) and the real guard; then calm, and an audit.
 * @module
 */
import assert from "node:assert/strict";
import { CtError } from "../../src/base/errors.ts";
import { Judge } from "../../src/log/judge.ts";
import { Shard } from "../../src/log/shard.ts";
import { hashLeaf } from "../../src/merkle/hash.ts";
import { EcdsaKey } from "../../src/signer/ecdsa.ts";
import { GuardedSigner } from "../../src/signer/guard.ts";
import type { LogEvent } from "../../src/telemetry/observer.ts";
import { RootSet } from "../../src/x509/roots.ts";
import { OPEN_POLICY } from "../support/admission.ts";
import { TEST_IDENTITY } from "../support/commits.ts";
import { makeKeyPem } from "../support/keys.ts";
import { sha256 } from "../support/sha256.ts";
import { Checker } from "./checker.ts";
import { readSome } from "./reads.ts";
import { SimGuardDisk, SimGuardFolder } from "./sim-guard.ts";
import { SimDisk, SimStore, type StorePlant } from "./sim-store.ts";
import { SIM_ROOT, type SimSubmission, SUBMISSIONS } from "./submissions.ts";
import { CALM, type Knobs, World } from "./world.ts";

/** What a run may be told; all of it optional. */
export interface SimOptions {
  /** Steps with faults; the calm after them is not counted. 400 unless given. */
  readonly steps?: number;
  /** Instead of the seed's own. */
  readonly knobs?: Knobs;
  readonly plant?: StorePlant;
  readonly trace?: (line: string) => void;
}

/** What came of a run. */
export interface SimResult {
  readonly seed: number;
  readonly stepCount: number;
  readonly treeSize: number;
  readonly sctCount: number;
  readonly headCount: number;
  readonly processCount: number;
}

/** Steps that the calm may take until everything is answered. */
const CALM_STEPS_MAX = 20_000;

const KEY = new EcdsaKey(makeKeyPem());

/** Runs one seed. @throws Error that names the seed and what was violated. */
export async function runSeed(seed: number, options: SimOptions = {}): Promise<SimResult> {
  const simulation = new Simulation(seed, options);
  try {
    return await simulation.run(options.steps ?? 400);
  } catch (cause) {
    const what = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`seed ${seed}: ${what}`, { cause });
  }
}

class Simulation {
  readonly #seed: number;
  readonly #world: World;
  readonly #disk: SimDisk;
  readonly #guard = new SimGuardDisk(KEY.logId);
  readonly #checker: Checker;
  #shard: Shard | undefined;
  #processCount = 0;
  #isStopping = false;
  /** Submissions whose client waits; a death leaves them without an answer. */
  #waiting = new Set<SimSubmission>();
  /** Submissions that got 503 or no answer: their clients try again. */
  readonly #retries: SimSubmission[] = [];

  constructor(seed: number, options: SimOptions) {
    this.#seed = seed;
    this.#world = new World(seed, options.knobs);
    this.#disk = new SimDisk({ ...TEST_IDENTITY, logId: KEY.logId }, options.plant);
    this.#checker = new Checker(this.#world, this.#disk, KEY);
    if (options.trace !== undefined) this.#world.trace = options.trace;
    this.#world.trace(`knobs ${JSON.stringify(this.#world.knobs)}`);
  }

  async run(steps: number): Promise<SimResult> {
    const world = this.#world;
    this.#boot();
    while (world.stepCount < steps) await this.#step();
    // The last fault was; what follows must come right by itself, or after one restart.
    world.trace("calm");
    world.knobs = CALM;
    world.skewMs = 0;
    this.#kill();
    await this.#reboot();
    for (const submission of SUBMISSIONS.slice(0, 3)) this.#submit(submission);
    let calmSteps = 0;
    while (this.#waiting.size + this.#retries.length > 0) {
      const retry = this.#retries.pop();
      if (retry !== undefined) this.#submit(retry);
      await this.#advance();
      calmSteps += 1;
      assert(calmSteps < CALM_STEPS_MAX, `no progress: ${this.#shard?.status().reason}`);
    }
    await this.#audit();
    const { heads, receipts } = this.#checker;
    return {
      seed: this.#seed,
      stepCount: world.stepCount,
      treeSize: heads.at(-1)?.treeSize ?? 0,
      sctCount: receipts.size,
      headCount: heads.length,
      processCount: this.#processCount,
    };
  }

  /** One thing happens: a fault, something that a client does, or an I/O completes. */
  async #step(): Promise<void> {
    const world = this.#world;
    const { random, knobs } = world;
    if (random.chance(knobs.crash)) {
      this.#kill();
      await this.#reboot();
    } else if (!this.#isStopping && random.chance(knobs.restart)) {
      this.#stop();
    } else if (random.chance(knobs.clockJump * (world.skewMs === 0 ? 1 : 4))) world.jumpClock();
    else if (random.chance(knobs.clockDrift)) world.driftClock();
    const needsOperator = this.#shard?.status().state === "failed" && random.chance(0.01);
    if (needsOperator) {
      this.#kill();
      await this.#reboot();
    }
    if (random.chance(0.2)) {
      const retry = random.chance(0.5) ? this.#retries.pop() : undefined;
      this.#submit(retry ?? random.pick(SUBMISSIONS));
    } else if (this.#shard !== undefined && random.chance(0.05)) {
      readSome(this.#shard, this.#checker, random);
    }
    await this.#advance();
  }

  async #advance(): Promise<void> {
    const world = this.#world;
    world.stepCount += 1;
    world.advance();
    await world.settle();
    const shard = this.#shard;
    if (shard !== undefined) this.#checker.guard(() => this.#checker.onHead(shard));
    if (this.#checker.violation !== undefined) throw this.#checker.violation;
  }

  #boot(): void {
    const world = this.#world;
    const checker = this.#checker;
    this.#processCount += 1;
    this.#isStopping = false;
    world.confirmedSkewMs = world.skewMs;
    const onSigned = checker.onSigned.bind(checker);
    const folder = new SimGuardFolder(world, this.#guard, ({ head }) =>
      checker.guard(() => head !== undefined && onSigned(head)),
    );
    const clock = world.clock();
    const observer = (event: LogEvent): void => {
      world.trace(`${world.steadyMs} ${JSON.stringify(event)}`);
      checker.guard(() => checker.onEvent(event));
    };
    this.#shard = new Shard({
      identity: this.#disk.memory.identity,
      store: new SimStore(world, this.#disk),
      signer: new GuardedSigner({ key: KEY, folder, sha256 }),
      judge: new Judge({
        roots: new RootSet([SIM_ROOT.der], sha256),
        policy: OPEN_POLICY,
        otherShards: [],
        verifySignature: () => {},
        sha256,
        clock,
        lowPriorityAfterMs: 86_400_000,
      }),
      clock,
      sha256,
      observer,
      batch: { entriesMax: 8, bytesMax: 20_000, intervalMs: 10, idleRefreshMs: 2_000 },
      pool: { entriesMax: 12, bytesMax: 30_000 },
      answerWithinMs: 5_000,
      clockSteadyMs: undefined,
      // In every other seed groups are stretched, half of the time.
      unjudgedMs: () => (this.#seed % 2 === 0 && world.steadyMs % 4_000 < 2_000 ? 1_000 : 0),
    });
    void this.#shard.start();
  }

  #kill(): void {
    this.#shard = undefined;
    this.#world.kill();
  }

  async #reboot(): Promise<void> {
    await this.#world.settle();
    this.#disk.crash(this.#world);
    this.#retries.push(...this.#waiting);
    this.#waiting = new Set();
    this.#boot();
  }

  #stop(): void {
    const shard = this.#shard;
    if (shard === undefined) return;
    this.#isStopping = true;
    void shard.stop().then(() => {
      if (this.#shard !== shard) return;
      this.#retries.push(...this.#waiting);
      this.#waiting = new Set();
      this.#world.kill();
      this.#boot();
    });
  }

  #submit(submission: SimSubmission): void {
    const shard = this.#shard;
    if (shard === undefined) return;
    const waiting = this.#waiting;
    waiting.add(submission);
    const { endpoint, chain, name } = submission;
    this.#world.trace(`${this.#world.steadyMs} submit ${name}`);
    shard.submit(endpoint, chain).then(
      (sct) => {
        waiting.delete(submission);
        this.#world.trace(`${this.#world.steadyMs} SCT for ${name}`);
        this.#checker.guard(() => this.#checker.onSct(shard, submission, sct));
      },
      (error: unknown) => {
        waiting.delete(submission);
        const code = error instanceof CtError ? error.code : String(error);
        this.#world.trace(`${this.#world.steadyMs} ${code} for ${name}`);
        this.#checker.guard(() => assert.match(code, /^UNAVAILABLE_/, `${name}: ${code}`));
        if (waiting === this.#waiting) this.#retries.push(submission);
      },
    );
  }

  /** Everything that was promised is there, and what was published is one history. */
  async #audit(): Promise<void> {
    const shard = this.#shard;
    assert(shard !== undefined);
    const { heads, leafHashes, receipts } = this.#checker;
    const head = shard.head();
    const entries = head.treeSize === 0 ? [] : await this.#finish(shard.readEntries(0, 1_024));
    for (const [index, { leafInput }] of entries.entries()) {
      assert.deepEqual(hashLeaf(sha256, leafInput), leafHashes[index]);
    }
    for (const receipt of receipts.values()) {
      const { leafIndex } = receipt;
      const found: { readonly leafIndex: number; readonly path: readonly Uint8Array[] } =
        await this.#finish(shard.proveByHash(receipt.leafHash, head.treeSize));
      assert.equal(found.leafIndex, leafIndex);
      this.#checker.onInclusion(receipt, head, found.path);
    }
    for (const old of heads.slice(-12)) {
      const proof = await this.#finish(shard.proveConsistency(old.treeSize, head.treeSize));
      this.#checker.onConsistency(old, head, proof);
    }
  }

  /** Steps until `wanted` is there. */
  async #finish<T>(wanted: Promise<T>): Promise<T> {
    let isDone = false;
    const done = wanted.finally(() => {
      isDone = true;
    });
    done.catch(() => {});
    while (!isDone) await this.#advance();
    return done;
  }
}
