/**
 * What the world was shown: a shard's own public addresses are asked for their head before it
 * opens. While it is not listening it cannot be the one that answers; what answers is a cache,
 * or another process with the same key.
 * @module
 */
import { messageOf } from "../base/errors.ts";
import { parseCheckpoint } from "../checkpoint/checkpoint.ts";
import type { Sha256 } from "../merkle/hash.ts";
import { parseTreeHeadJson } from "../rfc6962/json.ts";
import { decodeDigitallySigned } from "../rfc6962/signature.ts";
import { encodeTreeHeadToSign, type SignedTreeHead } from "../rfc6962/tree-head.ts";
import { openLogKey } from "./log-key.ts";
import { fetchText } from "./transport.ts";

/** How long the addresses have to answer, all at once; milliseconds. */
export const PUBLIC_HEAD_MS_MAX = 3_000;

/** No head is longer; bytes. */
const HEAD_BYTES_MAX = 65_536;

/** One shard, as it is known to the world. */
export interface PublicShard {
  /** Prefix of submissions, without trailing slash; asked for its get-sth. */
  readonly submissionUrl: string;
  /** Prefix of reads; asked for its get-sth and its checkpoint. */
  readonly monitoringUrl: string;
}

/** What one address answered: a text, or the reason why there is none. */
export interface PublicAnswer {
  readonly url: string;
  readonly format: "get-sth" | "checkpoint";
  readonly text: string | undefined;
  /** Empty where there is a text. */
  readonly problem: string;
}

/** A head that the shard's key has signed, and where it was. */
export interface PublicHead {
  readonly url: string;
  readonly head: SignedTreeHead;
}

/** Asks every address at once. Never throws: an address may be out of reach. */
export function askPublicHeads(
  shard: PublicShard,
  timeoutMs: number = PUBLIC_HEAD_MS_MAX,
): Promise<readonly PublicAnswer[]> {
  const { submissionUrl, monitoringUrl } = shard;
  const prefixes = new Set([submissionUrl, monitoringUrl]);
  return Promise.all([
    ...[...prefixes].map((prefix) => ask(`${prefix}/ct/v1/get-sth`, "get-sth", timeoutMs)),
    ask(`${monitoringUrl}/checkpoint`, "checkpoint", timeoutMs),
  ]);
}

/**
 * The heads among `answers` that the key has signed; a signature is all that makes an answer
 * count, so that nobody else can stop a shard with one.
 * @returns `problems`: a sentence for each address that showed no such head.
 */
export function readPublicHeads(
  sha256: Sha256,
  answers: readonly PublicAnswer[],
  log: { readonly origin: string; readonly logId: Uint8Array; readonly publicKey: Uint8Array },
): { readonly heads: readonly PublicHead[]; readonly problems: readonly string[] } {
  const heads: PublicHead[] = [];
  const problems: string[] = [];
  const key = openLogKey(log.publicKey);
  for (const { url, format, text, problem } of answers) {
    if (text === undefined) {
      problems.push(problem);
      continue;
    }
    try {
      const head =
        format === "get-sth" ? parseTreeHeadJson(text) : parseCheckpoint(sha256, text, log);
      const signature = decodeDigitallySigned(head.signature);
      if (key.isSignature(encodeTreeHeadToSign(head), signature)) heads.push({ url, head });
      else problems.push(`${url}: the head is not signed by this shard's key`);
    } catch (error) {
      problems.push(`${url}: ${messageOf(error)}`);
    }
  }
  return { heads, problems };
}

async function ask(
  url: string,
  format: PublicAnswer["format"],
  timeoutMs: number,
): Promise<PublicAnswer> {
  try {
    const text = await fetchText({ url, bytesMax: HEAD_BYTES_MAX, timeoutMs });
    return { url, format, text, problem: "" };
  } catch (error) {
    return { url, format, text: undefined, problem: messageOf(error) };
  }
}
