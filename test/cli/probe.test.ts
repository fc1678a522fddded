/**
 * `probe` against a truthful log, one that lies, one that does not answer; mistakes in the command.
 * @module
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type ProbeOptions, probe } from "../../src/cli/probe.ts";
import { validity } from "../../src/cli/probe-ca.ts";
import { parseDuration } from "../../src/cli/probe-command.ts";
import { type Lies, NaiveLog } from "../support/naive-log.ts";
import { type ProbeCaFiles, writeProbeCa } from "../support/probe-ca.ts";
import { until } from "../support/process.ts";
import { LIES, SEED_COUNT } from "../support/submit-lies.ts";
import { chain, Files, pem, precertChain, type Run } from "../support/submit-run.ts";
import { startTls } from "../support/tls-server.ts";

const stack = new AsyncDisposableStack();
let files: Files;
let ca: ProbeCaFiles;

before(async () => {
  files = stack.use(await Files.make());
  ca = await writeProbeCa(files);
});

after(() => stack.disposeAsync());

/** Runs the command once, with the CA unless it is told otherwise. */
async function run(urls: readonly string[], options: Partial<ProbeOptions> = {}): Promise<Run> {
  const out: string[] = [];
  const err: string[] = [];
  const io = { out: (line: string) => out.push(line), err: (line: string) => err.push(line) };
  const { caCertFile, caKeyFile } = ca;
  const exitCode = await probe(
    {
      urls,
      ...(options.chainFile === undefined && { caCertFile, caKeyFile }),
      timeoutMs: 5_000,
      withinMs: 0,
      againMs: 5,
      everyMs: undefined,
      stopped: Promise.resolve(),
      ...options,
    },
    io,
  );
  return { exitCode, out: out.join("\n"), err: err.join("\n") };
}

/** Runs it with `--every` until it has exported what `isEnough` asks for. @returns the metrics. */
async function metricsUntil(
  urls: readonly string[],
  isEnough: (text: string) => boolean,
  options: Partial<ProbeOptions> = {},
): Promise<{ readonly text: string; readonly ran: Run }> {
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
  const { promise: listening, resolve: onListening } = Promise.withResolvers<string>();
  const more = { everyMs: 50, listen: "127.0.0.1:0", onListening, stopped };
  const running = run(urls, { ...more, ...options });
  const url = await listening;
  const text = await until("enough metrics", async () => {
    const answer = await fetch(url);
    assert.match(answer.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
    const shown = await answer.text();
    return isEnough(shown) ? shown : undefined;
  });
  stop();
  return { text, ran: await running };
}

test("probe() with a CA submits a fresh precertificate each time and proves it through both APIs", async () => {
  await using log = await NaiveLog.start(3);
  for (const index of [3, 4]) {
    const { exitCode, out, err } = await run([log.url]);
    assert.equal(err, "");
    assert.equal(exitCode, 0);
    assert.match(out, /The log answered add-pre-chain with an SCT after \d+ ms/);
    assert.match(out, /get-proof-by-hash finds the leaf/);
    assert.match(out, /computed from tiles leads to the checkpoint's root/);
    assert.match(
      out,
      new RegExp(
        `Everything holds: entry ${index}; SCT after \\d+ ms, proof by RFC 6962 in \\d+ ms, by tiles in \\d+ ms`,
      ),
    );
  }
  assert.equal(log.size, 5);
});

test("probe() takes a CA with a P-384 or RSA key", async () => {
  await using log = await NaiveLog.start(1);
  for (const keyType of ["p384", "rsa"] as const) {
    const { exitCode, err } = await run([log.url], await writeProbeCa(files, keyType));
    assert.equal(err, "");
    assert.equal(exitCode, 0);
  }
});

test("probe() with --chain submits the same chain again, through either endpoint", async () => {
  await using log = await NaiveLog.start(1);
  for (const ders of [chain, precertChain]) {
    const chainFile = await files.write(pem(...ders));
    const { exitCode, err } = await run([log.url], { chainFile });
    assert.equal(err, "");
    assert.equal(exitCode, 0);
  }
  const endpoints = log.requests.filter((path) => path.includes("add-"));
  assert.deepEqual(endpoints, ["ct/v1/add-chain", "ct/v1/add-pre-chain"]);
});

for (const [lie, check, reason, lies] of LIES) {
  // A precertificate of one issuer and root has no other of them beside it.
  test(`probe() of a log that lies about ${lie} fails at "${check}"`, async () => {
    await using log = await NaiveLog.start(SEED_COUNT);
    log.lies = lies(log);
    const chainFile = await files.write(pem(...precertChain));
    const { exitCode, out, err } = await run([log.url], { chainFile });
    assert.match(err, new RegExp(`^FAILED at "${check}": `), out);
    assert.match(err, reason);
    // What cannot be read at all is no word of the log.
    if (lie !== "an issuer") assert.match(err, /what the log said is not true/);
    assert.doesNotMatch(out, /Everything holds/);
    assert.equal(exitCode, 1);
  });
}

/** What does not answer, and the step that must tell. */
const SILENCE: readonly (readonly [path: string, step: string])[] = [
  ["log.v3.json", "log key"],
  ["ct/v1/add-pre-chain", "submit"],
  ["ct/v1/get-sth", "tree head signature"],
  ["ct/v1/get-proof-by-hash", "audit path"],
  ["checkpoint", "tree head signature"],
  ["tile/0/000.p/4", "hash tiles"],
];

for (const [silent, step] of SILENCE) {
  test(`probe() fails at "${step}" where ${silent} answers 503, which is no lie`, async () => {
    await using log = await NaiveLog.start(3);
    log.lies.answer = (truth, path) => (path === silent ? { ...truth, status: 503 } : truth);
    const isOver = (text: string) => /_failures_total\{/.test(text);
    const { text, ran } = await metricsUntil([log.url], isOver);
    assert.equal(ran.exitCode, 0, "it was asked to stop");
    assert.match(ran.err, new RegExp(`FAILED at "${step}"`));
    assert.match(
      text,
      new RegExp(`_failures_total\\{log="${log.url}",step="${step}",kind="unavailable"\\}`),
    );
    assert.match(text, /^stratus_probe_success\{[^}]*\} 0$/m);
    assert.match(text, /^stratus_probe_requests_total\{[^}]*,status="503"\} [1-9]/m);
  });
}

test("probe() fails at once where nothing listens", async () => {
  const log = await NaiveLog.start();
  const { url } = log;
  await log[Symbol.asyncDispose]();
  const { exitCode, err } = await run([url]);
  assert.match(err, /FAILED at "log key": .*nothing listens there/);
  assert.equal(exitCode, 1);
});

/** A head of the tree before the entry, once. */
function staleOnce(log: NaiveLog): Lies {
  const rootHash = log.rootOf(3);
  return {
    head: (truth) => {
      log.lies = {};
      return { ...truth, treeSize: 3, rootHash };
    },
  };
}

test("probe() waits for heads that a cache holds back, as long as it is told", async () => {
  await using log = await NaiveLog.start(3);
  log.lies = staleOnce(log);
  const patient = await run([log.url], { withinMs: 20_000 });
  assert.match(patient.out, /not yet: the head of get-sth has 3 entries/);
  assert.equal(patient.exitCode, 0);
  log.lies = staleOnce(log);
  const { exitCode, err } = await run([log.url]);
  assert.match(err, /FAILED at "stale head": what the log said is not true/);
  assert.equal(exitCode, 1);
});

test("probe() with --every exports the metrics of each log", async () => {
  await using one = await NaiveLog.start(3, "one");
  await using other = await NaiveLog.start(3, "other");
  other.lies.sct = (sct) => ({ ...sct, signature: sct.signature.with(40, sct.signature[40]! ^ 1) });
  const isOver = (text: string) => /_runs_total\{log="[^"]*one",result="ok"\} [2-9]/.test(text);
  const { text, ran } = await metricsUntil([one.url, other.url], isOver);
  const lines = text.split("\n");
  const log = `log="${one.url}"`;
  const [, runs] = /_runs_total\{log="[^"]*one",result="ok"\} ([0-9]+)/.exec(text) ?? [];
  assert.ok(lines.includes(`stratus_probe_success{${log}} 1`), text);
  assert.ok(lines.includes(`stratus_probe_success{log="${other.url}"} 0`));
  assert.match(
    text,
    /_failures_total\{log="[^"]*other",step="SCT signature",kind="contradiction"\}/,
  );
  for (const step of ["submit", "rfc6962", "tiles", "inclusion", "total"]) {
    assert.ok(
      lines.includes(`stratus_probe_step_seconds_count{${log},step="${step}"} ${runs}`),
      step,
    );
    assert.ok(
      lines.includes(`stratus_probe_step_seconds_bucket{${log},step="${step}",le="+Inf"} 2`),
    );
  }
  for (const endpoint of [
    "add-pre-chain",
    "get-sth",
    "get-proof-by-hash",
    "checkpoint",
    "log.v3.json",
  ]) {
    const labels = `${log},endpoint="${endpoint}",status="200"`;
    assert.ok(lines.includes(`stratus_probe_requests_total{${labels}} ${runs}`), endpoint);
  }
  assert.match(ran.out, /one: Everything holds: entry 3/);
  assert.match(ran.err, /other: FAILED at "SCT signature": what the log said is not true/);
});

test("probe() exports when the certificate of an https address expires, if nothing else works", async () => {
  const expiry = new Date("2031-05-06T07:08:09Z");
  await using server = await startTls(expiry, expiry);
  const url = `https://${server.host}/a`;
  const { text } = await metricsUntil([url], (shown) => /_tls_expiry\S+ [0-9]/.test(shown));
  const labels = `log="${url}",host="${server.host}"`;
  const line = `stratus_probe_tls_expiry_timestamp_seconds{${labels}} ${expiry.getTime() / 1_000}`;
  assert.ok(text.split("\n").includes(line), text);
  assert.match(text, /_requests_total\{[^}]*,status="none"\}/);
});

test("probe() exits 2 for mistakes in the command, before anything is sent", async () => {
  await using log = await NaiveLog.start();
  const chainFile = await files.write(pem(...chain));
  const other = await writeProbeCa(files);
  const mistakes: readonly (readonly [Partial<ProbeOptions> & { urls?: string[] }, RegExp])[] = [
    [{ urls: ["nowhere"] }, /url: expected a URL/],
    [{ caKeyFile: undefined }, /--ca-cert and --ca-key, or --chain/],
    [{ caCertFile: undefined, caKeyFile: undefined }, /--ca-cert and --ca-key, or --chain/],
    [{ caCertFile: ca.caCertFile, caKeyFile: ca.caKeyFile, chainFile }, /or --chain/],
    [{ caKeyFile: other.caKeyFile }, /is not the key of/],
    [{ caKeyFile: chainFile }, /--ca-key /],
    [{ caCertFile: `${chainFile}.absent` }, /ENOENT/],
    [{ listen: "127.0.0.1:0" }, /--listen needs --every/],
    [{ everyMs: 1_000, listen: "here" }, /--listen: expected address:port/],
    [{ everyMs: 1_000, listen: new URL(log.url).host }, /--listen: .*EADDRINUSE/],
    [{ urls: [log.url, `${log.url}2`], keyFile: chainFile }, /--key is for one log/],
  ];
  for (const [options, reason] of mistakes) {
    const { exitCode, err } = await run(options.urls ?? [log.url], options);
    assert.match(err, reason);
    assert.equal(exitCode, 2, err);
  }
  assert.deepEqual(log.requests, []);
});

test("validity() lies in the log's window, and is three months where it can be", () => {
  const nowMs = Date.UTC(2026, 10, 1);
  const within = (startMs: number, limitMs: number) => {
    const { notBefore, notAfter } = validity({ startMs, limitMs }, nowMs);
    assert.ok(notAfter.getTime() >= startMs && notAfter.getTime() < limitMs);
    assert.ok(notBefore.getTime() < Math.min(nowMs, notAfter.getTime()));
    return notAfter.toISOString().slice(0, 10);
  };
  assert.equal(within(Date.UTC(2026, 0), Date.UTC(2028, 0)), "2027-01-30");
  assert.equal(within(Date.UTC(2026, 0), Date.UTC(2027, 0)), "2026-12-31");
  assert.equal(within(Date.UTC(2029, 0), Date.UTC(2030, 0)), "2029-01-01");
  assert.equal(within(Date.UTC(2024, 0), Date.UTC(2025, 0)), "2024-12-31");
  assert.equal(validity(undefined, nowMs).notAfter.toISOString().slice(0, 10), "2027-01-30");
});

test("parseDuration() takes seconds, minutes and hours, up to a day", () => {
  assert.deepEqual(["60s", "5m", "24h"].map(parseDuration), [60_000, 300_000, 86_400_000]);
  for (const text of ["", "0s", "60", "25h", "1d", "-1s", "1.5m"]) {
    assert.throws(() => parseDuration(text), /expected 1s to 24h/);
  }
});
