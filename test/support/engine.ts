/**
 * A sequencer over memory for tests: one disk, one guard, one clock, which survive the
 * processes that a test opens and crashes.
 * @module
 */
import type { Clock } from "../../src/clock/clock.ts";
import type { SignedTreeHead } from "../../src/rfc6962/tree-head.ts";
import { dedupKeyOf, type Outcome, type Submission } from "../../src/sequencer/message.ts";
import type { SequencerOptions } from "../../src/sequencer/options.ts";
import { Sequencer } from "../../src/sequencer/sequencer.ts";
import { EcdsaKey } from "../../src/signer/ecdsa.ts";
import { GuardedSigner } from "../../src/signer/guard.ts";
import type { GuardFolder } from "../../src/signer/guard-folder.ts";
import type { GuardRecord } from "../../src/signer/guard-record.ts";
import type { Signer } from "../../src/signer/signer.ts";
import { MemoryDisk, openMemoryStore } from "../../src/storage/memory.ts";
import type { Issuer, Store } from "../../src/storage/store.ts";
import type { LogEvent } from "../../src/telemetry/observer.ts";
import { randomBytes, TEST_IDENTITY } from "./commits.ts";
import { makeKeyPem } from "./keys.ts";
import { ManualClock, settle } from "./manual-clock.ts";
import { sha256 } from "./sha256.ts";

/** The key of every engine in one process. */
export const ENGINE_KEY: EcdsaKey = new EcdsaKey(makeKeyPem());

/** A guard's folder in memory; it outlives its signers. */
export class MemoryGuard implements GuardFolder {
  last: GuardRecord;
  /** What was written, oldest first. */
  readonly written: GuardRecord[] = [];
  /** Replaces the next writes; may call `apply`. */
  onWrite: (apply: () => void) => Promise<void> = async (apply) => apply();

  constructor(logId: Uint8Array = ENGINE_KEY.logId) {
    this.last = { sequence: 1, logId, head: undefined };
  }

  write(record: GuardRecord): Promise<void> {
    return this.onWrite(() => {
      this.last = record;
      this.written.push(record);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** What a test may replace. */
export type EngineOptions = Partial<Omit<SequencerOptions, "store" | "signer">> & {
  readonly wrapStore?: (store: Store) => Store;
  readonly wrapSigner?: (signer: Signer) => Signer;
};

/** One shard's machine. */
export class Engine {
  readonly clock: ManualClock = new ManualClock();
  readonly disk: MemoryDisk = new MemoryDisk({ ...TEST_IDENTITY, logId: ENGINE_KEY.logId });
  readonly guard: MemoryGuard = new MemoryGuard();
  readonly events: LogEvent[] = [];
  /** Every head that was published, oldest first. */
  readonly heads: SignedTreeHead[] = [];
  #options: EngineOptions;
  #sequencer: Sequencer | undefined;

  constructor(options: EngineOptions = {}) {
    this.#options = options;
  }

  get sequencer(): Sequencer {
    if (this.#sequencer === undefined) throw new Error("open the engine first");
    return this.#sequencer;
  }

  /** The head that reads see. */
  get head(): SignedTreeHead | undefined {
    return this.heads.at(-1);
  }

  /** Starts a process on the disk; the one before must be stopped or crashed. */
  async open(options: EngineOptions = {}): Promise<Sequencer> {
    this.#options = { ...this.#options, ...options };
    const { wrapStore, wrapSigner, ...rest } = this.#options;
    const store = openMemoryStore(this.disk);
    const signer = new GuardedSigner({ key: ENGINE_KEY, folder: this.guard, sha256 });
    this.#sequencer = new Sequencer({
      shard: TEST_IDENTITY.name,
      store: wrapStore?.(store) ?? store,
      signer: wrapSigner?.(signer) ?? signer,
      clock: this.clock as Clock,
      sha256,
      observer: (event) => this.events.push(event),
      batch: { entriesMax: 1_000, bytesMax: 10_000_000, intervalMs: 100, idleRefreshMs: 10_000 },
      pool: { entriesMax: 2_000, bytesMax: 20_000_000 },
      checkEntry: () => {},
      clockSteadyMs: undefined,
      publish: (head) => this.heads.push(head),
      changed: () => {},
      ...rest,
    });
    void this.#sequencer.start();
    await settle();
    return this.#sequencer;
  }

  /** The process is dead; what it held is gone. */
  crash(): void {
    this.disk.crash();
    this.#sequencer = undefined;
  }

  /** Hands one submission over; resolves with its answer. */
  submit(submission: Submission): Promise<Outcome> {
    return new Promise((resolve) => {
      this.sequencer.sequence([submission], (_, outcome) => resolve(outcome));
    });
  }

  /** Submits and lets time pass until it is answered. */
  async log(...indices: number[]): Promise<readonly Outcome[]> {
    const outcomes = Promise.all(indices.map((index) => this.submit(makeSubmission(index))));
    await this.clock.advance(200);
    return outcomes;
  }

  eventsOf<Type extends LogEvent["type"]>(type: Type): (LogEvent & { readonly type: Type })[] {
    return this.events.filter((event): event is LogEvent & { type: Type } => event.type === type);
  }

  /** The code of the last fatal error. */
  get fatalCode(): string | undefined {
    return this.eventsOf("shard-fatal").at(-1)?.code;
  }
}

const ISSUERS: readonly Issuer[] = [0, 1].map((index) => {
  const der = randomBytes(`engine issuer ${index}`, 120);
  return { fingerprint: sha256(der), der };
});

/** Submission `index`: a certificate of some bytes; every third is a precertificate. */
export function makeSubmission(
  index: number,
  options: { readonly priority?: Submission["priority"]; readonly bodyBytes?: number } = {},
): Submission {
  const body = randomBytes(`engine ${index}`, options.bodyBytes ?? 60);
  const isPrecert = index % 3 === 1;
  const entry: Submission["entry"] = isPrecert
    ? { type: "precert", issuerKeyHash: randomBytes("engine issuer key", 32), tbs: body }
    : { type: "x509", certificate: body };
  return {
    dedupKey: dedupKeyOf(sha256, entry),
    entry,
    precertificate: isPrecert ? randomBytes(`engine precertificate ${index}`, 70) : undefined,
    chainFingerprints: ISSUERS.slice(index % 2).map(({ fingerprint }) => fingerprint),
    issuers: ISSUERS.slice(index % 2),
    priority: options.priority ?? "normal",
  };
}

/** A store (or signer) whose calls go through `hook` first. */
export function intercept<Port extends object>(
  port: Port,
  hook: (method: string, call: () => unknown, args: readonly unknown[]) => unknown,
): Port {
  return new Proxy(port, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function" || typeof name !== "string") {
        return typeof value === "function" ? value.bind(target) : value;
      }
      return (...args: unknown[]) => hook(name, () => value.apply(target, args), args);
    },
  });
}
