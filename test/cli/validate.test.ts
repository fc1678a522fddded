/**
 * `stratus validate`: the log's verdict and the configuration's are one.
 * @module
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type ValidateOptions, validate } from "../../src/cli/validate.ts";
import { makeCa } from "../support/certificates.ts";
import { runCommand } from "../support/command-run.ts";
import { runStratus } from "../support/process.ts";
import { leafIndexOf, type RunningLog, startRunningLog } from "../support/running-log.ts";
import { Files, pem } from "../support/submit-run.ts";

const root = makeCa({ subject: "validate root" });
const issuer = root.intermediate({ subject: "validate issuer" });
const stranger = makeCa({ subject: "validate stranger" });
const IN_2031 = new Date("2031-06-01T00:00:00Z");
const PRECERT = issuer.issue({ precert: true, notAfter: IN_2031 });

let log: RunningLog;
let files: Files;
before(async () => {
  files = await Files.make();
  log = await startRunningLog([
    { name: "y2030", roots: [root], window: ["2030-01-01T00:00:00Z", "2031-01-01T00:00:00Z"] },
    { name: "y2031", roots: [root], window: ["2031-01-01T00:00:00Z", "2032-01-01T00:00:00Z"] },
  ]);
});
after(async () => {
  await log[Symbol.asyncDispose]();
  await files[Symbol.asyncDispose]();
});

async function run(chain: readonly Uint8Array[], changes: Partial<ValidateOptions> = {}) {
  const chainFile = await files.write(pem(...chain));
  const options: ValidateOptions = {
    url: undefined,
    loadConfig: async () => log.config,
    chainFile,
    endpoint: undefined,
    shard: undefined,
    json: false,
    timeoutMs: 5_000,
    ...changes,
  };
  return runCommand((io) => validate(options, io));
}

test("validate() by --url and by --config say the same but for the duplicate", async () => {
  const chain = [PRECERT, issuer.der];
  const sct = await log.submitted("y2031", "add-pre-chain", chain);
  const asked = await run(chain, { url: log.url("y2031"), json: true });
  const judged = await run(chain, { json: true });
  assert.deepEqual([asked.exitCode, judged.exitCode], [0, 0]);
  const { duplicate, ...verdict } = JSON.parse(asked.out);
  assert.deepEqual(JSON.parse(judged.out), verdict);
  assert.deepEqual(duplicate, { leaf_index: leafIndexOf(sct), timestamp: sct.timestamp });
});

test("validate() of a chain that is taken says where it leads and what would be logged", async () => {
  const fresh = [issuer.issue({ precert: true, notAfter: IN_2031 }), issuer.der];
  const { exitCode, out, err } = await run(fresh, { url: log.url("y2031") });
  assert.deepEqual([exitCode, err], [0, ""]);
  assert.match(out, /^ACCEPTED: y2031 would take this by add-pre-chain\. Nothing was logged\.$/m);
  assert.match(out, /^ {2}root +CN=validate root \(SHA-256 [0-9a-f]{64}\)$/m);
  assert.match(out, /^ {2}path, 1 +CN=validate issuer \(SHA-256 /m);
  assert.match(out, /^ {2}issuer key hash +[0-9a-f]{64}$/m);
  assert.match(out, /^ {2}TBS SHA-256 +[0-9a-f]{64}$/m);
  assert.match(out, /^ {2}shard +y2031 takes its NotAfter$/m);
  assert.match(out, /^ {2}duplicate +no$/m);
  assert.match((await run(fresh)).out, /^ {2}duplicate +not known here/m);
});

test("validate() of a chain that is refused exits 1 with code, words and the right shard", async () => {
  const chain = [PRECERT, issuer.der];
  const elsewhere = await run(chain, { url: log.url("y2030") });
  assert.equal(elsewhere.exitCode, 1);
  assert.match(elsewhere.out, /^REFUSED: y2030 would not take this by add-pre-chain\.$/m);
  assert.match(elsewhere.out, /^ {2}code +REJECTED_NOT_AFTER_OUT_OF_RANGE /m);
  assert.match(elsewhere.out, /message +y2030: failed to verify add-chain contents: chain failed/);
  assert.match(elsewhere.out, /by its NotAfter it belongs to y2031$/m);
  const unknown = await run([stranger.issue({ notAfter: new Date("2050-01-01T00:00:00Z") })]);
  assert.equal(unknown.exitCode, 1);
  assert.match(unknown.out, /no open shard here takes its NotAfter/);
  assert.equal((await run(chain, { shard: "y2030" })).exitCode, 1);
  assert.equal((await run(chain, { endpoint: "add-chain" })).exitCode, 1);
});

test("validate() names mistakes in the command with exit code 2, trouble with 1", async () => {
  const chain = [PRECERT, issuer.der];
  const both = await run(chain, { url: log.url("y2031"), shard: "y2031" });
  assert.deepEqual([both.exitCode, both.out], [2, ""]);
  assert.match(both.err, /^stratus validate: --shard goes with --config/);
  assert.equal((await run(chain, { url: "ftp://x" })).exitCode, 2);
  assert.equal((await run([])).exitCode, 2);
  const missing = await run(chain, { chainFile: "/nowhere/chain.pem" });
  assert.deepEqual([missing.exitCode, missing.out], [2, ""]);
  const shard = await run(chain, { shard: "y1999" });
  assert.equal(shard.exitCode, 1);
  assert.match(shard.err, /no shard y1999; there are: y2030, y2031/);
  const gone = await run(chain, { url: `${log.origin}/nobody` });
  assert.equal(gone.exitCode, 1);
  assert.match(gone.err, /answered 404/);
});

test("the command itself: help has an example, exit codes are the function's", async () => {
  const help = await runStratus(["validate", "--help"]);
  assert.equal(help.code, 0);
  assert.match(help.stdout, /Example:\n {2}stratus validate --url/);
  const chainFile = await files.write(pem(PRECERT, issuer.der));
  const taken = await runStratus(["validate", "--url", log.url("y2031"), chainFile]);
  assert.deepEqual([taken.code, taken.stderr], [0, ""]);
  assert.match(taken.stdout, /^ACCEPTED: y2031/);
  const neither = await runStratus(["validate", chainFile]);
  assert.equal(neither.code, 2);
  assert.match(neither.stderr, /expected --url URL, or --config FILE/);
});
