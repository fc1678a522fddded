/**
 * The files of deploy/ under the programs that will read them, as Debian packages these: promtool,
 * nginx, caddy, systemd.
 * @module
 */
import assert from "node:assert/strict";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { runProgram, substitute, unlessInstalled } from "../support/deploy.ts";
import { temporaryFolder } from "../support/level.ts";
import { writeNginx } from "../support/nginx.ts";
import { ROOT, readSource } from "../support/source.ts";

/** What a unit may be exposed to at most, of 100: systemd calls it "OK". */
const EXPOSURE_MAX = 20;

function requireSuccess(name: string, args: readonly string[], cwd?: string): string {
  const { code, text } = runProgram(name, args, cwd);
  assert.equal(code, 0, `${name} ${args.join(" ")}\n${text}`);
  return text;
}

test("promtool takes the alert rules", { skip: unlessInstalled("promtool") }, () => {
  assert.match(requireSuccess("promtool", ["check", "rules", "deploy/alerts.yml"]), /rules found/);
});

test("promtool takes Prometheus's configuration", { skip: unlessInstalled("promtool") }, () => {
  const text = requireSuccess("promtool", ["check", "config", "deploy/prometheus.yml"]);
  assert.match(text, /1 rule files found/);
});

test("the alert rules pass their unit tests", { skip: unlessInstalled("promtool") }, () => {
  const text = requireSuccess(
    "promtool",
    ["test", "rules", "alerts.test.yml"],
    join(ROOT, "deploy"),
  );
  assert.match(text, /SUCCESS/);
});

test("a rule that was changed fails them", { skip: unlessInstalled("promtool") }, async () => {
  await using folder = await temporaryFolder();
  const rules = readSource("deploy/alerts.yml");
  const change = substitute(rules, [["stratus_shard_ready == 0", "stratus_shard_ready == 1"]]);
  await writeFile(join(folder.path, "alerts.yml"), change);
  // Its own case alone: the whole file takes seconds.
  const [head = "", ...cases] = readSource("deploy/alerts.test.yml").split(/^(?= {2}- name: )/m);
  const own = cases.filter((text) => text.startsWith("  - name: StratusShardNotReady\n"));
  assert.equal(own.length, 1);
  await writeFile(join(folder.path, "own.yml"), head + own[0]);
  assert.equal(runProgram("promtool", ["test", "rules", "own.yml"], folder.path).code, 1);
  await writeFile(join(folder.path, "alerts.yml"), rules);
  requireSuccess("promtool", ["test", "rules", "own.yml"], folder.path);
});

test("nginx takes its configuration", { skip: unlessInstalled("nginx", "openssl") }, async () => {
  await using folder = await temporaryFolder();
  const { path } = await writeNginx(folder.path, "127.0.0.1:6962");
  const text = requireSuccess("nginx", ["-t", "-p", folder.path, "-c", path]);
  assert.match(text, /test is successful/);
  assert.doesNotMatch(text, /warn/);
});

test("caddy takes its configuration", { skip: unlessInstalled("caddy") }, async () => {
  await using folder = await temporaryFolder();
  const log = join(folder.path, "access.log");
  const text = substitute(readSource("deploy/Caddyfile"), [["/var/log/caddy/access.log", log]]);
  const path = join(folder.path, "Caddyfile");
  // Caddy keeps its certificates below HOME.
  await writeFile(path, `${text.replace("\n{\n", `\n{\n\tstorage file_system ${folder.path}\n`)}`);
  const said = requireSuccess("caddy", ["validate", "--config", path, "--adapter", "caddyfile"]);
  assert.match(said, /Valid configuration/);
  assert.doesNotMatch(said, /"level":"error"/);
});

for (const name of ["stratus.service", "stratus-probe.service"]) {
  test(`systemd takes ${name}, without a word`, {
    skip: unlessInstalled("systemd-analyze"),
  }, async () => {
    await using folder = await temporaryFolder();
    // Where nobody installed it, verify misses the program: the repository's own stands for it.
    const program = join(folder.path, "opt", "stratus");
    await mkdir(join(folder.path, "opt"));
    await writeFile(program, readSource("stratus"));
    await chmod(program, 0o755);
    const unit = join(folder.path, name);
    const text = readSource(`deploy/${name}`);
    await writeFile(unit, substitute(text, [["/opt/stratus/stratus", program]]));
    const said = requireSuccess("systemd-analyze", ["verify", "--man=no", unit]);
    assert.equal(said.trim(), "");
  });

  test(`systemd rates the exposure of ${name} ${EXPOSURE_MAX / 10} or less`, {
    skip: unlessInstalled("systemd-analyze"),
  }, () => {
    const limit = `--threshold=${EXPOSURE_MAX}`;
    const args = ["security", "--offline=yes", "--no-pager", limit, `deploy/${name}`];
    assert.match(requireSuccess("systemd-analyze", args), /Overall exposure level/);
  });
}
