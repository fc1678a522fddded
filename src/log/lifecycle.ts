/**
 * What a shard's place in its life refuses.
 * @module
 */
import { RejectedError } from "../base/errors.ts";
import type { ShardDates, ShardPhase } from "../base/shard-life.ts";
import type { ShardIdentity } from "../storage/store.ts";

/**
 * @returns `REJECTED_SHARD_PLANNED` before the shard opens, `REJECTED_SHARD_CLOSED` once it has
 *   closed, undefined between.
 */
export function refusalIn(
  identity: Pick<ShardIdentity, "name" | "notAfterLimitMs">,
  { opensAtMs = 0 }: ShardDates,
  phase: ShardPhase,
): RejectedError | undefined {
  const { name } = identity;
  if (phase === "planned") {
    const opens = new Date(opensAtMs).toISOString();
    const message = `shard ${name} is announced and not open yet: it takes submissions from ${opens} on`;
    return new RejectedError("REJECTED_SHARD_PLANNED", message);
  }
  if (phase === "read-only" || phase === "retired") {
    const limit = new Date(identity.notAfterLimitMs).toISOString();
    const message = `shard ${name} is closed: it took certificates that expire before ${limit}`;
    return new RejectedError("REJECTED_SHARD_CLOSED", message);
  }
  return undefined;
}

/** @throws what {@link refusalIn} returns. */
export function requireTaking(...inPhase: Parameters<typeof refusalIn>): void {
  const refusal = refusalIn(...inPhase);
  if (refusal !== undefined) throw refusal;
}
