/**
 * `/-/submit` in a real browser: chains are judged, submitted and proven by hand, SCTs of this
 * server and of others decoded and verified, and a server that lies is called out.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Page } from "playwright-core";
import { encodeSctList, type Sct } from "../../src/rfc6962/sct.ts";
import { entryOfChain } from "../../src/sct/entry.ts";
import { openBrowser, whyNoBrowser } from "../support/browser.ts";
import { issuePair, sctOf } from "../support/embedded.ts";
import { makeOtherLog } from "../support/other-log.ts";
import { busyShard, type Lie, startLiar, startPageLog } from "../support/page-log.ts";
import { pemOf } from "../support/running-log.ts";
import { sha256 } from "../support/sha256.ts";

const skip = await whyNoBrowser();
const shard = busyShard(Date.now());
const year = new Date().getUTCFullYear();
const folder = mkdtempSync(join(tmpdir(), "stratus-list-"));
after(() => rmSync(folder, { recursive: true }));
const other = makeOtherLog();
writeFileSync(join(folder, "logs.json"), other.listText);
const LINES = [`logList: ${join(folder, "logs.json")}`];

const step = (page: Page, name: string, state: string, hasText?: RegExp) =>
  page.locator(`[data-step="${name}"][data-state="${state}"]`, hasText && { hasText });

async function paste(page: Page, text: string): Promise<void> {
  await page.locator("#paste-text").fill(text);
  await page.getByRole("button", { name: "Check", exact: true }).click();
}

test("a chain and SCTs, submitted and checked by hand", { skip }, async (t) => {
  await using pages = await startPageLog(20, LINES);
  const { log, issuer, root } = pages;
  await using liar = await startLiar(log.origin);
  await using browser = await openBrowser();
  const notBefore = new Date(Date.now() - 3_600_000);
  const notAfter = new Date(Date.UTC(year + 1, 4, 1));
  let serial = 5_000;
  const options = (more: object = {}) => {
    serial += 1;
    const name = `submit${serial}.example.org`;
    return { serial, notBefore, notAfter, subject: name, dnsNames: [name], ...more };
  };
  const chainOf = (der: Uint8Array): string => [der, issuer.der, root.der].map(pemOf).join("");
  const url = `${log.origin}/-/submit`;

  await t.test("a good chain is validated, submitted and proven", async () => {
    await using visitor = await browser.visitor();
    const { page, errors } = await visitor.open(url);
    const before = Number((await log.json(`/${shard}/ct/v1/get-sth`))["tree_size"]);
    await paste(page, chainOf(issuer.issue(options({ precert: true }))));
    await page.getByText(`${shard} would take this precertificate.`).waitFor();
    await page.locator(".path li", { hasText: "Example Root R1" }).waitFor();
    const { tree_size: after } = await log.json(`/${shard}/ct/v1/get-sth`);
    assert.equal(after, before, "a check logs nothing");
    await page.getByRole("button", { name: `Submit to ${shard}` }).click();
    await page.getByText(`The answer of ${shard} was verified in your browser.`).waitFor();
    for (const name of ["SCT signature", "Entry", "Signature", "Inclusion", "Precertificate"]) {
      await step(page, name, "ok").waitFor();
    }
    assert.equal(await page.locator("svg.tree.ok").count(), 1);
    assert.equal(await page.locator('.step[data-state="bad"]').count(), 0);
    await page.getByRole("link", { name: "Its entry" }).click();
    await page.waitForURL(`${log.url(shard)}/entry/${before}`);
    assert.deepEqual(errors, []);
  });

  await t.test("a chain is refused in the rule's words, and the right shard takes it", async () => {
    await using visitor = await browser.visitor();
    const { page, errors } = await visitor.open(url);
    await page.locator("#paste-shard").selectOption(`nimbus${year}`);
    const chain = chainOf(issuer.issue(options()));
    await paste(page, chain);
    await page.getByText(`nimbus${year} refuses this certificate.`).waitFor();
    await page.locator(".rule", { hasText: "expire within its window alone" }).waitFor();
    await page.locator(".taker", { hasText: `${shard} takes it` }).waitFor();
    await page.getByRole("button", { name: `Ask ${shard}` }).click();
    await page.getByText(`${shard} would take this certificate.`).waitFor();
    await page.locator("#paste-shard").selectOption("");
    await paste(page, pemOf(root.intermediate({ subject: "Nobody" }).issue(options())));
    await page.locator(".rule", { hasText: "must end in an accepted root" }).waitFor();
    await paste(page, "this is nothing");
    await page.getByRole("alert").filter({ hasText: "This cannot be checked" }).waitFor();
    assert.deepEqual(errors, []);
  });

  /** A certificate with SCTs of this server and of another log. */
  async function issued(): Promise<{ readonly final: Uint8Array; readonly scts: readonly Sct[] }> {
    const pair = issuePair(issuer, options());
    const chain = [pair.precertificate, issuer.der, root.der];
    const own = sctOf(await log.submitted(shard, "add-pre-chain", chain));
    const scts = [own, other.sctOf(entryOfChain(sha256, chain), own.timestampMs)];
    return { final: pair.withScts(scts), scts };
  }

  await t.test("embedded SCTs of a shard and of a listed log hold", async () => {
    await using visitor = await browser.visitor();
    const { page, errors } = await visitor.open(url);
    const { final, scts } = await issued();
    // With its issuer, and alone: then the entry of our SCT says who the issuer is.
    for (const text of [chainOf(final), pemOf(final)]) {
      await paste(page, text);
      const [first, second] = [page.locator(".sct").nth(0), page.locator(".sct").nth(1)];
      await first.locator('[data-step="Inclusion"][data-state="ok"]').waitFor();
      await first.locator('[data-step="SCT signature"][data-state="ok"]').waitFor();
      await second.locator('[data-step="Log"]', { hasText: "Example Other Log 2027" }).waitFor();
      await second.locator('[data-step="SCT signature"][data-state="ok"]').waitFor();
      await page.getByText("This SCT was verified in your browser.").nth(1).waitFor();
    }
    const list = Buffer.from(encodeSctList(scts)).toString("base64");
    await page.reload();
    await paste(page, list);
    await page
      .locator(".sct")
      .nth(1)
      .locator('[data-step="SCT signature"][data-state="ok"]')
      .waitFor();
    assert.deepEqual(errors, []);
  });

  await t.test("an SCT in JSON finds its entry; a changed one is refuted", async () => {
    await using visitor = await browser.visitor();
    const { page, errors } = await visitor.open(url);
    const chain = [issuer.issue(options()), issuer.der, root.der];
    const sct = await log.submitted(shard, "add-chain", chain);
    await paste(page, JSON.stringify(sct));
    await step(page, "SCT signature", "ok", /the entry that is logged/).waitFor();
    await step(page, "Inclusion", "ok").waitFor();
    await paste(page, `${chain.map(pemOf).join("")}\n${JSON.stringify(sct)}`);
    await step(page, "SCT signature", "ok", /this certificate as it stands/).waitFor();
    await paste(page, JSON.stringify({ ...sct, timestamp: sct.timestamp + 1 }));
    await step(page, "SCT signature", "bad").waitFor();
    assert.deepEqual(errors, []);
  });

  await t.test("files are dropped, and chosen by keyboard", async () => {
    await using visitor = await browser.visitor();
    const { page } = await visitor.open(url);
    const der = issuer.issue(options());
    const files = [
      { name: "leaf.der", mimeType: "application/octet-stream", buffer: Buffer.from(der) },
      { name: "issuer.pem", mimeType: "text/plain", buffer: Buffer.from(pemOf(issuer.der)) },
    ];
    await page.locator("#paste-files").setInputFiles(files);
    await page.getByText(`${shard} would take this certificate.`).waitFor();
    await page.reload();
    const data = await page.evaluateHandle(
      `(() => { const data = new DataTransfer(); data.items.add(new File([${JSON.stringify(chainOf(der))}], "chain.pem")); return data; })()`,
    );
    await page.locator("#paste-form").dispatchEvent("drop", { dataTransfer: data });
    await page.getByText(`${shard} would take this certificate.`).waitFor();
    await page.reload();
    await page.locator("#paste-text").fill(chainOf(der));
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByText(`${shard} would take this certificate.`).waitFor();
  });

  await t.test("a server that lies about a submission is called out", async () => {
    const submitted = async (lie: Lie): Promise<Page> => {
      const visitor = await browser.visitor();
      t.after(() => visitor.context.close());
      liar.tell(undefined);
      const { page } = await visitor.open(`${liar.origin}/-/submit`);
      await paste(page, chainOf(issuer.issue(options({ precert: true }))));
      liar.tell(lie);
      await page.getByRole("button", { name: `Submit to ${shard}` }).click();
      await page.getByText(`The answer of ${shard} does not hold.`).waitFor();
      return page;
    };
    const changed = (path: string, change: (body: string) => string): Lie => {
      return (asked, body) => (asked.startsWith(`/${shard}/${path}`) ? change(body) : undefined);
    };
    const flip = (base64: string): string => {
      const bytes = Buffer.from(base64, "base64");
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
      return bytes.toString("base64");
    };
    const signature = await submitted(
      changed("ct/v1/add-pre-chain", (body) => {
        const sct = JSON.parse(body);
        return JSON.stringify({ ...sct, signature: flip(sct.signature) });
      }),
    );
    await step(signature, "SCT signature", "bad").waitFor();

    const root = await submitted(
      changed("checkpoint", (body) => {
        const [origin, size, hash = "", ...rest] = body.split("\n");
        return [origin, size, flip(hash), ...rest].join("\n");
      }),
    );
    await step(root, "Signature", "bad").waitFor();
    await root.getByRole("heading", { name: "Do not trust this log" }).waitFor();

    const sibling = await submitted(
      changed("ct/v1/get-entry-and-proof", (body) => {
        const answer = JSON.parse(body);
        const [first, ...rest] = answer.audit_path;
        return JSON.stringify({ ...answer, audit_path: [flip(first), ...rest] });
      }),
    );
    await step(sibling, "Inclusion", "bad").waitFor();
    await sibling.getByRole("heading", { name: "Do not trust this log" }).waitFor();

    const { tree_size: size } = await log.json(`/${shard}/ct/v1/get-sth`);
    const old = await (
      await fetch(`${log.url(shard)}/ct/v1/get-entry-and-proof?leaf_index=1&tree_size=${size}`)
    ).text();
    const another = await submitted(changed("ct/v1/get-entry-and-proof", () => old));
    await step(another, "Entry", "bad", /another one than the SCT promises/).waitFor();
  });

  await t.test("what a certificate says of itself cannot become markup", async () => {
    const subject = '<img src=x onerror="document.title=1">';
    const der = issuer.issue({ ...options(), subject });
    for (const javaScriptEnabled of [true, false]) {
      await using visitor = await browser.visitor({ javaScriptEnabled });
      const { page, errors } = await visitor.open(url);
      await paste(page, chainOf(der));
      await page.getByText(`${shard} would take this certificate.`).waitFor();
      await page.locator(".chain summary", { hasText: "<img src=x" }).waitFor();
      assert.equal(await page.locator("img").count(), 0);
      assert.deepEqual(errors, []);
    }
  });

  await t.test("without JavaScript the server gives its verdict as HTML", async () => {
    await using visitor = await browser.visitor({ javaScriptEnabled: false });
    const { page } = await visitor.open(url);
    await page.getByRole("heading", { name: "What is checked" }).waitFor();
    const { final } = await issued();
    await paste(page, chainOf(final));
    await page.getByText("These are the server’s words").waitFor();
    await page.getByText(`${shard} would take this certificate.`).waitFor();
    assert.equal(await page.locator(".step.ok", { hasText: "SCT signature" }).count(), 2);
    assert.ok((await page.locator("#paste-text").inputValue()) === chainOf(final));
    await page.locator("#paste-shard").selectOption(`nimbus${year}`);
    await page.getByRole("button", { name: "Check", exact: true }).click();
    await page.locator(".rule", { hasText: "expire within its window alone" }).waitFor();
  });

  await t.test("the page is not wider than a phone, and every control has a name", async () => {
    await using visitor = await browser.visitor({ width: 360, height: 720 });
    const { page } = await visitor.open(url);
    await paste(page, chainOf((await issued()).final));
    await step(page, "Inclusion", "ok").waitFor();
    const wide = await page.evaluate("document.documentElement.scrollWidth");
    assert.ok(Number(wide) <= 360, `it is ${wide} wide`);
    for (const control of await page.locator("input, textarea, select, button, a").all()) {
      const name = await control.evaluate(
        "(node) => node.labels?.[0]?.textContent || node.ariaLabel || node.textContent",
      );
      assert.notEqual(String(name).trim(), "");
    }
  });
});
