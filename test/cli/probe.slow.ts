/**
 * `stratus probe` as a process, against a log that is one.
 * @module
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { makeCa } from "../support/certificates.ts";
import { writeProbeCa } from "../support/probe-ca.ts";
import { LogFolder, runStratus, StratusProcess, shardReady, until } from "../support/process.ts";
import { Files } from "../support/submit-run.ts";

const ROOT = makeCa();
const SHARD = "test2027";

describe("stratus probe of a running log", () => {
  const stack = new AsyncDisposableStack();
  let files: Files;
  let ca: readonly string[];
  let url: string;
  let log: StratusProcess;

  before(async () => {
    files = stack.use(await Files.make());
    const { caCertFile, caKeyFile } = await writeProbeCa(files, "p256", ROOT);
    ca = ["--ca-cert", caCertFile, "--ca-key", caKeyFile];
    const folder = stack.use(await LogFolder.make(ROOT, [{ name: SHARD }]));
    await folder.init();
    log = stack.use(folder.serve());
    const listening = await log.listening();
    url = `${listening.url}/${SHARD}`;
    await shardReady(listening.operationsUrl, SHARD);
  });

  after(() => stack.disposeAsync());

  test("exits 0, with a certificate that expires within the shard's window", async () => {
    const { code, stdout, stderr } = await runStratus(["probe", url, ...ca]);
    assert.equal(stderr, "");
    assert.match(stdout, /Everything holds: entry 0; SCT after \d+ ms/);
    assert.equal(code, 0);
  });

  test("exits 1 with the log's reason where the CA's root is not accepted", async () => {
    const { caCertFile, caKeyFile } = await writeProbeCa(files);
    const strange = ["--ca-cert", caCertFile, "--ca-key", caKeyFile];
    const { code, stderr } = await runStratus(["probe", url, ...strange]);
    assert.match(stderr, /FAILED at "submit": .*answered 400/);
    assert.equal(code, 1);
  });

  test("exits 2 without a CA", async () => {
    const { code, stderr } = await runStratus(["probe", url]);
    assert.match(stderr, /expected --ca-cert and --ca-key, or --chain/);
    assert.equal(code, 2);
  });

  test("with --every goes on, exports metrics, and ends at SIGTERM", async () => {
    const args = ["probe", url, ...ca, "--every", "1s", "--listen", "127.0.0.1:0"];
    await using probe = new StratusProcess(args);
    const metrics = await until("its address", () =>
      /Metrics are at (\S+)\n/.exec(probe.stdout)?.at(1),
    );
    await until("two probes", async () => {
      const text = await (await fetch(metrics)).text();
      return /^stratus_probe_runs_total\{[^}]*result="ok"\} [2-9]/m.test(text) ? text : undefined;
    });
    probe.signal("SIGTERM");
    assert.deepEqual(await probe.end(), { code: 0, signal: null });
  });

  test("with --every and no --listen does not end by itself", async () => {
    await using probe = new StratusProcess(["probe", url, ...ca, "--every", "1s"]);
    await until("two probes", () =>
      probe.stdout.split("Everything holds").length > 2 ? true : undefined,
    );
    probe.signal("SIGINT");
    assert.deepEqual(await probe.end(), { code: 0, signal: null });
  });
});
