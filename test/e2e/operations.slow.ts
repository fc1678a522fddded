/**
 * The operations port of a real process with frontend threads: who asks most, and the level of
 * the logs, in all of them.
 * @module
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { chainOf, makeCa } from "../support/certificates.ts";
import { LogFolder, type StratusProcess, shardReady, until } from "../support/process.ts";
import { chainJson } from "../support/running-log.ts";

const ROOT = makeCa({ subject: "Known CA" });
const SHARD = "test2027";
const REQUESTS = 40;

interface Reads {
  readonly networks: readonly { readonly network: string }[];
  readonly userAgents: readonly object[];
}

describe("the operations port of a process with frontends", () => {
  const stack = new AsyncDisposableStack();
  let log: StratusProcess;
  let url: string;
  let operationsUrl: string;

  before(async () => {
    const folder = stack.use(await LogFolder.make(ROOT, [{ name: SHARD }], ["frontends: 2"]));
    await folder.init();
    log = stack.use(folder.serve());
    ({ url, operationsUrl } = await log.listening());
    await shardReady(operationsUrl, SHARD);
  });

  after(() => stack.disposeAsync());

  async function asked<T>(path: string): Promise<T> {
    return (await (await fetch(operationsUrl + path)).json()) as T;
  }

  async function refused(): Promise<void> {
    const init = { method: "POST", body: "{}", headers: { connection: "close" } };
    const answer = await fetch(`${url}/${SHARD}/ct/v1/add-chain`, init);
    assert.equal(answer.status, 400);
  }

  const refusals = () => log.stderr.split('"submission-refused"').length - 1;

  test("/traffic adds up what every thread was asked", async () => {
    for (let index = 0; index < REQUESTS; index += 1) {
      const headers = { "user-agent": "mirror/7", connection: "close" };
      await (await fetch(`${url}/${SHARD}/checkpoint`, { headers })).arrayBuffer();
    }
    const { reads } = await asked<{ reads: Reads }>("/traffic");
    assert.deepEqual(reads.userAgents[0], {
      userAgent: "mirror/7",
      requests: REQUESTS,
      requestsMax: REQUESTS,
    });
    assert.equal(reads.networks[0]?.network, "127.0.0.0/24");
  });

  test("/log-level changes what every thread writes, for a time", async () => {
    await refused();
    assert.equal(refusals(), 0);
    const set = await fetch(`${operationsUrl}/log-level?level=debug&seconds=1`, { method: "PUT" });
    assert.equal(set.status, 200);
    await until("all threads have written", async () => {
      await refused();
      return refusals() >= 4 ? true : undefined;
    });
    await until("it went back", async () => {
      const { level } = await asked<{ level: string }>("/log-level");
      return level === "info" ? true : undefined;
    });
    await until("no thread writes any more", async () => {
      const count = refusals();
      for (let index = 0; index < 8; index += 1) await refused();
      return refusals() === count ? true : undefined;
    });
  });

  test("submissions are counted by issuer, in whichever thread they are judged", async () => {
    const leaf = ROOT.issue({ notAfter: new Date("2027-03-01T00:00:00Z") });
    const body = chainJson(chainOf(leaf, ROOT));
    for (const expected of [200, 200]) {
      const answer = await fetch(`${url}/${SHARD}/ct/v1/add-chain`, { method: "POST", body });
      assert.equal(answer.status, expected);
    }
    const late = ROOT.issue({ notAfter: new Date("2031-03-01T00:00:00Z") });
    const text = await until("the issuer is known where it is refused", async () => {
      // A connection of its own: one that is kept would ask the same thread for ever.
      const headers = { connection: "close" };
      const init = { method: "POST", body: chainJson(chainOf(late, ROOT)), headers };
      assert.equal((await fetch(`${url}/${SHARD}/ct/v1/add-chain`, init)).status, 400);
      const shown = await (await fetch(`${operationsUrl}/metrics`)).text();
      return /issuer="Known CA",outcome="refused"/.test(shown) ? shown : undefined;
    });
    const count = (outcome: string) => {
      const line = `stratus_submissions_by_issuer_total{shard="${SHARD}",issuer="Known CA",outcome="${outcome}"} 1`;
      return text.split("\n").includes(line);
    };
    assert.ok(count("accepted") && count("duplicate"), text);
    assert.match(
      text,
      new RegExp(`^stratus_merge_delay_seconds_count\\{shard="${SHARD}"\\} 1$`, "m"),
    );
    assert.match(text, /^stratus_frontend_lag_seconds [0-9.e-]+$/m);
  });
});
