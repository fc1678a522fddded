/**
 * A server that lies, in a real browser: each lie is called out on the page, and what proves
 * it can be taken home.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { openBrowser, type Visitor, whyNoBrowser } from "../support/browser.ts";
import { forgeHead } from "../support/forged-head.ts";
import { busyShard, type Lie, startLiar, startPageLog } from "../support/page-log.ts";

const skip = await whyNoBrowser();
const shard = busyShard(Date.now());

/** Replaces the answer to one path. */
function shows(path: string, body: string): Lie {
  return (asked) => (asked.split("?")[0] === `/${shard}/${path}` ? body : undefined);
}

/** Flips a bit of the first hash of a list in JSON. */
function flips(path: string, list: string): Lie {
  return (asked, body) => {
    if (!asked.startsWith(`/${shard}/${path}`)) return undefined;
    const answer = JSON.parse(body) as Record<string, string[]>;
    const [first = "", ...rest] = answer[list] ?? [];
    const bytes = Buffer.from(first, "base64");
    bytes[5] = (bytes[5] ?? 0) ^ 1;
    return JSON.stringify({ ...answer, [list]: [bytes.toString("base64"), ...rest] });
  };
}

async function refuted(page: Page, step: string, text: RegExp): Promise<void> {
  await page.locator(`[data-step="${step}"][data-state="bad"]`, { hasText: text }).waitFor();
  await page.locator(".verdict.bad").waitFor();
}

/** Downloads the evidence of the alarm. */
async function evidenceOf(page: Page): Promise<Readonly<Record<string, unknown>>> {
  await page.getByRole("heading", { name: "Do not trust this log" }).waitFor();
  const coming = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download the evidence" }).click();
  return JSON.parse(readFileSync(await (await coming).path(), "utf8"));
}

test("a server that lies is called out, in a browser", { skip }, async (t) => {
  await using pages = await startPageLog(70);
  const { log } = pages;
  await using liar = await startLiar(log.origin);
  await using browser = await openBrowser();
  const url = `${liar.origin}/${shard}`;
  const checkpoint = async (): Promise<string> => (await log.call(`/${shard}/checkpoint`)).text;

  /** A visitor who has seen the true log. */
  const visitorWhoKnows = async (): Promise<Visitor> => {
    liar.tell(undefined);
    const visitor = await browser.visitor();
    const { page } = await visitor.open(url);
    await page.locator('[data-step="Signature"][data-state="ok"]').waitFor();
    assert.equal(await page.locator(".verdict.ok").count(), 1);
    await page.close();
    return visitor;
  };

  await t.test("a wrong root under the true signature", async () => {
    await using visitor = await browser.visitor();
    const [origin, size, , ...rest] = (await checkpoint()).split("\n");
    const root = Buffer.alloc(32, 1).toString("base64");
    liar.tell(shows("checkpoint", [origin, size, root, ...rest].join("\n")));
    const { page } = await visitor.open(url);
    await refuted(page, "Signature", /not by the log/);
    const { shown } = await evidenceOf(page);
    assert.match(String(shown), new RegExp(root.replace("+", "\\+")));
  });

  await t.test("a wrong signature", async () => {
    await using visitor = await browser.visitor();
    const { page } = await visitor.open(url.replace(liar.origin, log.origin));
    await page.locator('[data-step="Signature"][data-state="ok"]').waitFor();
    const text = await checkpoint();
    const [, encoded = ""] = /— \S+ (\S+)/.exec(text) ?? [];
    const bytes = Buffer.from(encoded, "base64");
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    liar.tell(shows("checkpoint", text.replace(encoded, bytes.toString("base64"))));
    const { page: lied } = await visitor.open(url);
    await refuted(lied, "Signature", /not by the log/);
  });

  await t.test("a fork that the log signed: two roots for one size", async () => {
    await using visitor = await visitorWhoKnows();
    const forged = await forgeHead(log, shard, ({ timestampMs }) => ({
      timestampMs: timestampMs + 1,
      rootHash: new Uint8Array(32).fill(7),
    }));
    liar.tell(shows("checkpoint", forged));
    const { page } = await visitor.open(url);
    await refuted(page, "Consistency", /Two histories/);
    const { before, shown, what } = await evidenceOf(page);
    assert.equal(shown, forged);
    assert.match(String(before), /^log\.example/);
    assert.match(String(what), /Two histories/);
    // The warning outlives the lie, until it is dismissed.
    liar.tell(undefined);
    await page.reload();
    await page.locator(".alarm").waitFor();
    await page.getByRole("button", { name: "forget the warning" }).click();
    await page.reload();
    await page.locator(".verdict.ok").waitFor();
    assert.equal(await page.locator(".alarm").count(), 0);
  });

  await t.test("a fork that the log signed: a larger tree that does not extend", async () => {
    await using visitor = await visitorWhoKnows();
    const forged = await forgeHead(log, shard, ({ timestampMs, treeSize }) => ({
      timestampMs: timestampMs + 1,
      treeSize: treeSize + 1,
      rootHash: new Uint8Array(32).fill(8),
    }));
    const proof = { consistency: [Buffer.alloc(32, 3).toString("base64")] };
    liar.tell((path) => {
      if (path.startsWith(`/${shard}/checkpoint`)) return forged;
      return path.includes("get-sth-consistency") ? JSON.stringify(proof) : undefined;
    });
    const { page } = await visitor.open(url);
    await refuted(page, "Consistency", /does not prove that this head extends/);
    const { consistency } = await evidenceOf(page);
    assert.deepEqual(consistency, proof.consistency);
    await using other = await visitorWhoKnows();
    liar.tell(shows("checkpoint", forged));
    const { page: refusing } = await other.open(url);
    await refuted(refusing, "Consistency", /refuses to prove/);
  });

  await t.test("a wrong hash in a consistency proof", async () => {
    await using visitor = await visitorWhoKnows();
    await pages.grow();
    liar.tell(flips("ct/v1/get-sth-consistency", "consistency"));
    const { page } = await visitor.open(url);
    await refuted(page, "Consistency", /does not prove/);
  });

  await t.test("a tree that shrank", async () => {
    await using visitor = await visitorWhoKnows();
    const forged = await forgeHead(log, shard, ({ timestampMs, treeSize }) => ({
      timestampMs: timestampMs + 1,
      treeSize: treeSize - 1,
    }));
    liar.tell(shows("checkpoint", forged));
    const { page } = await visitor.open(url);
    await refuted(page, "Consistency", /has shrunk/);
  });

  await t.test("a stale head, and one from the future", async () => {
    await using visitor = await browser.visitor();
    const moved = (byMs: number) =>
      forgeHead(log, shard, ({ timestampMs }) => ({ timestampMs: timestampMs + byMs }));
    liar.tell(shows("checkpoint", await moved(-600_000)));
    const { page } = await visitor.open(url);
    await refuted(page, "Freshness", /withheld from you/);
    await using other = await browser.visitor();
    liar.tell(shows("checkpoint", await moved(600_000)));
    const { page: early } = await other.open(url);
    await refuted(early, "Freshness", /ahead of your clock/);
  });

  await t.test("another key than the one that was pinned", async () => {
    await using visitor = await visitorWhoKnows();
    const other = await log.json(`/${log.config.shards[0]?.name}/log.v3.json`);
    const own = await log.json(`/${shard}/log.v3.json`);
    const { key, log_id: logId } = other;
    liar.tell(shows("log.v3.json", JSON.stringify({ ...own, key, log_id: logId })));
    const { page } = await visitor.open(url);
    await refuted(page, "Key", /now states another key/);
  });

  await t.test("a wrong sibling hash", async () => {
    await using visitor = await visitorWhoKnows();
    liar.tell(flips("ct/v1/get-entry-and-proof", "audit_path"));
    const { page } = await visitor.open(`${url}/entry/37`);
    await refuted(page, "Inclusion", /does not lead to the signed root/);
    await page.locator("svg.tree.bad", { hasText: "differs" }).waitFor();
    const { entry } = await evidenceOf(page);
    assert.equal((entry as { leafIndex: number }).leafIndex, 37);
  });

  await t.test("another entry in the place of one", async () => {
    await using visitor = await visitorWhoKnows();
    const path = `/${shard}/ct/v1/get-entry-and-proof`;
    const { tree_size: size } = await log.json(`/${shard}/ct/v1/get-sth`);
    const other = await log.json(`${path}?leaf_index=38&tree_size=${Number(size)}`);
    const { leaf_input: leafInput } = other;
    liar.tell((asked, body) =>
      asked.startsWith(`${path}?leaf_index=37`)
        ? JSON.stringify({ ...JSON.parse(body), leaf_input: leafInput })
        : undefined,
    );
    const { page } = await visitor.open(`${url}/entry/37`);
    await refuted(page, "Inclusion", /does not lead/);
  });

  await t.test("a server that goes quiet is no proof of anything", async () => {
    await using visitor = await visitorWhoKnows();
    liar.tell(shows("checkpoint", ""));
    const { page } = await visitor.open(url);
    await refuted(page, "Signature", /not one of this log/);
    liar.tell((asked) => (asked.includes("get-sth-consistency") ? "{}" : undefined));
    await pages.grow();
    const { page: quiet } = await visitor.open(url);
    await quiet.locator('[data-step="Consistency"][data-state="wait"]').waitFor();
  });
});
