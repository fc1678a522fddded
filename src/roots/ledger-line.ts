/**
 * A line of the ledger: one change of the accepted roots as JSON.
 *
 * ```json
 * {"time":"2026-11-23T12:00:00.000Z","change":"added","fingerprint":"<64 hex>",
 *  "subject":"CN=...","source":"mozilla","shards":["nimbus2027"],"certificate":"<base64 DER>"}
 * ```
 * @module
 */
import { MalformedError } from "../base/errors.ts";
import { formatBase64 } from "../encoding/base64.ts";
import { formatHex } from "../encoding/hex.ts";
import { type JsonObject, parseJsonObject } from "../encoding/json.ts";
import type { Sha256 } from "../x509/known.ts";
import type { RootsChange, RootsChangeKind } from "./state.ts";

const KINDS: readonly RootsChangeKind[] = ["added", "lost", "returned", "blocked", "unblocked"];

/** What people are told of a change: all but the certificate. */
export interface ShownChange {
  /** RFC 3339, UTC. */
  readonly time: string;
  readonly change: RootsChangeKind;
  readonly fingerprint: string;
  readonly subject: string;
  readonly source: string;
  readonly shards: readonly string[];
}

/** A change as JSON has it. */
export function showChange(change: RootsChange): ShownChange {
  return {
    time: new Date(change.timeMs).toISOString(),
    change: change.change,
    fingerprint: change.fingerprint,
    subject: change.subject,
    source: change.source,
    shards: change.shards,
  };
}

/** One line, with its end. */
export function formatLedgerLine(change: RootsChange): string {
  const { certificate } = change;
  const shown = showChange(change);
  const line =
    certificate === undefined ? shown : { ...shown, certificate: formatBase64(certificate) };
  return `${JSON.stringify(line)}\n`;
}

/**
 * Reads what {@link formatLedgerLine} writes, without the line end.
 * @throws MalformedError `MALFORMED_JSON`, also for a certificate with another SHA-256.
 */
export function parseLedgerLine(line: string, sha256: Sha256): RootsChange {
  const body = parseJsonObject(line);
  const timeMs = Date.parse(body.text("time"));
  const change = KINDS.find((kind) => kind === body.text("change"));
  const fingerprint = body.text("fingerprint");
  const certificate = body.has("certificate") ? body.bytes("certificate") : undefined;
  if (Number.isNaN(timeMs)) throw malformed("no time");
  if (change === undefined) throw malformed("no change that is known");
  if (!/^[0-9a-f]{64}$/.test(fingerprint)) throw malformed("no fingerprint");
  if (certificate !== undefined && formatHex(sha256(certificate)) !== fingerprint) {
    throw malformed("a certificate with another SHA-256");
  }
  const subject = body.text("subject");
  const source = body.text("source");
  return { timeMs, change, fingerprint, subject, source, shards: namesOf(body), certificate };
}

function namesOf(body: JsonObject): readonly string[] {
  return body.list("shards").map((name) => {
    if (typeof name !== "string") throw malformed("a shard that is no name");
    return name;
  });
}

function malformed(message: string): MalformedError {
  return new MalformedError("MALFORMED_JSON", message);
}
