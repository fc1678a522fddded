/**
 * More than a log can take: what it accepts is logged once, what it refuses as too much is
 * not logged, and what is in doubt gets its one entry on retry. Nothing here is timed.
 * @module
 */
import assert from "node:assert/strict";
import { Agent } from "node:http";
import { test } from "node:test";
import { readCounters } from "../../bench/process.ts";
import { decodeMerkleTreeLeaf, type SignedEntry } from "../../src/rfc6962/entry.ts";
import { parseSctJson } from "../../src/rfc6962/json.ts";
import { makeCa } from "../support/certificates.ts";
import { makeSubmission, Prover, post, type Sent } from "../support/ledger.ts";
import { LogFolder, shardReady } from "../support/process.ts";

const SHARD = "overload2027";
const SENT_COUNT = 1_000;
const CONNECTIONS = 700;

/** At most 16 entries each 40 ms, and a pool of 30 such groups: the last wait longer than 1 s. */
const SLOW_SHARD =
  "batch: { intervalMs: 40, entriesMax: 16 }\n    pool: { entriesMax: 480 }\n    answerWithinMs: 1000";

/** Far above what the bounds of this configuration come to, far below a leak. */
const RSS_ANON_BYTES_MAX = 600 * 2 ** 20;

const ROUNDS_MAX = 60;

/** What a submission's entry is known by. */
function nameOf(entry: SignedEntry): string {
  const bytes = entry.type === "x509" ? entry.certificate : entry.tbs;
  return `${entry.type} ${Buffer.from(bytes).toString("base64")}`;
}

/** How often each entry is in the log. */
async function readLogged(url: string, treeSize: number): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (let next = 0; next < treeSize; ) {
    const response = await fetch(`${url}/ct/v1/get-entries?start=${next}&end=${treeSize - 1}`);
    const { entries } = (await response.json()) as { entries: { leaf_input: string }[] };
    assert(entries.length > 0, "a page is never empty");
    for (const { leaf_input } of entries) {
      const leaf = decodeMerkleTreeLeaf(Uint8Array.from(Buffer.from(leaf_input, "base64")));
      const name = nameOf(leaf.entry);
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    next += entries.length;
  }
  return counts;
}

type Fate = "logged" | "refused" | "in doubt";

async function send(url: string, sent: Sent, agent: Agent): Promise<Fate> {
  const answer = await post(`${url}/ct/v1/${sent.endpoint}`, sent.body, agent);
  if (answer.status === 200) {
    sent.sct = parseSctJson(answer.text);
    return "logged";
  }
  assert.equal(answer.status, 503, answer.text);
  assert.match(answer.retryAfter ?? "", /^[1-9][0-9]*$/);
  if (/^Service Unavailable\n.*the pool /.test(answer.text)) return "refused";
  assert.match(answer.text, /the entry may be in the log/);
  return "in doubt";
}

test("overload: refused ones are not logged, and each retry gets its one entry", async (context) => {
  const root = makeCa();
  const shard = { name: SHARD, more: SLOW_SHARD };
  await using folder = await LogFolder.make(root, [shard]);
  await folder.init();
  const all = Array.from({ length: SENT_COUNT }, (_, index) => makeSubmission(root, index + 1));
  await using log = folder.serve();
  const { url: base, operationsUrl } = await log.listening();
  await shardReady(operationsUrl, SHARD);
  const url = `${base}/${SHARD}`;
  const prover = new Prover(url, await folder.key(SHARD));
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  try {
    const fates = await Promise.all(all.map((sent) => send(url, sent, agent)));
    const { rssAnonBytes } = readCounters([log.pid]);
    assert(rssAnonBytes < RSS_ANON_BYTES_MAX, `RssAnon ${rssAnonBytes}`);
    const count = (fate: Fate) => fates.filter((other) => other === fate).length;
    context.diagnostic(
      `${count("logged")} logged, ${count("refused")} refused, ${count("in doubt")} in doubt; RssAnon ${Math.round(rssAnonBytes / 2 ** 20)} MB`,
    );
    assert(count("logged") > 0 && count("refused") > 0, "it was an overload, and not all was lost");
    const stillInPool = await prover.head();
    const logged = await readLogged(url, stillInPool.treeSize);
    for (const [index, { entry }] of all.entries()) {
      const times = logged.get(nameOf(entry)) ?? 0;
      if (fates[index] === "logged") assert.equal(times, 1, `${index} was answered`);
      if (fates[index] === "refused") assert.equal(times, 0, `${index} was refused`);
    }

    let rest = all.filter(({ sct }) => sct === undefined);
    for (let round = 0; rest.length > 0; round += 1) {
      assert(round < ROUNDS_MAX, `${rest.length} are refused for ever`);
      const some = rest.slice(0, 64);
      await Promise.all(some.map((sent) => send(url, sent, agent)));
      rest = rest.filter(({ sct }) => sct === undefined);
    }
    const head = await prover.head();
    assert.equal(head.treeSize, SENT_COUNT, "each is logged once");
    await prover.requireAllProven(all, head);
    for (const times of (await readLogged(url, head.treeSize)).values()) assert.equal(times, 1);
  } finally {
    agent.destroy();
  }
  assert.deepEqual(await log.stop(), { code: 0, signal: null }, log.stderr);
});
