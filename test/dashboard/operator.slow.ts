/**
 * The operator's dashboard in a real browser and over a real process: figures move, a shard in a
 * fault says what to do, and the past outlives the process.
 * @module
 */
import assert from "node:assert/strict";
import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { DashboardData } from "../../src/dashboard/operator/data.ts";
import { HISTORY_FOLDER } from "../../src/history/history.ts";
import { SLOT_BYTES } from "../../src/history/ring.ts";
import { REAL_SEAM } from "../../src/storage/level/real.ts";
import { openBrowser, whyNoBrowser } from "../support/browser.ts";
import { chainOf, makeCa, type TestCa } from "../support/certificates.ts";
import { busyShard, startPageLog } from "../support/page-log.ts";
import { writePastDay } from "../support/past-days.ts";
import { LogFolder, shardReady, until } from "../support/process.ts";
import { FailingDisk } from "../support/running.ts";
import { chainJson } from "../support/running-log.ts";

const skip = await whyNoBrowser();
const COUNT = 9;
const shard = busyShard(Date.now());

const NOT_AFTER = new Date(Date.UTC(2027, 2, 1));

/** A certificate that both logs' windows take. */
function leafOf(ca: TestCa, serial: number): Uint8Array {
  const notBefore = new Date(NOT_AFTER.getTime() - 80 * 86_400_000);
  return ca.issue({ serial: 500 + serial, notBefore, notAfter: NOT_AFTER });
}

async function dashboard(operationsUrl: string, query = ""): Promise<DashboardData> {
  const response = await fetch(`${operationsUrl}/dashboard.json${query}`);
  assert.equal(response.status, 200);
  return (await response.json()) as DashboardData;
}

async function figures(operationsUrl: string, name: string) {
  const { shards } = await dashboard(operationsUrl);
  return shards.find((each) => each.name === name) ?? assert.fail(`no figures of ${name}`);
}

test("the operator's dashboard, in a browser", { skip }, async (t) => {
  const disk = new FailingDisk();
  // Its own disk, as far as a test can give it one.
  const seam = (name: string) => (name === shard ? disk.seam() : REAL_SEAM);
  await using pages = await startPageLog(COUNT, [], { seam });
  const { log } = pages;
  await using browser = await openBrowser();
  const url = () => `${log.operationsUrl}/`;
  const accepted = `tr[data-shard="${shard}"] [data-cell="accepted"]`;

  await t.test("without scripts it shows every figure, and pictures", async () => {
    await using visitor = await browser.visitor({ javaScriptEnabled: false });
    const { page } = await visitor.open(url());
    assert.equal(await page.locator(accepted).textContent(), String(COUNT));
    assert.equal(await page.locator("tr[data-shard]").count(), 3);
    const figure = page.locator(`#shard-${shard} figure`, { hasText: "Submissions a second" });
    await figure.locator("svg.course path").first().waitFor();
    await page.getByText("Nothing. Every shard does what it should.").waitFor();
    await page.getByRole("link", { name: "Last day" }).click();
    assert.equal(new URL(page.url()).search, "?range=day");
    assert.equal(await page.locator(accepted).textContent(), String(COUNT));
  });

  await t.test("figures and plots follow what happens", async () => {
    await using visitor = await browser.visitor();
    const { page, errors } = await visitor.open(url());
    await page.locator(".plot canvas").filter({ visible: true }).first().waitFor();
    await pages.grow();
    await page.locator(accepted, { hasText: String(COUNT + 1) }).waitFor();
    const size = page.locator(`tr[data-shard="${shard}"] [data-cell="size"]`);
    assert.equal(await size.textContent(), String(COUNT + 1));
    assert.deepEqual(errors, []);
  });

  await t.test("refusals are told by reason and by issuer", async () => {
    const stranger = makeCa({ subject: "Stranger Root" });
    const reply = await log.submit(shard, "add-chain", chainOf(leafOf(stranger, 1), stranger));
    assert.equal(reply.status, 400);
    // A look serves everybody for a second.
    const { hour } = await until("a fresh look", async () => {
      const found = await figures(log.operationsUrl, shard);
      return found.hour.refused > 0 ? found : undefined;
    });
    assert.equal(hour.refused, 1);
    assert.equal(hour.reasons.length, 1);
    assert.match(hour.reasons[0]?.code ?? "", /^REJECTED_/);
    assert.equal(
      hour.issuers.reduce((sum, { refused }) => sum + refused, 0),
      1,
    );
  });

  await t.test("a stop and a start lose nothing of the past", async () => {
    const before = await figures(log.operationsUrl, shard);
    await log.restart({ seam });
    const { hour, day } = await until("history is read", async () => {
      const { isHistoryRead, shards } = await dashboard(log.operationsUrl);
      return isHistoryRead ? shards.find(({ name }) => name === shard) : undefined;
    });
    for (const totals of [hour, day]) {
      assert.equal(totals.accepted, COUNT + 1);
      assert.deepEqual(totals.reasons, before.hour.reasons);
      assert.equal(totals.timed, before.hour.timed);
    }
  });

  await t.test("a shard in a fault shows it, with the page of its alert", async () => {
    await using visitor = await browser.visitor();
    const { page, errors } = await visitor.open(url());
    disk.failing = "entries fsync";
    await pages.grow().then(
      () => assert.fail("the disk took it"),
      () => undefined,
    );
    const warning = page.locator('[data-alert="StratusShardFailed"]').first();
    await warning.waitFor();
    assert.match((await warning.textContent()) ?? "", new RegExp(shard));
    await warning.locator("summary").click();
    await warning.getByText("the disk did not confirm a write").waitFor();
    // The page goes on refreshing around what the operator reads.
    await page.waitForResponse((response) => response.url().includes("dashboard.json"));
    await warning.getByText("the disk did not confirm a write").waitFor();
    assert.match((await page.locator(`tr[data-shard="${shard}"]`).textContent()) ?? "", /restart/);
    const { warnings } = await dashboard(log.operationsUrl);
    assert.ok(warnings.every((each) => each.shard === undefined || each.shard === shard));
    assert.deepEqual(errors, []);
    disk.failing = undefined;
    await log.restart({ seam });
    const { isReady } = await figures(log.operationsUrl, shard);
    assert.ok(isReady);
  });

  await t.test("a day on record is plotted, on a phone, too", async () => {
    await log.stop();
    const { data } = log.config;
    rmSync(join(data, HISTORY_FOLDER), { recursive: true });
    const disks = { freeBytes: 1e12, usedBytes: 2e10, totalBytes: 2e12 };
    await writePastDay({ data, shard, endMs: Date.now() - 5_000, perHour: 9_000, ...disks });
    await log.restart();
    await until("history is read", async () => {
      const { isHistoryRead } = await dashboard(log.operationsUrl);
      return isHistoryRead ? true : undefined;
    });
    const { shards } = await dashboard(log.operationsUrl, "?range=day");
    const course = shards.find(({ name }) => name === shard)?.course;
    assert.ok((course?.timesMs.length ?? 0) >= 287);
    const { day } = await figures(log.operationsUrl, shard);
    assert.ok(day.accepted > 100_000 && day.recordedSeconds > 86_000);
    await using visitor = await browser.visitor({ width: 390, height: 844 });
    const { page, errors } = await visitor.open(`${url()}?range=day`);
    await page.locator(".plot canvas").filter({ visible: true }).first().waitFor();
    const widths = "[document.documentElement.scrollWidth, innerWidth]";
    assert.deepEqual(await page.evaluate(widths), [390, 390]);
    assert.deepEqual(errors, []);
  });
});

test("the history of a process with frontends survives SIGKILL", async () => {
  const root = makeCa({ subject: "Known CA" });
  const name = "test2027";
  await using folder = await LogFolder.make(root, [{ name }], ["frontends: 2"]);
  await folder.init();
  {
    await using log = folder.serve();
    const { url, operationsUrl } = await log.listening();
    await shardReady(operationsUrl, name);
    const target = `${url}/${name}/ct/v1/add-chain`;
    const headers = { connection: "close" };
    for (let index = 0; index < 6; index += 1) {
      const body = index < 4 ? chainJson(chainOf(leafOf(root, index), root)) : "{}";
      const { status } = await fetch(target, { method: "POST", body, headers });
      assert.equal(status, index < 4 ? 200 : 400);
    }
    const { hour } = await figures(operationsUrl, name);
    assert.deepEqual([hour.accepted + hour.duplicate, hour.refused], [4, 2]);
    // The next look is on its way; one after it has it all.
    const path = join(folder.path, "data", HISTORY_FOLDER, `${name}.hour`);
    const rows = () => statSync(path).size / SLOT_BYTES - 1;
    const before = rows();
    await until("a look was written", async () => (rows() > before ? true : undefined));
    log.signal("SIGKILL");
    await log.end();
  }
  await using log = folder.serve();
  const { operationsUrl } = await log.listening();
  const { hour, day } = await until("history is read", async () => {
    const { isHistoryRead, shards } = await dashboard(operationsUrl);
    return isHistoryRead ? shards[0] : undefined;
  });
  for (const totals of [hour, day]) {
    assert.deepEqual([totals.accepted + totals.duplicate, totals.refused], [4, 2]);
  }
});
