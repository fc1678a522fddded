/**
 * The pages in a real browser: each is walked as a visitor would, and nothing is refused by the
 * policy or thrown.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { openBrowser, whyNoBrowser } from "../support/browser.ts";
import { busyShard, startPageLog } from "../support/page-log.ts";
import { pemOf } from "../support/running-log.ts";

const skip = await whyNoBrowser();
const COUNT = 70;
const shard = busyShard(Date.now());

test("the pages, in a browser", { skip }, async (t) => {
  await using pages = await startPageLog(COUNT);
  const { log } = pages;
  await using browser = await openBrowser();

  await t.test("home shows every shard, its size, and goes on to its page", async () => {
    await using visitor = await browser.visitor();
    const { page, errors } = await visitor.open(`${log.origin}/`);
    const row = page.locator(`tr[data-shard="${shard}"]`);
    assert.equal(await row.locator('[data-live="size"]').textContent(), String(COUNT));
    assert.equal(await page.locator("svg.timeline .bar").count(), 3);
    await row.getByRole("link").click();
    await page.locator('[data-step="Signature"][data-state="ok"]').waitFor();
    assert.deepEqual(errors, []);
  });

  await t.test("home keeps its sizes fresh", async () => {
    await using visitor = await browser.visitor();
    const { page } = await visitor.open(`${log.origin}/`);
    const { treeSize } = await sizeOf();
    await pages.grow();
    await page
      .locator(`tr[data-shard="${shard}"] [data-live="size"]`, { hasText: String(treeSize + 1) })
      .waitFor();
  });

  async function sizeOf(): Promise<{ readonly treeSize: number }> {
    const head = await log.json(`/${shard}/ct/v1/get-sth`);
    return { treeSize: Number(head["tree_size"]) };
  }

  await t.test("a head is verified, the next one proven from it, also after a reload", async () => {
    await using visitor = await browser.visitor();
    const { page, errors } = await visitor.open(log.url(shard));
    await page.locator('[data-step="Key"][data-state="warn"]').waitFor();
    await pages.grow();
    const proven = page.locator('[data-step="Consistency"][data-state="ok"]');
    await proven.filter({ hasText: "1 entry appended" }).waitFor();
    await pages.grow();
    await page.reload();
    await page.locator('[data-step="Key"][data-state="ok"]').waitFor();
    await proven.filter({ hasText: "which this browser remembers" }).waitFor();
    await page.getByText("each proven to be in the signed tree").waitFor();
    assert.equal(await page.locator(".alarm").count(), 0);
    assert.deepEqual(errors, []);
  });

  await t.test("the key can be held against a log list", async () => {
    await using visitor = await browser.visitor();
    const { page } = await visitor.open(log.url(shard));
    const { log_id: logId } = await log.json(`/${shard}/log.v3.json`);
    const field = page.locator("#own-key");
    await field.fill(Buffer.alloc(32, 7).toString("base64"));
    await page.getByRole("button", { name: "Compare" }).click();
    await page.getByText("It is not the key").waitFor();
    await field.fill(String(logId));
    await page.getByRole("button", { name: "Compare" }).click();
    await page.getByText("The key is confirmed").waitFor();
    await page.reload();
    await page.getByText("The key is the one confirmed by you").waitFor();
  });

  await t.test("an entry is decoded, proven, drawn, and can be saved", async () => {
    await using visitor = await browser.visitor();
    const { page, errors } = await visitor.open(`${log.url(shard)}/entry/37`);
    await page.locator('[data-step="Inclusion"][data-state="ok"]').waitFor();
    await page.locator('[data-step="Index"][data-state="ok"]').waitFor();
    assert.equal(await page.locator('.step[data-state="bad"]').count(), 0);
    assert.equal(await page.locator("svg.tree.ok .node.sibling").count(), 7);
    const coming = page.waitForEvent("download");
    await page.getByRole("button", { name: "leaf_input" }).click();
    const saved = readFileSync(await (await coming).path());
    const { entries } = await log.json(`/${shard}/ct/v1/get-entries?start=37&end=37`);
    const [entry] = entries as readonly { readonly leaf_input: string }[];
    assert.equal(saved.toString("base64"), entry?.leaf_input);
    await page.getByRole("link", { name: "next" }).click();
    await page.locator("h1", { hasText: "Entry 38" }).waitFor();
    assert.deepEqual(errors, []);
  });

  await t.test("an entry is found by index, leaf hash, SHA-256, SCT and certificate", async () => {
    await using visitor = await browser.visitor();
    const data = (await log.json(`/${shard}/entry/5`, {
      headers: { accept: "application/json" },
    })) as {
      readonly leafHash: string;
      readonly certificates: readonly { readonly sha256: string; readonly der: string }[];
    };
    const [certificate] = data.certificates;
    assert.ok(certificate);
    for (const text of [
      "5",
      data.leafHash,
      certificate.sha256,
      pemOf(Buffer.from(certificate.der, "base64")),
    ]) {
      const { page, errors } = await visitor.open(log.url(shard));
      await page.locator("#living .panel").first().waitFor();
      await page.locator("#find-text").fill(text);
      await page.getByRole("button", { name: "Find" }).click();
      await page.waitForURL(`${log.url(shard)}/entry/5`);
      await page.locator('[data-step="Inclusion"][data-state="ok"]').waitFor();
      assert.deepEqual(errors, []);
      await page.close();
    }
    const der = pages.issuer.issue({
      notAfter: new Date(Date.UTC(new Date().getUTCFullYear() + 1, 5, 1)),
    });
    const sct = await log.submitted(shard, "add-chain", [der, pages.issuer.der]);
    const { page } = await visitor.open(log.url(shard));
    await page.locator("#living .panel").first().waitFor();
    const field = page.locator("#find-text");
    await field.fill(JSON.stringify(sct));
    await page.getByRole("button", { name: "Find" }).click();
    await page.locator('[data-step="SCT"][data-state="ok"]').waitFor();
    const wrong = { ...sct, timestamp: sct.timestamp + 1 };
    await field.fill(JSON.stringify(wrong));
    await page.getByRole("button", { name: "Find" }).click();
    await page.locator('[data-step="SCT"][data-state="bad"]').waitFor();
    await field.fill(Buffer.alloc(32, 9).toString("hex"));
    await page.getByRole("button", { name: "Find" }).click();
    await page.getByText("No entry has it as its leaf hash").waitFor();
  });

  await t.test("a certificate's hostile names stay text, as in the server's page", async () => {
    const evil = `<img src="x" onerror="document.title='owned'"><script>alert(1)</script>`;
    await pages.grow(evil);
    const { treeSize } = await sizeOf();
    for (const javaScriptEnabled of [true, false]) {
      await using visitor = await browser.visitor({ javaScriptEnabled });
      const { page, errors } = await visitor.open(`${log.url(shard)}/entry/${treeSize - 1}`);
      await page.getByText("<script>alert(1)").first().waitFor();
      if (javaScriptEnabled) await page.locator('[data-step="Inclusion"]').waitFor();
      assert.equal(await page.locator("img").count(), 0);
      assert.doesNotMatch(await page.title(), /owned/);
      assert.deepEqual(errors, []);
    }
  });

  await t.test("the keyboard reaches the content first, and every control after it", async () => {
    await using visitor = await browser.visitor();
    const { page } = await visitor.open(log.url(shard));
    await page.locator("#own-key").waitFor();
    await page.keyboard.press("Tab");
    const focused = () => page.evaluate("document.activeElement.textContent.trim()");
    assert.equal(await focused(), "Skip to the content");
    const seen = new Set<unknown>();
    for (let count = 0; count < 40; count += 1) {
      await page.keyboard.press("Tab");
      seen.add(
        await page.evaluate("document.activeElement.id || document.activeElement.textContent"),
      );
    }
    for (const control of ["own-key", "find-text", "Compare", "Find", "checkpoint"]) {
      assert.ok(seen.has(control), control);
    }
  });

  await t.test("roots are searched as one types, and by the server", async () => {
    await using visitor = await browser.visitor();
    const { page, errors } = await visitor.open(`${log.origin}/-/roots`);
    await page.locator("#q").fill("no such root");
    await page.getByText("0 of 1 match.").waitFor();
    await page.getByRole("button", { name: "Search" }).click();
    await page.getByText("0 of 1 match \u201cno such root\u201d").waitFor();
    await page.locator("#q").fill("example root");
    await page.getByRole("button", { name: "Search" }).click();
    await page.locator("table.roots tbody tr").waitFor();
    assert.deepEqual(errors, []);
  });

  await t.test("without JavaScript the pages show the same, and do not claim a proof", async () => {
    await using visitor = await browser.visitor({ javaScriptEnabled: false });
    const { page } = await visitor.open(`${log.url(shard)}/entry/3`);
    await page.getByText("These are the server’s words").waitFor();
    await page.getByText("www.host").first().waitFor();
    assert.equal(await page.locator(".step").count(), 0);
    await page.locator("#find-text").fill("7");
    await page.getByRole("button", { name: "Find" }).click();
    await page.waitForURL(`${log.url(shard)}/entry/7`);
  });

  await t.test("no page is wider than a phone, and every control has a name", async () => {
    await using visitor = await browser.visitor({ width: 360, height: 720 });
    for (const path of ["/", "/-/roots", `/${shard}`, `/${shard}/entry/37`]) {
      const { page } = await visitor.open(log.origin + path);
      if (path.includes(shard)) await page.locator(".step").first().waitFor();
      const wide = await page.evaluate("document.documentElement.scrollWidth");
      assert.ok(Number(wide) <= 360, `${path} is ${wide} wide`);
      for (const control of await page.locator("input, textarea, button, a").all()) {
        const name = await control.evaluate(
          "(node) => node.labels?.[0]?.textContent || node.ariaLabel || node.textContent",
        );
        assert.notEqual(String(name).trim(), "", `${path}: a control without a name`);
      }
      await page.close();
    }
  });
});
