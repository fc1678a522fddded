/**
 * The self-audit as `compose` wires it: a served shard with a damaged entry tells its operator,
 * answers 503 for what is damaged and goes on with everything else; one with a damaged table
 * signs nothing more.
 * @module
 */
import assert from "node:assert/strict";
import { open, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../../src/clock/system.ts";
import { startStratus } from "../../src/compose.ts";
import type { Config, ShardConfig } from "../../src/config/config.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { createShard } from "../../src/create.ts";
import type { LogEvent } from "../../src/telemetry/observer.ts";
import { chainOf, makeCa } from "../support/certificates.ts";
import { temporaryFolder } from "../support/level.ts";
import { pem } from "../support/submit-run.ts";

/** A log of one shard, `rot`, with 40 entries; stopped. */
async function makeLog(cwd: string): Promise<{
  readonly config: Config;
  readonly shard: ShardConfig;
  /** Its entries, and one more. */
  readonly chains: readonly (readonly Uint8Array[])[];
}> {
  const root = makeCa();
  await writeFile(join(cwd, "roots.pem"), pem(root.der));
  const text = `
listen: 127.0.0.1:0
operations: 127.0.0.1:0
publicUrl: http://127.0.0.1
logLevel: fatal
shards:
  - name: rot
    notAfterStart: 2026-01-01T00:00:00Z
    notAfterLimit: 2100-01-01T00:00:00Z
    roots: [./roots.pem]
    audit: { entriesPerSecond: 100000 }
`;
  const nowMs = systemClock.nowMs();
  const path = join(cwd, "stratus.yaml");
  const config = parseConfig(text, { path, cwd, nowMs, shardFolders: [], overrides: {} });
  const [shard] = config.shards;
  assert.ok(shard);
  await createShard(config, shard);
  const first = await startStratus(config);
  const chains = Array.from({ length: 41 }, () => chainOf(root.issue(), root));
  const log = first.logs.get("rot");
  assert.ok(log);
  await Promise.all(chains.slice(1).map((chain) => log.submit("add-chain", chain)));
  await first.stop();
  return { config, shard, chains };
}

test("a served shard tells of a damaged entry, in status and metrics, and goes on", async () => {
  await using files = await temporaryFolder();
  const { config, shard } = await makeLog(files.path);
  const segment = join(shard.folder, "entries", "00000000");
  const bytes = await readFile(segment);
  bytes[bytes.length - 20] = (bytes[bytes.length - 20] ?? 0) ^ 1;
  await writeFile(segment, bytes);

  const events: LogEvent[] = [];
  let passed: () => void = () => {};
  const onePass = new Promise<void>((resolve) => {
    passed = resolve;
  });
  const second = await startStratus(config, {
    observer: (event) => {
      events.push(event);
      if (event.type === "audit-pass") passed();
    },
  });
  try {
    await onePass;
    const found = events.filter((event) => event.type === "audit-finding");
    assert.equal(found.length, 1);
    assert.ok(found[0]?.isConfirmed && !found[0].isForSigning);
    assert.equal(found[0].where, "entry 39");
    const ready = await fetch(`${second.operationsUrl}/readyz/rot`);
    assert.match(await ready.text(), /damaged: entry: entry 39: /);
    const metrics = await (await fetch(`${second.operationsUrl}/metrics`)).text();
    assert.match(metrics, /^stratus_audit_damage\{shard="rot"\} 1$/m);
    assert.match(metrics, /^stratus_audit_position\{shard="rot"\} 40$/m);
    assert.match(
      metrics,
      /^stratus_audit_findings_total\{shard="rot",kind="entry",confirmed="true"\} 1$/m,
    );
    const entries = `${second.listenUrl}/rot/ct/v1/get-entries`;
    const damaged = await fetch(`${entries}?start=39&end=39`);
    assert.equal(damaged.status, 503);
    assert.equal(damaged.headers.get("cache-control"), "no-store");
    await damaged.arrayBuffer();
    const whole = await fetch(`${entries}?start=0&end=38`);
    assert.equal(whole.status, 200);
    await whole.arrayBuffer();
  } finally {
    await second.stop();
  }
});

test("a served shard whose table is damaged signs nothing more, and does not start again", async () => {
  await using files = await temporaryFolder();
  const { config, shard, chains } = await makeLog(files.path);
  let see: (event: LogEvent) => void = () => {};
  const next = (type: LogEvent["type"]): Promise<LogEvent> =>
    new Promise((resolve) => {
      see = (event) => {
        if (event.type === type) resolve(event);
      };
    });
  const passed = next("audit-pass");
  const running = await startStratus(config, { observer: (event) => see(event) });
  const folder = join(shard.folder, "db");
  try {
    await passed;
    const [name = ""] = (await readdir(folder)).filter((file) => file.endsWith(".ldb"));
    const found = next("audit-finding");
    // In place: LevelDB has it mapped.
    const file = await open(join(folder, name), "r+");
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, 100);
    await file.write(Uint8Array.of(buffer[0]! ^ 1), 0, 1, 100);
    await file.close();
    const event = await found;
    assert.ok(event.type === "audit-finding" && event.isConfirmed && event.isForSigning);
    assert.deepEqual([event.kind, event.where], ["table", `db/${name}`]);
    const log = running.logs.get("rot");
    assert.ok(log);
    await assert.rejects(log.submit("add-chain", chains[0]!), {
      code: "UNAVAILABLE_SHARD_NOT_READY",
    });
    assert.match(log.status().reason ?? "", /^FATAL_AUDIT: .*db\/\d+\.ldb: block at byte 0/);
    const metrics = await (await fetch(`${running.operationsUrl}/metrics`)).text();
    assert.match(
      metrics,
      /^stratus_audit_findings_total\{shard="rot",kind="table",confirmed="true"\} 1$/m,
    );
    assert.equal((await log.readEntries(0, 10)).length, 10);
  } finally {
    await running.stop();
  }
  const again = await startStratus(config);
  const { state, reason } = again.logs.get("rot")?.status() ?? {};
  await again.stop();
  assert.equal(state, "failed");
  assert.match(reason ?? "", /^FATAL_STORE_CORRUPT: db\/\d+\.ldb: block at byte 0: its checksum/);
});
