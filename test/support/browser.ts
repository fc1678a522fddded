/**
 * A real browser for the tests of pages: playwright-core with the Chromium that
 * `@sparticuz/chromium` ships inside its package. Nothing is downloaded or installed.
 *
 * ```ts
 * const skip = await whyNoBrowser();
 * test("...", { skip }, async () => {
 *   await using browser = await openBrowser();
 *   const page = await browser.open(log.url("a"));
 * ```
 * @module
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { ROOT } from "./source.ts";

const PACKAGE = join(ROOT, "node_modules/@sparticuz/chromium");
const CACHE = join(ROOT, "node_modules/.cache");

/** How long anything in a page may take before its test fails. */
const WAIT_MS_MAX = 30_000;

/** Where the browser was unpacked to, or why there is none. */
type Unpacked = { readonly folder: string } | { readonly reason: string };

let unpacked: Unpacked | undefined;

/** For `skip`: `false` where there is a browser, else why there is none. */
export async function whyNoBrowser(): Promise<string | false> {
  const found = await unpack();
  return "reason" in found ? found.reason : false;
}

/** Unpacks the browser once for each version of the package, for all test files. */
async function unpack(): Promise<Unpacked> {
  unpacked ??= await unpackNow();
  return unpacked;
}

async function unpackNow(): Promise<Unpacked> {
  if (process.platform !== "linux" || process.arch !== "x64") {
    return { reason: `no browser for ${process.platform} ${process.arch}: pages are not tested` };
  }
  if (!existsSync(PACKAGE)) return { reason: "@sparticuz/chromium is not installed" };
  const { version } = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8")) as {
    readonly version: string;
  };
  const folder = join(CACHE, `chromium-${version}`);
  if (!existsSync(folder)) {
    mkdirSync(CACHE, { recursive: true });
    // Two test files may come here at once: each unpacks into a folder of its own, and the
    // first whole one counts. A binary that is being written cannot be started (ETXTBSY).
    const draft = mkdtempSync(join(CACHE, "chromium-draft-"));
    const environment = { ...process.env };
    try {
      // The package unpacks into the folder for temporary files, and takes whatever is there.
      process.env["TMPDIR"] = draft;
      // Then it brings the libraries along that a plain Debian lacks.
      process.env["AWS_LAMBDA_JS_RUNTIME"] = "nodejs22.x";
      const { default: packed } = await import("@sparticuz/chromium");
      await packed.executablePath();
      renameSync(draft, folder);
    } catch (error) {
      rmSync(draft, { recursive: true, force: true });
      if (!existsSync(folder)) throw error;
    } finally {
      for (const name of [
        "TMPDIR",
        "AWS_LAMBDA_JS_RUNTIME",
        "LD_LIBRARY_PATH",
        "FONTCONFIG_PATH",
      ]) {
        if (environment[name] === undefined) delete process.env[name];
        else process.env[name] = environment[name];
      }
    }
  }
  const started = spawnSync(join(folder, "chromium"), ["--version"], {
    env: environmentOf(folder),
  });
  if (started.status === 0) return { folder };
  return { reason: `the browser does not start here: ${String(started.stderr).slice(0, 300)}` };
}

function environmentOf(folder: string): Record<string, string> {
  const { PATH = "", HOME = folder } = process.env;
  return { PATH, HOME, LD_LIBRARY_PATH: join(folder, "al2023/lib") };
}

/** How a page is looked at. */
export interface Look {
  readonly colorScheme?: "light" | "dark";
  readonly width?: number;
  readonly height?: number;
  readonly javaScriptEnabled?: boolean;
}

/** A page and what went wrong in it. */
export interface OpenPage {
  readonly page: Page;
  /** Uncaught errors, and what the Content-Security-Policy refused. */
  readonly errors: readonly string[];
}

/** A browser; each visitor has a memory of its own. */
export class TestBrowser implements AsyncDisposable {
  readonly #browser: Browser;

  constructor(browser: Browser) {
    this.#browser = browser;
  }

  /** A visitor who was never here. */
  async visitor(look: Look = {}): Promise<Visitor> {
    const { colorScheme = "light", width = 1200, height = 900, javaScriptEnabled = true } = look;
    const context = await this.#browser.newContext({
      colorScheme,
      viewport: { width, height },
      javaScriptEnabled,
      acceptDownloads: true,
      reducedMotion: "reduce",
      // Else the language is the machine's, which on a server is that of no browser.
      locale: "en-US",
    });
    context.setDefaultTimeout(WAIT_MS_MAX);
    return new Visitor(context);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}

/** Somebody with a browser: pages of one visitor share what it remembers. */
export class Visitor implements AsyncDisposable {
  readonly context: BrowserContext;

  constructor(context: BrowserContext) {
    this.context = context;
  }

  /** Opens a page of its own; it must be found. */
  async open(url: string, status = 200): Promise<OpenPage> {
    const page = await this.context.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("console", (message) => {
      const text = message.text();
      // A browser reports answers that are no 200, too: those are the test's own doing.
      if (message.type() === "error" && !text.startsWith("Failed to load")) errors.push(text);
    });
    const response = await page.goto(url);
    assert.equal(response?.status(), status, url);
    return { page, errors };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.context.close();
  }
}

/** Starts the browser. Call {@link whyNoBrowser} first. */
export async function openBrowser(): Promise<TestBrowser> {
  const found = await unpack();
  if ("reason" in found) throw new Error(found.reason);
  const browser = await chromium.launch({
    executablePath: join(found.folder, "chromium"),
    // As root there is no sandbox; the package's own list would switch web security off.
    args: ["--no-sandbox"],
    env: environmentOf(found.folder),
  });
  return new TestBrowser(browser);
}
