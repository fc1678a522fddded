/**
 * What a frontend does with a chain: parse, judge, verify, build the entry. No store, no key;
 * its result is a message for the sequencer.
 * @module
 */
import { CtError, UnavailableError } from "../base/errors.ts";
import { closesAtMs, isTaking, phaseAt, type ShardDates } from "../base/shard-life.ts";
import type { Clock } from "../clock/clock.ts";
import type { Sha256 } from "../merkle/hash.ts";
import {
  type AdmissionPolicy,
  isInWindow,
  judgeSubmission,
  readSubmission,
} from "../policy/admission.ts";
import {
  ISSUERS_REMEMBERED_MAX,
  LOW_PRIORITY_FULLNESS_MAX,
  PAIRS_REMEMBERED_MAX,
} from "../policy/limits.ts";
import { priorityOf } from "../policy/priority.ts";
import { dedupKeyOf, type Submission } from "../sequencer/message.ts";
import type { ShardIdentity } from "../storage/store.ts";
import type { ChainRules, VerifySignature } from "../x509/chain.ts";
import { IssuerCache, VerifiedPairs } from "../x509/known.ts";
import type { RootSet } from "../x509/roots.ts";
import { IssuerLabels } from "./issuer-labels.ts";
import { KnownBodies } from "./known-bodies.ts";
import type { SubmitEndpoint } from "./log.ts";

/** A shard that a submitter may be sent to. */
interface OtherShard extends Pick<ShardIdentity, "name" | "notAfterStartMs" | "notAfterLimitMs"> {
  /** Absent: those of its window. */
  readonly dates?: ShardDates;
}

/** What a judge goes by. */
export interface JudgeOptions {
  readonly roots: RootSet;
  readonly policy: AdmissionPolicy;
  /** For telling a submitter which shard takes its certificate, among those that take any. */
  readonly otherShards: readonly OtherShard[];
  readonly verifySignature: VerifySignature;
  readonly sha256: Sha256;
  readonly clock: Clock;
  /** Certificates that began to be valid longer ago than this have low priority; milliseconds. */
  readonly lowPriorityAfterMs: number;
}

/** Judges chains for one shard. Remembers issuers, verified pairs and bodies, all bounded. */
export class Judge {
  /** What bodies were answered; whoever answers them fills it. */
  readonly known: KnownBodies;
  /** For metrics. */
  readonly issuers: IssuerLabels = new IssuerLabels();
  readonly #options: JudgeOptions;
  readonly #verified = new VerifiedPairs(PAIRS_REMEMBERED_MAX);
  #rules: ChainRules;

  constructor(options: JudgeOptions) {
    this.#options = options;
    this.known = new KnownBodies(options.sha256);
    this.#rules = {
      roots: options.roots,
      issuers: new IssuerCache(ISSUERS_REMEMBERED_MAX),
      verified: this.#verified,
      verifySignature: options.verifySignature,
      sha256: options.sha256,
    };
  }

  /** The accepted roots. */
  get roots(): RootSet {
    return this.#rules.roots;
  }

  /** From now on, paths must end in these roots; what was verified before is verified again. */
  replaceRoots(roots: RootSet): void {
    this.#verified.clear();
    this.known.clear();
    this.#rules = { ...this.#rules, roots };
  }

  /**
   * Name of an open shard that takes this NotAfter: of `own` if its window does, else of one
   * of the others; undefined if none does.
   */
  takerOf(notAfterMs: number, own: string): string | undefined {
    const { policy, otherShards, clock } = this.#options;
    const shards = [{ ...policy, name: own }, ...otherShards];
    const nowMs = clock.nowMs();
    return shards.find((shard) => {
      const { notAfterLimitMs = Number.POSITIVE_INFINITY } = shard;
      return isInWindow(notAfterMs, shard) && takesAt({ ...shard, notAfterLimitMs }, nowMs);
    })?.name;
  }

  /**
   * The message for the sequencer. Byte arrays may be views into `chain`.
   * @param chain DER, leaf first; an attacker's.
   * @param poolFullness 0 to 1: when the pool is nearly full, submissions of low priority are
   *   refused before anything is verified.
   * @throws MalformedError, RejectedError; UnavailableError `UNAVAILABLE_POOL_FULL`.
   */
  judge(endpoint: SubmitEndpoint, chain: readonly Uint8Array[], poolFullness: number): Submission {
    const { policy, otherShards, sha256, clock, lowPriorityAfterMs } = this.#options;
    const rules = this.#rules;
    const nowMs = clock.nowMs();
    const open = otherShards.filter((shard) => takesAt(shard, nowMs));
    const submission = readSubmission(chain, rules);
    const priority = priorityOf(submission.leaf, nowMs, lowPriorityAfterMs);
    if (priority === "low" && poolFullness >= LOW_PRIORITY_FULLNESS_MAX) {
      const message = "the pool is nearly full, and older or already logged certificates give way";
      throw new UnavailableError("UNAVAILABLE_POOL_FULL", message);
    }
    const admitted = this.#blaming(submission.leaf.issuer, () =>
      judgeSubmission(submission, { endpoint, policy, rules, otherShards: open }),
    );
    return {
      dedupKey: dedupKeyOf(sha256, admitted.entry),
      entry: admitted.entry,
      precertificate: admitted.precertificate,
      chainFingerprints: admitted.chain.map(({ fingerprint }) => fingerprint),
      issuers: admitted.chain,
      priority,
    };
  }

  #blaming<T>(issuer: Uint8Array, judge: () => T): T {
    try {
      return judge();
    } catch (error) {
      if (error instanceof CtError) this.issuers.blame(error, issuer);
      throw error;
    }
  }
}

function takesAt(shard: Pick<OtherShard, "notAfterLimitMs" | "dates">, nowMs: number): boolean {
  const { dates = { closesAtMs: closesAtMs(shard) } } = shard;
  return isTaking(phaseAt(dates, nowMs));
}
