/**
 * docs/OPERATIONS.md: a page for each alert, the metrics that a log shows, links and files that
 * exist; and nothing in the rules or on the dashboard that a log does not show.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ProbeMetrics } from "../../src/cli/probe-metrics.ts";
import { makeCa } from "../support/certificates.ts";
import { alertRules, items, readYaml } from "../support/deploy.ts";
import { type RunningLog, startRunningLog } from "../support/running-log.ts";
import { ROOT, readSource } from "../support/source.ts";

const PAGE = "docs/OPERATIONS.md";
const TEXT = readSource(PAGE);
const RULES = alertRules();

/** A heading's name in links, as most viewers make it. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^a-z0-9 -]/g, "")
    .replaceAll(" ", "-");
}

function anchorsOf(text: string): ReadonlySet<string> {
  return new Set([...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => anchorOf(heading)));
}

/** Sections of level 3 below "Alerts", by name. */
function alertPages(): ReadonlyMap<string, string> {
  const [, alerts = ""] = TEXT.split(/^## Alerts$/m);
  const sections = alerts.split(/^### /m).slice(1);
  return new Map(sections.map((text) => [text.split("\n", 1)[0] ?? "", text]));
}

test(`${PAGE} has a page for each alert, and for no other, in the order of the rules`, () => {
  assert.ok(RULES.length > 15);
  assert.deepEqual(
    [...alertPages().keys()],
    RULES.map(({ alert }) => alert),
  );
});

for (const { alert, labels, annotations } of RULES) {
  test(`${alert} links to its page, which says what it means, what to look at and what to do`, () => {
    assert.equal(annotations.runbook_url, `${PAGE}#${anchorOf(alert)}`);
    const text = alertPages().get(alert) ?? assert.fail("no page");
    assert.match(labels.severity, /^(?:page|ticket)$/);
    assert.ok(text.includes(`\n**Means.** *${labels.severity}.* `), "its severity");
    for (const part of ["Means", "Look", "Do"]) {
      const [, body = ""] =
        new RegExp(`^\\*\\*${part}\\.\\*\\* ([\\s\\S]*?)(?:\\n\\n|$)`, "m").exec(text) ?? [];
      assert.ok(body.length > 60, part);
    }
  });
}

for (const [, name = "", target = ""] of TEXT.matchAll(/\[([^\]]+)\]\(([^)]+)\)/g)) {
  test(`${PAGE}: the link ${target} leads somewhere (${name.replaceAll("\n", " ")})`, () => {
    const [path = "", anchor] = target.split("#");
    const file = path === "" ? PAGE : join(dirname(PAGE), path);
    assert.ok(existsSync(join(ROOT, file)), file);
    if (anchor !== undefined) assert.ok(anchorsOf(readSource(file)).has(anchor), anchor);
  });
}

test(`${PAGE} names files of deploy/ that exist`, () => {
  const paths = [...TEXT.matchAll(/(?:\/opt\/stratus\/|\()(?:\.\.\/)?(deploy\/[\w./-]+\w)/g)];
  assert.ok(paths.length > 5);
  for (const [, path = ""] of paths) assert.ok(existsSync(join(ROOT, path)), path);
});

test("each alert has a unit test in which it fires, and one in which it does not", () => {
  const cases = items(readYaml("deploy/alerts.test.yml")["tests"]).flatMap((group) =>
    items(group["alert_rule_test"]),
  );
  for (const { alert } of RULES) {
    const own = cases.filter(({ alertname }) => String(alertname) === alert);
    const fires = own.filter((one) => items(one["exp_alerts"]).length > 0);
    assert.ok(fires.length > 0, `${alert} fires`);
    assert.ok(own.length > fires.length || alert === "StratusGuardRefuses", `${alert} does not`);
  }
});

/** Metrics that an expression of PromQL names, with the labels that it asks of each. */
function metricsIn(expression: string): readonly (readonly [name: string, labels: string[]])[] {
  const found: (readonly [string, string[]])[] = [];
  for (const [, name = "", matchers = ""] of expression.matchAll(
    /\b((?:stratus|process|nodejs)_\w+)(?:\{([^}]*)\})?/g,
  )) {
    found.push([
      name,
      [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = ""]) => label),
    ]);
  }
  return found;
}

/** What Prometheus itself adds to each series. */
const ADDED = new Set(["job", "instance"]);

/** The metrics of a probe that held and of one that did not, as Prometheus reads them. */
function probeMetrics(): string {
  const log = "https://ct.example.org/a";
  const metrics = new ProbeMetrics();
  const exchange = { url: `${log}/checkpoint`, status: 200, startMs: 0, endMs: 1 };
  const tls = { host: "ct.example.org:443", expiresMs: 1 };
  const held = { failure: undefined, leafIndex: 1, exchanges: [exchange], tls };
  metrics.add(log, { ...held, times: new Map([["submit", 9]]) }, 1);
  const failure = { step: "root", kind: "contradiction", message: "" } as const;
  metrics.add(log, { ...held, failure, times: new Map() }, 2);
  return metrics.format();
}

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

describe("the metrics of a running log and of a probe", () => {
  const stack = new AsyncDisposableStack();
  /** Labels of the series of each name, as Prometheus reads it; of none there are no labels. */
  const shown = new Map<string, Set<string>>();
  /** Names as the program declares them. */
  const declared: string[] = [];

  before(async () => {
    const root = makeCa();
    const log: RunningLog = stack.use(await startRunningLog([{ name: "one", roots: [root] }]));
    await log.submitted("one", "add-chain", [root.issue()]);
    await log.json("/one/ct/v1/get-sth");
    const shownByLog = await (await fetch(`${log.operationsUrl}/metrics`)).text();
    const text = `${shownByLog}\n${probeMetrics()}`;
    for (const [, name = "", type = ""] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
      declared.push(name);
      const suffixes = type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
      for (const suffix of suffixes) shown.set(name + suffix, new Set());
    }
    for (const [, name = "", labels = ""] of text.matchAll(/^([a-z_0-9]+)\{([^}]*)\} /gm)) {
      const known = shown.get(name) ?? assert.fail(`${name} is declared`);
      for (const [, label = ""] of labels.matchAll(/(\w+)="/g)) known.add(label);
    }
  });

  after(() => stack.disposeAsync());

  function requireShown(expression: string, where: string): void {
    const used = metricsIn(expression);
    assert.ok(used.length > 0 || expression.includes("up{"), `${where}: no metric`);
    for (const [name, labels] of used) {
      const known = shown.get(name) ?? assert.fail(`${where}: no log shows ${name}`);
      // Counters of what has not happened have no series yet.
      if (known.size === 0) continue;
      for (const label of labels) {
        assert.ok(known.has(label) || ADDED.has(label), `${where}: ${name} has no label ${label}`);
      }
    }
  }

  test("are all that the alert rules ask for", () => {
    for (const { alert, expr } of RULES) requireShown(expr, alert);
  });

  test("are all that the dashboard asks for", () => {
    const dashboard = JSON.parse(readSource("deploy/grafana/stratus.json"));
    const panels = (dashboard.panels as readonly Panel[]).filter(({ targets }) => targets);
    assert.ok(panels.length > 20);
    for (const { title, targets = [] } of panels) {
      for (const { expr } of targets) requireShown(expr, title);
    }
    for (const { query } of dashboard.templating.list) {
      const text = typeof query === "string" ? query : query.query;
      if (text.startsWith("label_values")) requireShown(text, "variables");
    }
    for (const { expr, name } of dashboard.annotations.list) requireShown(expr, name);
  });

  test(`are those of the two tables in ${PAGE}, with their labels`, () => {
    const rows = [...TEXT.matchAll(/^\| `(stratus_\w+)` \| ([^|]+) \|/gm)];
    const isProbes = (name: string) => name.startsWith("stratus_probe_");
    const names = declared.filter((name) => name.startsWith("stratus_")).sort();
    assert.deepEqual(
      rows.map(([, name]) => name),
      [...names.filter(isProbes), ...names.filter((name) => !isProbes(name))],
    );
    for (const [, name = "", cell = ""] of rows) {
      const labels = cell === "-" ? [] : cell.split(", ");
      const known = shown.get(name) ?? shown.get(`${name}_count`) ?? assert.fail(name);
      if (known.size > 0) assert.deepEqual([...known].sort(), labels.toSorted(), name);
    }
  });

  test("are each on the dashboard, or in a rule", () => {
    const used = readSource("deploy/grafana/stratus.json") + readSource("deploy/alerts.yml");
    const unused = declared.filter((name) => name.startsWith("stratus_") && !used.includes(name));
    // The age of the head says the same.
    assert.deepEqual(unused, ["stratus_head_timestamp_seconds"]);
  });
});
