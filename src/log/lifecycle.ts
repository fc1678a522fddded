/**
 * A shard's life by its dates: it takes submissions until a while after its window ended.
 * @module
 */
import { RejectedError } from "../base/errors.ts";
import type { ShardIdentity } from "../storage/store.ts";

/** A shard closes this much after its NotAfter limit: every certificate in it has expired. */
export const CLOSE_AFTER_LIMIT_MS: number = 7 * 24 * 60 * 60 * 1000;

/** When add-* begin to answer 410; milliseconds since the Unix epoch. */
export function closesAtMs(shard: Pick<ShardIdentity, "notAfterLimitMs">): number {
  return shard.notAfterLimitMs + CLOSE_AFTER_LIMIT_MS;
}

/** @throws RejectedError `REJECTED_SHARD_CLOSED` once the shard has closed. */
export function requireNotClosed(
  identity: Pick<ShardIdentity, "name" | "notAfterLimitMs">,
  nowMs: number,
): void {
  if (nowMs < closesAtMs(identity)) return;
  const limit = new Date(identity.notAfterLimitMs).toISOString();
  throw new RejectedError(
    "REJECTED_SHARD_CLOSED",
    `shard ${identity.name} is closed: it took certificates that expire before ${limit}`,
  );
}
