/**
 * Where entries that a store has lost are fetched again: through either public API, from a
 * folder with the files of the static one, or from another store. Only what the log's own key
 * has signed is believed of its size and root; the rest is proven against that.
 * @module
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { MalformedError, messageOf } from "../base/errors.ts";
import type { Sha256 } from "../merkle/hash.ts";
import { assembleProof, planConsistency } from "../merkle/proof.ts";
import { decodeDigitallySigned } from "../rfc6962/signature.ts";
import { encodeTreeHeadToSign, type SignedTreeHead } from "../rfc6962/tree-head.ts";
import type { StoreReader } from "../storage/store.ts";
import { fetchFile, folderPrefix } from "./folder-fetch.ts";
import { storeAuditSource } from "./local.ts";
import { openLogKey } from "./log-key.ts";
import { type Ask, rfc6962AuditSource, staticAuditSource } from "./remote.ts";
import { HttpRfc6962Source } from "./rfc6962.ts";
import type { AuditSource, LogSource } from "./source.ts";
import { HttpStaticSource } from "./static-ct.ts";
import { SourceError } from "./transport.ts";

/** What entries are brought back from. */
export interface RefillSource
  extends Pick<AuditSource, "entries" | "issuer">,
    Pick<LogSource, "consistency"> {
  /** For people. */
  readonly name: string;
  /** The newest head that it shows; signed by the log's key. */
  readonly head: SignedTreeHead;
}

/** The log that is meant. */
export interface RefillLog {
  readonly origin: string;
  readonly logId: Uint8Array;
  readonly publicKey: Uint8Array;
}

/** How it is asked. */
export interface RefillOptions {
  readonly sha256: Sha256;
  readonly ask: Ask;
  readonly timeoutMs: number;
}

/** Whether `folder` has the files of a static log. */
export async function isStaticFolder(folder: string): Promise<boolean> {
  return stat(join(folder, "checkpoint")).then(
    (found) => found.isFile(),
    () => false,
  );
}

/**
 * A log, or its mirror, behind a URL or in a folder: the static API where it has a checkpoint,
 * else RFC 6962.
 * @throws SourceError if it does not answer. @throws MalformedError if its head is no head of
 *   this log.
 */
export async function openRefill(
  where: { readonly url: string } | { readonly folder: string },
  log: RefillLog,
  options: RefillOptions,
): Promise<RefillSource> {
  const { sha256, timeoutMs, ask } = options;
  const isFolder = "folder" in where;
  const url = isFolder ? folderPrefix(where.folder) : where.url;
  const staticCt = new HttpStaticSource({
    ...{ url, timeoutMs, sha256 },
    ...{ origin: log.origin, logId: log.logId },
    fetch: isFolder ? fetchFile : undefined,
  });
  const through = async (
    reader: LogSource,
    sourceOf: (head: SignedTreeHead) => AuditSource,
  ): Promise<RefillSource> => {
    const head = requireSigned(await ask(() => reader.head()), log, url);
    const { entries, issuer } = sourceOf(head);
    const consistency: LogSource["consistency"] = (first, second) =>
      ask(() => reader.consistency(first, second));
    return { name: `${url} (${reader.api})`, head, entries, issuer, consistency };
  };
  try {
    return await through(staticCt, (head) => staticAuditSource(staticCt, { sha256, ask, head }));
  } catch (error) {
    if (isFolder || !isNoCheckpoint(error)) throw error;
  }
  const reader = new HttpRfc6962Source({ url, timeoutMs });
  return through(reader, (head) => rfc6962AuditSource(reader, { sha256, ask, head }));
}

/** Another store of the same log. @throws MalformedError if its head is not signed by the key. */
export function storeRefill(
  name: string,
  reader: StoreReader,
  published: SignedTreeHead,
  log: RefillLog,
  sha256: Sha256,
): RefillSource {
  const { entries, issuer } = storeAuditSource(reader);
  return {
    name,
    head: requireSigned(published, log, name),
    entries,
    issuer,
    async consistency(first, second) {
      const plan = planConsistency(first, second);
      return assembleProof(sha256, plan, await reader.readNodes(plan.nodes));
    },
  };
}

function requireSigned(head: SignedTreeHead, log: RefillLog, where: string): SignedTreeHead {
  try {
    const signature = decodeDigitallySigned(head.signature);
    if (openLogKey(log.publicKey).isSignature(encodeTreeHeadToSign(head), signature)) return head;
  } catch (cause) {
    const message = `${where}: its head: ${messageOf(cause)}`;
    throw new MalformedError("MALFORMED_CHECKPOINT", message, { cause });
  }
  const message = `${where}: its head of size ${head.treeSize} is not signed by this log's key`;
  throw new MalformedError("MALFORMED_CHECKPOINT", message);
}

/** Whether there is no static log; anything else it says of its checkpoint is not passed over. */
function isNoCheckpoint(error: unknown): boolean {
  if (error instanceof SourceError) return error.status === 404 || error.status === 405;
  return error instanceof MalformedError && isNoCheckpoint(error.cause);
}
