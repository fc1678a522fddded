/**
 * Steps 6 to 8 of a submission's life, in the one order that is safe: commit, read back and
 * verify, sign through the guard. Nothing here decides; each step says what a crash leaves.
 * @module
 */
import { defined } from "../base/assert.ts";
import { FatalError } from "../base/errors.ts";
import type { Clock } from "../clock/clock.ts";
import { equalBytes } from "../encoding/bytes.ts";
import type { Sha256 } from "../merkle/hash.ts";
import type { SignedTreeHead } from "../rfc6962/tree-head.ts";
import type { Signer } from "../signer/signer.ts";
import type { Store } from "../storage/store.ts";
import { readCommitted } from "./committed-nodes.ts";
import type { Plan } from "./plan.ts";
import { proveFrom } from "./recover.ts";
import { type CheckEntry, type ReadBack, verifyCommitted } from "./verify.ts";

/** What the steps work with. */
export interface CommitOptions {
  readonly store: Store;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly sha256: Sha256;
  readonly checkEntry: CheckEntry;
}

/** A group that is durable and whose head is signed, but not yet published. */
export interface Committed {
  readonly signed: SignedTreeHead;
  /** The group as it was read back: its SCTs are made from these bytes. */
  readonly read: ReadBack;
  readonly commitMs: number;
  readonly verifyMs: number;
  readonly signMs: number;
}

/**
 * Commits `plan` on top of the head `last`, which is the last signed one.
 * @throws FatalError or UnavailableError; whatever it is, the outcome is unknown to memory.
 */
export async function commitPlan(
  options: CommitOptions,
  last: SignedTreeHead | undefined,
  plan: Plan,
): Promise<Committed> {
  const { store, signer, clock, sha256, checkEntry } = options;
  const { head } = plan.tree;
  const startMs = clock.monotonicMs();
  // A crash in here leaves nothing, or entry bytes beyond the committed size: ignored.
  await store.commit(plan.commit);
  // A crash from here on leaves a committed head that was never signed: recovery proves it,
  // signs and publishes it, and a submitter's retry finds its entry.
  const committedMs = clock.monotonicMs();
  const { entriesSha256 } = plan.commit;
  const stored = await readCommitted(store, last, head);
  const read = await verifyCommitted(sha256, stored, last, head, entriesSha256, checkEntry);
  requireSubmitted(plan, read);
  await requireIssuers(plan, store);
  const verifiedMs = clock.monotonicMs();
  const proof = await proveFrom(sha256, stored, last, head);
  const signed = await signer.signTreeHead(head, proof);
  // A crash from here on: the guard knows the head, so recovery publishes the very same.
  return {
    signed,
    read,
    commitMs: committedMs - startMs,
    verifyMs: verifiedMs - committedMs,
    signMs: clock.monotonicMs() - verifiedMs,
  };
}

/** What was read back is what the frontends sent, by the key that covers all of it. */
function requireSubmitted(plan: Plan, read: ReadBack): void {
  for (const [position, key] of plan.commit.dedupKeys.entries()) {
    if (!equalBytes(defined(read.dedupKeys[position], "one key an entry"), key)) {
      throw new FatalError(
        "FATAL_VERIFY_MISMATCH",
        `entry ${position} of the group is not what was submitted`,
      );
    }
  }
}

/** Every fingerprint that an entry names answers before the entry is visible. */
async function requireIssuers(plan: Plan, store: Store): Promise<void> {
  for (const issuer of plan.commit.issuers) {
    const stored = await store.readIssuer(issuer.fingerprint);
    if (stored === undefined || !equalBytes(stored, issuer.der)) {
      throw new FatalError("FATAL_VERIFY_MISMATCH", "an issuer of the group was not stored");
    }
  }
}
