import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { sectionOf } from "../../../src/dashboard/operator/runbook.ts";
import {
  type ShardFacts,
  warningsOfProcess,
  warningsOfShard,
} from "../../../src/dashboard/operator/warnings.ts";
import type { Sample } from "../../../src/history/sample.ts";
import type { Step } from "../../../src/history/step.ts";
import type { LogStatus } from "../../../src/log/log.ts";

const NOW_MS = 1_772_366_400_000;
const MINUTE_MS = 60_000;

const WELL: LogStatus = {
  state: "open",
  phase: "open",
  isReady: true,
  reason: "",
  headAgeMs: 900,
  poolEntryCount: 3,
  poolBytes: 4_000,
};

const STEP: Step = {
  startMs: NOW_MS - MINUTE_MS,
  endMs: NOW_MS,
  counts: {},
  buckets: {},
  issuers: {},
  gauges: {},
};

const SAMPLE: Sample = {
  timeMs: NOW_MS,
  runMs: NOW_MS - 3_600_000,
  counts: {},
  buckets: {},
  gauges: { poolEntriesMax: 100, poolBytesMax: 100_000, "free data": 9, "total data": 10 },
};

interface Ill {
  readonly status?: Partial<LogStatus>;
  readonly now?: Partial<Pick<Sample, "counts" | "gauges">>;
  readonly steps?: readonly Partial<Step>[];
  readonly data?: ShardFacts["data"];
}

function alertsOf({ status = {}, now = {}, steps = [], data }: Ill): readonly string[] {
  const gauges = { ...SAMPLE.gauges, ...now.gauges };
  const hour = steps.map((step) => ({ ...STEP, ...step }));
  const facts: ShardFacts = {
    name: "a",
    status: { ...WELL, ...status },
    now: { ...SAMPLE, ...now, gauges },
    hour,
    day: hour,
    data: data ?? { kind: "steady", hours: 5 },
  };
  return warningsOfShard(facts, NOW_MS).map(({ alert, severity }) => `${severity} ${alert}`);
}

function processAlerts(
  gauges: Sample["gauges"],
  steps: readonly Partial<Step>[] = [],
): readonly string[] {
  const hour = steps.map((step) => ({ ...STEP, ...step }));
  return warningsOfProcess({ ...SAMPLE, gauges }, hour, NOW_MS).map(({ alert }) => alert);
}

const filling = (daysLeft: number) =>
  ({ kind: "filling", hours: 6, bytesPerDay: 1, daysLeft }) as const;
const scarce = { gauges: { "free data": 4 } };
const later = { endMs: NOW_MS - 20 * MINUTE_MS };

/** What each alert tells of, and a case beside it that is none. */
const CASES: readonly (readonly [alert: string, ill: Ill, well: Ill])[] = [
  [
    "page StratusShardNotReady",
    { status: { isReady: false, state: "starting", reason: "starting" } },
    { status: { state: "read-only", phase: "read-only" } },
  ],
  [
    "page StratusShardFailed",
    { status: { isReady: false, state: "failed", reason: "FATAL_FSYNC: check the disk" } },
    { steps: [{ ...later, counts: { "incident FATAL_FSYNC": 1 } }] },
  ],
  ["page StratusShardFailed", { steps: [{ counts: { "incident FATAL_FSYNC": 1 } }] }, {}],
  [
    "page StratusGuardRefuses",
    { status: { isReady: false, state: "read-only", reason: "FATAL_ROLLED_BACK: 3 behind" } },
    { steps: [{ counts: { "incident recovery-step": 1 } }] },
  ],
  ["page StratusClockHeld", { steps: [{ counts: { "incident clock-held": 2 } }] }, {}],
  ["page StratusDamage", { status: { damage: "tile 3" } }, {}],
  [
    "page StratusHeadOld",
    { status: { headAgeMs: 46_000 } },
    { status: { headAgeMs: 46_000, phase: "retired" } },
  ],
  [
    "page StratusPoolNearlyFull",
    { status: { poolEntryCount: 76 } },
    { status: { poolEntryCount: 75, poolBytes: 75_000 } },
  ],
  ["page StratusPoolNearlyFull", { status: { poolBytes: 75_001 } }, {}],
  [
    "page StratusUnavailable",
    { steps: [{ counts: { requests: 400, unavailable: 5 } }] },
    { steps: [{ counts: { requests: 500, unavailable: 5 } }] },
  ],
  [
    "ticket StratusRejections",
    { steps: [{ counts: { accepted: 9, "refused REJECTED_ISSUER_UNKNOWN": 10 } }] },
    { steps: [{ counts: { accepted: 9, "refused UNAVAILABLE_POOL_FULL": 10 } }] },
  ],
  [
    "ticket StratusSubmissionsSlow",
    { steps: [{ buckets: { latency: { "1": 90, "2": 10 } } }] },
    { steps: [{ buckets: { latency: { "0.5": 90, "1": 10 } } }] },
  ],
  ["ticket StratusBugs", { steps: [{ counts: { bugs: 1 } }] }, {}],
  ["page StratusSpaceShort", { now: { gauges: { spaceShort: 1 } } }, {}],
  [
    "ticket StratusSpaceSoonShort",
    { data: filling(3.9), now: scarce },
    { data: filling(4), now: scarce },
  ],
  ["ticket StratusSpaceSoonShort", { data: filling(1), now: scarce }, { data: filling(1) }],
  ["ticket StratusUnconfirmedDamage", { now: { counts: { "finding false": 1 } } }, {}],
  ["ticket StratusSealingFails", { steps: [{ counts: { sealingErrors: 1 } }] }, {}],
  ["ticket StratusSealingLags", { now: { gauges: { unsealedEntries: 65_537 } } }, {}],
  ["ticket StratusRootsRefused", { steps: [{ counts: { "rootsRefused lost": 1 } }] }, {}],
  [
    "ticket StratusRootsOld",
    { now: { gauges: { rootsReadSeconds: NOW_MS / 1_000 - 10_801 } } },
    { now: { gauges: { rootsReadSeconds: NOW_MS / 1_000 - 10_799 } } },
  ],
  [
    "ticket StratusAuditStalled",
    { steps: auditAt(() => 5) },
    { steps: auditAt((minutes) => 5 + Math.floor(minutes / 28)) },
  ],
];

/** A look each minute of half an hour. */
function auditAt(position: (minutes: number) => number): readonly Partial<Step>[] {
  return Array.from({ length: 31 }, (_, minutes) => {
    const endMs = NOW_MS - (30 - minutes) * MINUTE_MS;
    return { startMs: endMs - MINUTE_MS, endMs, gauges: { auditPosition: position(minutes) } };
  });
}

for (const [alert, ill, well] of CASES) {
  test(`warningsOfShard() tells ${alert}, and not of what is beside it`, () => {
    assert.deepEqual(alertsOf(ill), [alert]);
    assert.deepEqual(alertsOf(well), []);
  });
}

test("warningsOfShard() tells pages first, and an alert once, with the shard's own reason", () => {
  const status = { isReady: false, state: "failed", reason: "FATAL_FSYNC: restart" } as const;
  const counts = { bugs: 1, "incident FATAL_FSYNC": 3 };
  const data = { kind: "steady", hours: 1 } as const;
  const hour = [{ ...STEP, counts }];
  const facts = { name: "a", status: { ...WELL, ...status }, now: SAMPLE, hour, day: hour, data };
  const found = warningsOfShard(facts, NOW_MS);
  assert.deepEqual(
    found.map(({ alert, shard, message }) => [alert, shard, message]),
    [
      ["StratusShardFailed", "a", "FATAL_FSYNC: restart"],
      ["StratusBugs", "a", "1 answer of 500"],
    ],
  );
});

test("warningsOfShard() of a shard that was never looked at goes by its status", () => {
  const data = { kind: "unknown", hours: 0 } as const;
  const facts = { name: "a", status: WELL, now: undefined, hour: [], day: [], data };
  assert.deepEqual(warningsOfShard(facts, NOW_MS), []);
});

test("warningsOfProcess() tells of certificates, clock, frontends and event loops", () => {
  const day = 86_400;
  const expires = (days: number) => ({
    "tlsExpiresSeconds log.example": NOW_MS / 1_000 + days * day,
  });
  assert.deepEqual(processAlerts(expires(13.9)), []);
  assert.deepEqual(processAlerts({ ...expires(13.9), "tlsValid log.example": 1 }), [
    "StratusTlsExpires",
  ]);
  assert.deepEqual(processAlerts({ ...expires(14.1), "tlsValid log.example": 1 }), []);
  assert.deepEqual(processAlerts({ ...expires(30), "tlsValid log.example": 0 }), [
    "StratusTlsInvalid",
  ]);
  assert.deepEqual(processAlerts({ clockDriftSeconds: -2.1 }), ["StratusClockDrift"]);
  assert.deepEqual(processAlerts({}, [{ counts: { frontendsEnded: 1 } }]), [
    "StratusFrontendsEnded",
  ]);
  const late = (seconds: number, minutes: number): readonly Partial<Step>[] =>
    Array.from({ length: minutes }, (_, index) => {
      const endMs = NOW_MS - index * MINUTE_MS;
      return { startMs: endMs - MINUTE_MS, endMs, gauges: { mainLagSeconds: seconds } };
    }).toReversed();
  const now = { mainLagSeconds: 0.3 };
  assert.deepEqual(processAlerts(now, late(0.3, 5)), ["StratusEventLoopSlow"]);
  assert.deepEqual(processAlerts(now, late(0.3, 3)), [], "not for long enough");
  assert.deepEqual(processAlerts(now, [...late(0.3, 5), { gauges: {} }]), [], "once it was well");
});

/** What a process cannot say of itself, or not by what it counts. */
const OUTSIDE = /^Stratus(?:Down|Restarts|FilesNearlyOut|Probe\w*)$/;

test("every alert has its rule here or needs somebody outside, and every rule its page", () => {
  const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
  const alerts = [...read("deploy/alerts.yml").matchAll(/- alert: (\w+)/g)].map(
    ([, name = ""]) => name,
  );
  const rules = new Set(
    [...read("src/dashboard/operator/warnings.ts").matchAll(/"(Stratus\w+)"/g)].map(
      ([, name = ""]) => name,
    ),
  );
  assert.deepEqual(alerts.filter((name) => !OUTSIDE.test(name)).sort(), [...rules].sort());
  const runbook = read("docs/OPERATIONS.md");
  for (const name of rules) assert.match(sectionOf(runbook, name) ?? "", /\*\*Do\.\*\*/, name);
});
