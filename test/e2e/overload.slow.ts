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
/** One kind of too much. */
interface Case {
  readonly name: string;
  readonly keyType: "p256" | "p384";
  /** Further lines of the shard. */
  readonly shard?: string;
  readonly frontends: number;
  /** All are sent at once, over so many connections. */
  readonly sentCount: number;
  readonly connections: number;
  /** What some are refused with. */
  readonly refusal: RegExp;
}

const TOO_MANY = /\n.*more submissions than this log can take\n/;

const CASES: readonly Case[] = [
  {
    // At most 4 entries each 40 ms, and a pool of 30 such groups: the last wait longer than 1 s.
    // So few that any machine judges more than fit before it refuses the others by their headers.
    name: "a slow sequencer",
    keyType: "p256",
    shard:
      "batch: { intervalMs: 40, entriesMax: 4 }\n    pool: { entriesMax: 120 }\n    answerWithinMs: 1000",
    frontends: 0,
    sentCount: 600,
    connections: 600,
    refusal: /\n.*the pool .*\n/,
  },
  // Signatures that take long to verify: by the headers, what would wait to be judged is refused.
  ...[0, 2].map((frontends) => ({
    name: `more than ${frontends === 0 ? "one thread" : `${frontends} frontends`} can judge`,
    keyType: "p384" as const,
    frontends,
    sentCount: 2_400,
    connections: 2_400,
    refusal: TOO_MANY,
  })),
];

/** Far above what the bounds of this configuration come to, far below a leak. */
const RSS_ANON_BYTES_MAX = 600 * 2 ** 20;

const ROUNDS_MAX = 200;

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

/** What is refused and was never judged, or found no room; and not what may be in the log. */
const REFUSED = /^Service Unavailable\n[^\n]*(the pool |more submissions than|the log is behind)/;

async function send(
  url: string,
  sent: Sent,
  agent: Agent,
): Promise<{ readonly fate: Fate; readonly text: string }> {
  const { status, text, retryAfter } = await post(
    `${url}/ct/v1/${sent.endpoint}`,
    sent.body,
    agent,
  );
  if (status === 200) {
    sent.sct = parseSctJson(text);
    return { fate: "logged", text };
  }
  assert.equal(status, 503, text);
  assert.match(retryAfter ?? "", /^[1-9][0-9]*$/);
  if (REFUSED.test(text)) return { fate: "refused", text };
  assert.match(text, /the entry may be in the log/);
  return { fate: "in doubt", text };
}

for (const { name, keyType, shard: more, frontends, sentCount, connections, refusal } of CASES) {
  test(`overload, ${name}: what is refused is not logged, each retry gets its one entry`, async (context) => {
    const root = makeCa({ keyType });
    const shard = more === undefined ? { name: SHARD } : { name: SHARD, more };
    await using folder = await LogFolder.make(root, [shard], [`frontends: ${frontends}`]);
    await folder.init();
    const all = Array.from({ length: sentCount }, (_, index) => makeSubmission(root, index + 1));
    await using log = folder.serve();
    const { url: base, operationsUrl } = await log.listening();
    await shardReady(operationsUrl, SHARD);
    const url = `${base}/${SHARD}`;
    const prover = new Prover(url, await folder.key(SHARD));
    const agent = new Agent({ keepAlive: true, maxSockets: connections });
    try {
      const answers = await Promise.all(all.map((sent) => send(url, sent, agent)));
      const { rssAnonBytes } = readCounters([log.pid]);
      assert(rssAnonBytes < RSS_ANON_BYTES_MAX, `RssAnon ${rssAnonBytes}`);
      const count = (fate: Fate) => answers.filter((other) => other.fate === fate).length;
      context.diagnostic(
        `${count("logged")} logged, ${count("refused")} refused, ${count("in doubt")} in doubt; RssAnon ${Math.round(rssAnonBytes / 2 ** 20)} MB`,
      );
      assert(count("logged") > 0, "not all was lost");
      assert(
        answers.some(({ text }) => refusal.test(text)),
        "it was an overload",
      );
      const head = await prover.head();
      const logged = await readLogged(url, head.treeSize);
      for (const [index, { entry }] of all.entries()) {
        const times = logged.get(nameOf(entry)) ?? 0;
        const fate = answers[index]?.fate;
        if (fate === "logged") assert.equal(times, 1, `${index} was answered`);
        if (fate === "refused") assert.equal(times, 0, `${index} was refused`);
      }
      await retryAll(url, all, agent);
      const end = await prover.head();
      assert.equal(end.treeSize, sentCount, "each is logged once");
      await prover.requireAllProven(all, end);
      for (const times of (await readLogged(url, end.treeSize)).values()) assert.equal(times, 1);
    } finally {
      agent.destroy();
    }
    assert.deepEqual(await log.stop(), { code: 0, signal: null }, log.stderr);
  });
}

/** Sends what has no SCT, some at a time, until all have one. */
async function retryAll(url: string, all: readonly Sent[], agent: Agent): Promise<void> {
  let rest = all.filter(({ sct }) => sct === undefined);
  for (let round = 0; rest.length > 0; round += 1) {
    assert(round < ROUNDS_MAX, `${rest.length} are refused for ever`);
    const some = rest.slice(0, 64);
    await Promise.all(some.map((sent) => send(url, sent, agent)));
    rest = rest.filter(({ sct }) => sct === undefined);
  }
}
