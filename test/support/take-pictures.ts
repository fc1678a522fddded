/**
 * Takes the pictures in docs/pages: `npm run pictures`. A log that grew over a month, each page
 * in light, dark and on a phone.
 * @module
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openBrowser, whyNoBrowser } from "./browser.ts";
import { busyShard, startPageLog } from "./page-log.ts";
import { movedClock } from "./running.ts";
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
  mkdirSync(folder, { recursive: true });
  const lines = ["operator:", "  name: Example Trust"];
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
  const shown = { home: "/", shard: `/${shard}`, entry: `/${shard}/entry/123` };
  await using browser = await openBrowser();
  for (const [look, options] of Object.entries(LOOKS)) {
    await using visitor = await browser.visitor(options);
    // A visitor who comes again: the key is pinned, a head remembered.
    const { page: first } = await visitor.open(log.url(shard));
    await first.getByText("each proven to be in the signed tree").waitFor();
    await pages.grow();
    for (const [name, path] of Object.entries(shown)) {
      const { page } = await visitor.open(log.origin + path);
      if (name === "shard") await page.getByText("each proven").waitFor();
      if (name === "entry") await page.locator('[data-step="Inclusion"]').waitFor();
      writeFileSync(join(folder, `${name}-${look}.png`), await page.screenshot());
      await page.close();
    }
  }
}
