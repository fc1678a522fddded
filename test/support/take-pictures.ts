/**
 * Takes the pictures in docs/pages: `npm run pictures`. A log that grew over a month, each page
 * in light, dark and on a phone. pngquant (a package of Debian) makes them a third of their size.
 * @module
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HISTORY_FOLDER } from "../../src/history/history.ts";
import { entryOfChain } from "../../src/sct/entry.ts";
import { openBrowser, type TestBrowser, whyNoBrowser } from "./browser.ts";
import { issuePair, sctOf } from "./embedded.ts";
import { makeOtherLog, type OtherLog } from "./other-log.ts";
import { busyShard, type PageLog, startPageLog } from "./page-log.ts";
import { writePastDay } from "./past-days.ts";
import { until } from "./process.ts";
import { movedClock } from "./running.ts";
import { pemOf } from "./running-log.ts";
import { sha256 } from "./sha256.ts";
import { ROOT } from "./source.ts";

const DAY_MS = 86_400_000;
const LOOKS = {
  light: { width: 1100, height: 1240 },
  dark: { width: 1100, height: 1240, colorScheme: "dark" },
  phone: { width: 390, height: 844 },
} as const;

if (import.meta.main) await takePictures(join(ROOT, "docs/pages"));

/** Writes the pictures to a folder. */
export async function takePictures(folder: string): Promise<void> {
  const reason = await whyNoBrowser();
  if (reason !== false) throw new Error(reason);
  // Before the minutes that the log takes to grow.
  runPngquant(["--version"]);
  mkdirSync(folder, { recursive: true });
  const lists = mkdtempSync(join(tmpdir(), "stratus-list-"));
  const other = makeOtherLog("Rowan 2027", "Rowan Example Inc.");
  writeFileSync(join(lists, "list.json"), other.listText);
  const lines = [`logList: ${join(lists, "list.json")}`, "operator:", "  name: Example Trust"];
  const past = { clock: movedClock(-31 * DAY_MS) };
  await using pages = await startPageLog(0, lines, past);
  const { log } = pages;
  for (let days = 30; days > 0; days -= 2) {
    await log.restart({ clock: movedClock(-days * DAY_MS) });
    const count = 20 + Math.round(18 * Math.sin(days));
    await Promise.all(Array.from({ length: count }, () => pages.grow()));
  }
  await log.restart();
  for (let count = 0; count < 9; count += 1) await pages.grow();
  const shard = busyShard(Date.now());
  const pasted = await issuedWith(pages, shard, other);
  const shown = {
    home: "/",
    shard: `/${shard}`,
    entry: `/${shard}/entry/123`,
    submit: "/-/submit",
  };
  await using browser = await openBrowser();
  for (const [look, options] of Object.entries(LOOKS)) {
    await using visitor = await browser.visitor(options);
    // A visitor who comes again: the key is pinned, a head remembered.
    const { page: first } = await visitor.open(log.url(shard));
    await first.getByText("each proven to be in the signed tree").waitFor();
    await pages.grow();
    for (const [name, path] of Object.entries(shown)) {
      const { page } = await visitor.open(log.origin + path);
      if (name === "submit") {
        await page.locator("#paste-text").fill(pasted);
        await page.getByRole("button", { name: "Check", exact: true }).click();
        await page.getByText("This SCT was verified").nth(1).waitFor();
        await page.locator("#paste-form").evaluate("(form) => form.scrollIntoView()");
      }
      if (name === "shard") await page.getByText("each proven").waitFor();
      if (name === "entry") await page.locator('[data-step="Inclusion"]').waitFor();
      writeFileSync(join(folder, `${name}-${look}.png`), shrink(await page.screenshot()));
      await page.close();
    }
  }
  rmSync(lists, { recursive: true });
  await takeOperatorPictures(pages, browser, folder);
}

/** Colours of a picture: pages have few, and the edges of letters lie between them. */
const COLOURS = 128;

/** A picture with a palette: it looks the same. */
function shrink(png: Uint8Array): Uint8Array {
  return runPngquant(["--speed", "1", "--strip", String(COLOURS), "-"], png);
}

function runPngquant(args: readonly string[], input?: Uint8Array): Uint8Array {
  const { error, status, stdout, stderr } = spawnSync("pngquant", args, { input });
  if (error !== undefined) throw new Error(`apt-get install pngquant: ${error.message}`);
  if (status !== 0) throw new Error(`pngquant: ${stderr}`);
  return stdout;
}

/** A certificate with SCTs of a shard and of another log, and its issuers. */
async function issuedWith(pages: PageLog, shard: string, other: OtherLog): Promise<string> {
  const { log, issuer, root } = pages;
  const notAfter = new Date(Date.UTC(new Date().getUTCFullYear() + 1, 1, 24));
  const notBefore = new Date(Date.now() - 3_600_000);
  const names = { subject: "shop.example.org", dnsNames: ["shop.example.org"] };
  const pair = issuePair(issuer, { serial: 77_001, notBefore, notAfter, ...names });
  const chain = [pair.precertificate, issuer.der, root.der];
  const own = sctOf(await log.submitted(shard, "add-pre-chain", chain));
  const theirs = other.sctOf(entryOfChain(sha256, chain), own.timestampMs + 140);
  return [pair.withScts([own, theirs]), issuer.der, root.der].map(pemOf).join("");
}

/** The operator's dashboard of a log that was busy for a day, and whose disk fills. */
export async function takeOperatorPictures(
  { log, grow }: PageLog,
  browser: TestBrowser,
  folder: string,
): Promise<void> {
  await log.stop();
  const { data } = log.config;
  rmSync(join(data, HISTORY_FOLDER), { recursive: true, force: true });
  const shard = busyShard(Date.now());
  // What is free now is this machine's: the line ends there.
  const { bavail, bsize, blocks } = statfsSync(data);
  const sizes = { freeBytes: bavail * bsize, usedBytes: 0.4 * bavail * bsize };
  const past = { ...sizes, totalBytes: blocks * bsize, endMs: Date.now() - 5_000 };
  await writePastDay({ data, shard, perHour: 90_000, ...past });
  await log.restart();
  for (let count = 0; count < 9; count += 1) await grow();
  await until("the history is read", async () => {
    const response = await fetch(`${log.operationsUrl}/dashboard.json`);
    const { isHistoryRead } = (await response.json()) as { readonly isHistoryRead: boolean };
    return isHistoryRead ? true : undefined;
  });
  for (const [look, options] of Object.entries(LOOKS)) {
    await using visitor = await browser.visitor(options);
    const { page } = await visitor.open(
      `${log.operationsUrl}/${look === "dark" ? "?range=day" : ""}`,
    );
    await page.locator(".plot canvas").filter({ visible: true }).first().waitFor();
    writeFileSync(join(folder, `operator-${look}.png`), shrink(await page.screenshot()));
  }
}
