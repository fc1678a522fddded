/**
 * `scripts/node24 bench/restart-gap.ts [--entries N] [--restarts N]`: what clients see of a
 * restart. Four clients submit one precertificate after the other all the while, trying again at
 * once; the log is stopped with SIGTERM and started again, as `systemctl restart` does. Prints
 * the longest time without an accepted answer of each restart.
 * @module
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { messageOf } from "../src/base/errors.ts";
import { parseDecimal } from "../src/encoding/decimal.ts";
import { fillFolder } from "./fill.ts";
import { describeMachine } from "./machine.ts";
import { startStratusIn } from "./server.ts";
import { certificateAt, prepareSubmissions, type Submissions } from "./submissions.ts";

/** What is measured. */
export interface RestartOptions {
  /** Entries of the log before. */
  readonly entries: number;
  readonly restarts: number;
  /** Time between two restarts; milliseconds. */
  readonly betweenMs: number;
  /** Precertificates that are made beforehand: more than can be accepted meanwhile. */
  readonly submissions: number;
  readonly log: (line: string) => void;
}

/** One restart. */
export interface RestartGap {
  /** The longest time without an accepted answer; milliseconds. */
  readonly gapMs: number;
  /** From SIGTERM to the end of the process, and from the start to the first head. */
  readonly stopMs: number;
  readonly startMs: number;
  /** Answers of 503, and attempts without an answer. */
  readonly refused: number;
  readonly failed: number;
}

const CLIENTS = 4;
const SEED = 42;
/** A client that was refused asks again; milliseconds. */
const RETRY_MS = 2;
const ACCEPTED_MS_MAX = 120_000;

/** Restarts a log under submissions. @throws Error if it does not come back. */
export async function measureRestarts(options: RestartOptions): Promise<readonly RestartGap[]> {
  const folder = await mkdtemp(join(tmpdir(), "stratus-restart-"));
  try {
    const { entries, log } = options;
    const groupEntries = 4_096;
    const filled = await fillFolder({
      ...{ folder, entries, seed: SEED, groupEntries, isSealed: false, log },
    });
    const cacheFolder = join(tmpdir(), "stratus-bench");
    const range = { kind: "p256", seed: SEED, first: 0, count: options.submissions } as const;
    const submissions = await prepareSubmissions(range, { cacheFolder, workers: 2 });
    let server = await startStratusIn(filled.where);
    const clients = new Clients(`${server.url}/ct/v1/add-pre-chain`, submissions);
    const gaps: RestartGap[] = [];
    try {
      for (let restart = 0; restart < options.restarts; restart += 1) {
        await pause(options.betweenMs);
        clients.reset();
        const stopped = performance.now();
        await server.stop();
        const stopMs = performance.now() - stopped;
        server = await startStratusIn(filled.where);
        // Heads come first; submissions once the newest records were checked.
        await clients.untilAccepted();
        const { gapMs, refused, failed } = clients;
        gaps.push({ gapMs, stopMs, startMs: server.readyMs, refused, failed });
      }
    } finally {
      await clients.stop();
      await server.stop();
    }
    return gaps;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Clients that submit without a pause. */
class Clients {
  gapMs = 0;
  refused = 0;
  failed = 0;
  readonly #url: string;
  readonly #submissions: Submissions;
  readonly #lives: Promise<void>[];
  #next = 0;
  #acceptedMs = performance.now();
  #isStopping = false;

  constructor(url: string, submissions: Submissions) {
    this.#url = url;
    this.#submissions = submissions;
    this.#lives = Array.from({ length: CLIENTS }, () => this.#live());
  }

  reset(): void {
    this.gapMs = 0;
    this.refused = 0;
    this.failed = 0;
  }

  /** Waits for an answer that is accepted. @throws Error if none is in time. */
  async untilAccepted(): Promise<void> {
    const before = this.#acceptedMs;
    const endMs = performance.now() + ACCEPTED_MS_MAX;
    while (this.#acceptedMs === before) {
      if (performance.now() > endMs) throw new Error("no submission is accepted any more");
      await pause(RETRY_MS);
    }
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#lives);
  }

  async #live(): Promise<void> {
    const issuer = Buffer.from(this.#submissions.authority.intermediate).toString("base64");
    while (!this.#isStopping && this.#next < this.#submissions.count) {
      const certificate = certificateAt(this.#submissions, this.#next);
      this.#next += 1;
      const chain = [Buffer.from(certificate).toString("base64"), issuer];
      const body = JSON.stringify({ chain });
      while (!this.#isStopping && !(await this.#submit(body))) await pause(RETRY_MS);
    }
  }

  async #submit(body: string): Promise<boolean> {
    try {
      const response = await fetch(this.#url, { method: "POST", body });
      await response.arrayBuffer();
      if (response.status !== 200) {
        this.refused += 1;
        return false;
      }
      const now = performance.now();
      this.gapMs = Math.max(this.gapMs, now - this.#acceptedMs);
      this.#acceptedMs = now;
      return true;
    } catch {
      this.failed += 1;
      return false;
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      entries: { type: "string", default: "100000" },
      restarts: { type: "string", default: "5" },
    },
    strict: true,
  });
  const gaps = await measureRestarts({
    entries: parseDecimal(values.entries),
    restarts: parseDecimal(values.restarts),
    betweenMs: 2_000,
    submissions: 60_000,
    log: (line) => console.error(`restart-gap: ${line}`),
  });
  console.log(describeMachine());
  console.log(`a log of ${values.entries} entries, ${CLIENTS} clients that never pause`);
  for (const { gapMs, stopMs, startMs, refused, failed } of gaps) {
    console.log(
      `longest time without an accepted answer ${gapMs.toFixed(0)} ms ` +
        `(drain ${stopMs.toFixed(0)} ms, start ${startMs.toFixed(0)} ms; ` +
        `${refused} answers of 503, ${failed} without an answer)`,
    );
  }
}

if (import.meta.main) {
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    console.error(`bench/restart-gap.ts: ${messageOf(error)}`);
    process.exitCode = 2;
  }
}
