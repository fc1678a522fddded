/**
 * Each alert of deploy/alerts.yml fires for a log that runs and was put into the fault it tells
 * of: a real Prometheus scrapes all of them and evaluates the rules. No alert fires for the log
 * that is well.
 * @module
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { alertRules, unlessInstalled } from "../support/deploy.ts";
import { FAULTS as INSIDE } from "../support/faults.ts";
import { temporaryFolder } from "../support/level.ts";
import { OUTSIDE_FAULTS } from "../support/outside-faults.ts";
import { until } from "../support/process.ts";
import { type Firing, Prometheus } from "../support/prometheus.ts";
import { readSource } from "../support/source.ts";

/**
 * Alerts that a machine sets off, for a moment, on which a dozen logs start: without the times that
 * they must last. Their unit tests have a log for which they stay silent.
 */
const OF_A_BUSY_MACHINE = new Set([
  "StratusDown",
  "StratusEventLoopSlow",
  "StratusSubmissionsSlow",
]);

const FAULTS = [...INSIDE, ...OUTSIDE_FAULTS];

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

/** Blocked and lost roots are in test/e2e/roots.slow.ts, https in the tests of probe and tls. */
const MOVED_ELSEWHERE = [
  "stratus_probe_tls_expiry_timestamp_seconds",
  "stratus_roots_blocked",
  "stratus_roots_lost",
  "stratus_tls_valid",
];

const keyOf = ({ alertname, fault, shard }: Firing): string => `${alertname} | ${fault} | ${shard}`;

describe("alerts of running logs", { skip: unlessInstalled("prometheus", "prlimit") }, () => {
  const stack = new AsyncDisposableStack();
  /** Everything that ever fired. */
  const seen = new Set<string>();
  let prometheus: Prometheus;
  let strikes: Promise<readonly PromiseSettledResult<void>[]>;

  before(async () => {
    const started = await Promise.all(
      FAULTS.map(async (fault) => ({ fault: fault.name, ...(await fault.start(stack)) })),
    );
    const folder = stack.use(await temporaryFolder());
    prometheus = stack.use(await Prometheus.start(folder.path, started));
    strikes = Promise.allSettled(started.map(({ strike }) => strike()));
  });

  after(() => stack.disposeAsync());

  for (const { name, alerts } of FAULTS) {
    for (const [alertname, shard] of alerts) {
      test(`${alertname} fires where ${name}${shard === "" ? "" : `: ${shard}`}`, async () => {
        await until(alertname, async () => {
          const key = keyOf({ alertname, fault: name, shard });
          if (seen.has(key)) return true;
          for (const firing of await prometheus.firing()) seen.add(keyOf(firing));
          // The rules are looked at every half second.
          await delay(200);
          return undefined;
        });
      });
    }
  }

  test("every panel of the dashboard shows something of these logs", async () => {
    const { panels } = JSON.parse(readSource("deploy/grafana/stratus.json"));
    const shown = (panels as readonly Panel[]).filter(({ targets }) => targets);
    assert.ok(shown.length > 20);
    for (const { title, targets = [] } of shown) {
      const counts = targets.map(({ expr }) => {
        const text = expr.replaceAll(/\$(?:instance|shard)/g, ".*");
        return prometheus.count(text.replaceAll("$__rate_interval", "1m"));
      });
      const found = await Promise.all(counts);
      assert.ok(Math.max(...found) > 0, title);
    }
  });

  test("every metric of the documents is more than nothing in one of these logs", async () => {
    await strikes;
    const names = [...readSource("docs/OPERATIONS.md").matchAll(/^\| `(stratus_\w+)` \|/gm)];
    assert.ok(names.length > 45);
    const still: string[] = [];
    for (const [, name = ""] of names) {
      // Of a histogram there are no series of the name itself.
      const shown = [name, `${name}_count`].map((each) =>
        prometheus.count(`max(max_over_time(abs(${each})[5m:500ms])) > 0`),
      );
      const [own = 0, counts = 0] = await Promise.all(shown);
      if (own + counts === 0) still.push(name);
    }
    assert.deepEqual(still, MOVED_ELSEWHERE);
  });

  test("no alert has fired for the log that is well", async () => {
    const failed = (await strikes).filter(({ status }) => status === "rejected");
    assert.deepEqual(failed, []);
    for (const firing of await prometheus.firing()) seen.add(keyOf(firing));
    const fired = [...seen].filter((key) => key.includes("| none |"));
    assert.deepEqual(
      fired.filter((key) => !OF_A_BUSY_MACHINE.has(key.split(" ")[0] ?? "")),
      [],
    );
  });
});

test("every alert has a fault that it is shown to fire for", () => {
  const shown = new Set(FAULTS.flatMap(({ alerts }) => alerts.map(([alertname]) => alertname)));
  assert.deepEqual(
    [...shown].sort(),
    alertRules()
      .map(({ alert }) => alert)
      .sort(),
  );
});
