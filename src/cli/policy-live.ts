/**
 * Asks a running log what `stratus policy check` judges: one request for each endpoint of each
 * shard, status and headers included.
 * @module
 */
import { MalformedError, messageOf } from "../base/errors.ts";
import { normalizePrefix } from "../client/transport.ts";
import { decodeUtf8 } from "../encoding/utf8.ts";
import { hashLeaf } from "../merkle/hash.ts";
import type { LiveAnswer, LiveFacts, LiveName, LogFacts } from "../program/facts.ts";
import { parseEntriesJson, parseTreeHeadJson } from "../rfc6962/json.ts";
import { sha256 } from "../signer/sha256.ts";
import { formatTilePath } from "../static-ct/tile-path.ts";

/** An answer beyond this is cut off; roots are the largest, with some 3 MB. */
const BODY_BYTES_MAX = 64_000_000;

/** Asks every shard below `url`, one after the other. */
export async function askLog(
  url: string,
  logs: readonly LogFacts[],
  timeoutMs: number,
): Promise<ReadonlyMap<string, LiveFacts>> {
  const prefix = normalizePrefix(url);
  const live = new Map<string, LiveFacts>();
  for (const { name } of logs) live.set(name, await askShard(`${prefix}/${name}`, timeoutMs));
  return live;
}

async function askShard(prefix: string, timeoutMs: number): Promise<LiveFacts> {
  const answers = new Map<LiveName, LiveAnswer>();
  const ask = async (name: LiveName, path: string): Promise<LiveAnswer> => {
    const answer = await askOne(`${prefix}/${path}`, timeoutMs);
    answers.set(name, answer);
    return answer;
  };
  await ask("log.v3.json", "log.v3.json");
  const sth = await ask("get-sth", "ct/v1/get-sth");
  await ask("get-roots", "ct/v1/get-roots");
  await ask("checkpoint", "checkpoint");
  await ask("refusal", "tile/0/x999/999");
  const size = parsed(sth, (text) => parseTreeHeadJson(text).treeSize) ?? 0;
  if (size === 0) return answers;
  await ask("get-sth-consistency", `ct/v1/get-sth-consistency?first=1&second=${size}`);
  const entries = await ask("get-entries", "ct/v1/get-entries?start=0&end=0");
  await ask("get-entry-and-proof", `ct/v1/get-entry-and-proof?leaf_index=0&tree_size=${size}`);
  const leaf = parsed(entries, (text) => parseEntriesJson(text)[0]?.leafInput);
  if (leaf !== undefined) {
    const hash = encodeURIComponent(Buffer.from(hashLeaf(sha256, leaf)).toString("base64"));
    await ask("get-proof-by-hash", `ct/v1/get-proof-by-hash?hash=${hash}&tree_size=${size}`);
  }
  const width = Math.min(256, size);
  await ask("hash tile", formatTilePath({ level: 0, index: 0, width }));
  await ask("data tile", formatTilePath({ level: "data", index: 0, width }));
  return answers;
}

/** What `parse` makes of a 200; undefined for anything else, which is judged elsewhere. */
function parsed<T>(answer: LiveAnswer, parse: (text: string) => T): T | undefined {
  if (answer.status !== 200) return undefined;
  try {
    return parse(decodeUtf8(answer.body));
  } catch (error) {
    if (error instanceof MalformedError) return undefined;
    throw error;
  }
}

async function askOne(url: string, timeoutMs: number): Promise<LiveAnswer> {
  const nothing = { url, status: undefined, cacheControl: undefined, body: new Uint8Array(0) };
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const headers = { "user-agent": "stratus" };
    const response = await fetch(url, { redirect: "manual", signal, headers });
    const body = new Uint8Array(await response.arrayBuffer());
    if (body.length > BODY_BYTES_MAX) return { ...nothing, problem: "answered too much" };
    const cacheControl = response.headers.get("cache-control") ?? undefined;
    return { url, status: response.status, problem: "", cacheControl, body };
  } catch (thrown) {
    const { cause } = thrown instanceof Error ? thrown : {};
    return { ...nothing, problem: `did not answer: ${messageOf(cause ?? thrown)}` };
  }
}
