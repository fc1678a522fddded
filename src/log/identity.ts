/**
 * A shard is one log for life: what is stored must be what the configuration says.
 * @module
 */
import { FatalError } from "../base/errors.ts";
import { formatHex } from "../encoding/hex.ts";
import type { ShardIdentity } from "../storage/store.ts";

/** @throws FatalError `FATAL_IDENTITY` naming each difference. */
export function requireIdentity(stored: ShardIdentity, wanted: ShardIdentity): void {
  const a = describe(stored);
  const b = describe(wanted);
  const differences = Object.keys(a).filter((key) => a[key] !== b[key]);
  if (differences.length === 0) return;
  const lines = differences.map((key) => `${key} is ${a[key]}, the configuration says ${b[key]}`);
  throw new FatalError(
    "FATAL_IDENTITY",
    `shard ${wanted.name} was created as another log: ${lines.join("; ")}. ` +
      "A log keeps its identity for life: restore the configuration",
  );
}

function describe(identity: ShardIdentity): Record<string, string> {
  return {
    name: identity.name,
    "log ID": formatHex(identity.logId),
    origin: identity.origin,
    type: identity.type,
    notAfterStart: new Date(identity.notAfterStartMs).toISOString(),
    notAfterLimit: new Date(identity.notAfterLimitMs).toISOString(),
  };
}
