/**
 * SIGKILL at random moments of a real process under load: no SCT is ever lost.
 * `STRATUS_KILLS` sets how many for each number of frontend threads, `STRATUS_SEED` repeats the
 * moments of a run.
 * @module
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { Agent } from "node:http";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { leafIndexOfSct } from "../../src/client/check.ts";
import { makeCa } from "../support/certificates.ts";
import { Ledger, Prover } from "../support/ledger.ts";
import { LogFolder, type StratusProcess } from "../support/process.ts";

const KILLS = Number(process.env["STRATUS_KILLS"] ?? 12);
const SEED = Number(process.env["STRATUS_SEED"] ?? randomInt(2 ** 31));
const SHARD = "kill2027";
const CLIENTS = 48;

/** Submissions a second that the issue asks for. */
const RATE_MIN = 200;

/** A run of moments that a seed repeats: mulberry32. */
function makeRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) % 2 ** 32;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What the run came to. */
interface Counts {
  kills: number;
  killsAtStart: number;
  underLoadMs: number;
  sentUnderLoad: number;
  sctsProven: number;
  resubmitted: number;
  wereLogged: number;
  repeated: number;
}

/** Reads heads as fast as they come, until told to stop or the log is gone. */
async function watchHeads(prover: Prover, ledger: Ledger, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      ledger.heads.push(await prover.head());
    } catch (error) {
      if (!(error instanceof Error) || error.name !== "SourceError") throw error;
      return;
    }
    await delay(25);
  }
}

/** After a restart: everything promised before is there, and the cut-off are answered once. */
async function settle(url: string, prover: Prover, ledger: Ledger, counts: Counts): Promise<void> {
  const head = await prover.head();
  const last = ledger.heads.at(-1);
  if (last !== undefined) await prover.requireFollows(last, head);
  ledger.heads.push(head);
  // An SCT is provable below the first head after the kill: it was published before it left.
  const promised = ledger.answered.slice(counts.sctsProven);
  await prover.requireAllProven(promised, head);
  counts.sctsProven += promised.length;

  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  const cutOff = ledger.unanswered;
  const again = [...cutOff, ...promised.slice(-10)];
  const answers = await Promise.all(again.map((sent) => ledger.submit(url, sent, agent)));
  agent.destroy();
  for (const { status, text } of answers) assert.equal(status, 200, text);
  counts.resubmitted += cutOff.length;
  counts.repeated += again.length - cutOff.length;
  const isLogged = cutOff.filter(({ sct }) => sct && leafIndexOfSct(sct) < head.treeSize);
  counts.wereLogged += isLogged.length;
  // Their SCTs are proven too, and counted once: they moved to the answered ones.
  const newest = await prover.head();
  await prover.requireAllProven(cutOff, newest);
  counts.sctsProven += cutOff.length;
  ledger.heads.push(newest);
}

/** Lets a started process serve under load for `loadMs`, then kills it. */
async function loadAndKill(
  log: StratusProcess,
  url: string,
  run: { readonly prover: Prover; readonly ledger: Ledger; readonly counts: Counts },
  loadMs: number,
): Promise<void> {
  const { prover, ledger, counts } = run;
  const stop = new AbortController();
  const before = ledger.sent.length;
  const startMs = performance.now();
  const load = ledger.run(url, CLIENTS, stop.signal);
  const watch = watchHeads(prover, ledger, stop.signal);
  await delay(loadMs);
  counts.underLoadMs += performance.now() - startMs;
  counts.sentUnderLoad += ledger.sent.length - before;
  // The ledger holds everything sent until now; what is answered from here on counts as well.
  log.signal("SIGKILL");
  await log.end();
  stop.abort();
  await Promise.all([load, watch]);
  counts.kills += 1;
}

for (const frontends of [0, 2]) {
  const title = `no SCT is lost by ${KILLS} SIGKILLs under load of ${frontends} frontend threads`;
  test(`${title} (seed ${SEED})`, (context) => killUnderLoad(context, frontends));
}

async function killUnderLoad(context: TestContext, frontends: number): Promise<void> {
  const random = makeRandom(SEED);
  const root = makeCa();
  await using folder = await LogFolder.make(root, [{ name: SHARD }], [`frontends: ${frontends}`]);
  await folder.init();
  const key = await folder.key(SHARD);
  const ledger = new Ledger(root);
  const counts: Counts = {
    kills: 0,
    killsAtStart: 0,
    underLoadMs: 0,
    sentUnderLoad: 0,
    sctsProven: 0,
    resubmitted: 0,
    wereLogged: 0,
    repeated: 0,
  };
  while (counts.kills < KILLS) {
    await using log = folder.serve();
    if (random() < 0.2) {
      await delay(random() * 1_200);
      log.signal("SIGKILL");
      await log.end();
      counts.kills += 1;
      counts.killsAtStart += 1;
      continue;
    }
    const url = `${(await log.listening()).url}/${SHARD}`;
    const prover = new Prover(url, key);
    await settle(url, prover, ledger, counts);
    await loadAndKill(log, url, { prover, ledger, counts }, 20 + random() * 800);
  }
  await using log = folder.serve();
  const url = `${(await log.listening()).url}/${SHARD}`;
  const prover = new Prover(url, key);
  await settle(url, prover, ledger, counts);
  const head = await prover.head();
  assert.equal(ledger.unanswered.length, 0);
  await prover.requireAllProven(ledger.sent, head);
  const { heads } = ledger;
  for (const [index, next] of [...heads.slice(1), head].entries()) {
    await prover.requireFollows(heads[index]!, next);
  }
  const entries = await prover.requireWhole(head, ledger.sent);
  assert.equal(entries, ledger.sent.length, "one entry a submission");
  assert.equal((await log.stop()).code, 0);
  const rate = Math.round((1000 * counts.sentUnderLoad) / counts.underLoadMs);
  context.diagnostic(
    `${counts.kills} kills (${counts.killsAtStart} during start) at ${rate} submissions/s; ` +
      `${ledger.sent.length} SCTs proven, each below the first head after its kill and below ` +
      `the last; ${counts.resubmitted} cut off and sent again, ${counts.wereLogged} of them in ` +
      `the log already; ${counts.repeated} answered ones repeated; ${heads.length + 1} heads`,
  );
  // Said, not asserted: no test fails for a slow machine.
  if (rate < RATE_MIN) context.diagnostic(`${rate} submissions/s: ${RATE_MIN} are asked for`);
}
