/**
 * Proof that the entry of an SCT is in its log, by the API that the log is listed under.
 * @module
 */
import { CheckError, leafOfSct, verifyHead, verifyLogged } from "../client/check.ts";
import { openLogKey } from "../client/log-key.ts";
import { HttpRfc6962Source } from "../client/rfc6962.ts";
import type { LogApi } from "../client/source.ts";
import { HttpStaticSource } from "../client/static-ct.ts";
import { TIMEOUT_MS } from "../client/transport.ts";
import { verifyInclusion } from "../merkle/verify.ts";
import type { SignedEntry } from "../rfc6962/entry.ts";
import type { Sct } from "../rfc6962/sct.ts";
import type { KnownLog } from "../sct/log-list.ts";
import { sha256 } from "../signer/sha256.ts";
import { decodeLeafIndexExtension } from "../static-ct/extensions.ts";

/** What came of it. */
export type Inclusion =
  | {
      readonly leafIndex: number;
      readonly treeSize: number;
      readonly api: LogApi;
      readonly problem?: undefined;
    }
  | { readonly problem: string };

/** What is proven, and where. */
export interface InclusionCheck {
  readonly log: KnownLog;
  /** Where the log is read, without trailing slash. */
  readonly url: string;
  readonly entry: SignedEntry;
  readonly sct: Sct;
  /** 32 bytes. */
  readonly leafHash: Uint8Array;
  readonly timeoutMs: number | undefined;
}

/**
 * Reads the newest head, verifies its signature, and the entry's audit path to its root.
 * @throws CheckError, SourceError, MalformedError if that is not possible.
 */
export async function proveInclusion(check: InclusionCheck): Promise<Inclusion> {
  return check.log.type === "rfc6962" ? byHash(check) : byIndex(check);
}

async function byHash(check: InclusionCheck): Promise<Inclusion> {
  const { log, url, leafHash, timeoutMs = TIMEOUT_MS } = check;
  const source = new HttpRfc6962Source({ url, timeoutMs });
  const head = await source.head();
  verifyHead(openLogKey(log.publicKey), head, Date.now(), "get-sth");
  const { treeSize, rootHash } = head;
  const { leafIndex, path } = await source.proofByHash(leafHash, treeSize);
  verifyInclusion(sha256, { leafIndex, treeSize, leafHash, path }, rootHash);
  return { leafIndex, treeSize, api: source.api };
}

async function byIndex(check: InclusionCheck): Promise<Inclusion> {
  const { log, url, entry, sct, leafHash, timeoutMs = TIMEOUT_MS } = check;
  const origin = log.submissionUrl.replace(/^https?:\/\//, "").replace(/\/+$/, "");
  const { logId } = log;
  const source = new HttpStaticSource({ url, timeoutMs, origin, logId, sha256 });
  const head = await source.head();
  verifyHead(openLogKey(log.publicKey), head, Date.now(), "the checkpoint");
  const { treeSize, rootHash } = head;
  const leafIndex = decodeLeafIndexExtension(sct.extensions);
  if (leafIndex >= treeSize) {
    throw new CheckError("stale head", `entry ${leafIndex} is beyond the tree of ${treeSize}`);
  }
  const logged = await source.entryAndProof(leafIndex, treeSize);
  verifyLogged(leafOfSct(entry, sct), logged.leafInput, "the data tile");
  verifyInclusion(sha256, { leafIndex, treeSize, leafHash, path: logged.path }, rootHash);
  return { leafIndex, treeSize, api: source.api };
}
