/**
 * Composition of what pages load: the bundled files, and the list that names other logs, which is
 * read again when the process is asked to.
 * @module
 */
import { messageOf } from "./base/errors.ts";
import type { Config } from "./config/config.ts";
import type { AssetSet } from "./dashboard/assets.ts";
import { assetsOrNone, withLogList } from "./dashboard/bundle.ts";
import { sha256 } from "./signer/sha256.ts";
import type { Observer } from "./telemetry/observer.ts";

/** See the module. */
export class PageFiles {
  /** Without a list of logs. */
  readonly bundled: AssetSet;
  readonly #logList: string | undefined;
  readonly #observer: Observer;
  #public: AssetSet | undefined;

  private constructor(config: Config, bundled: AssetSet, observer: Observer) {
    this.bundled = bundled;
    this.#logList = config.logList;
    this.#observer = observer;
    if (!config.pages) return;
    this.#public = bundled;
    this.#read((reason) => `pages name no other logs: ${reason}`);
  }

  /** Reads them. A log does not stay down for want of a style sheet, or of names. */
  static async open(config: Config, observer: Observer): Promise<PageFiles> {
    const report = (message: string) => observer({ type: "pages-bare", message });
    return new PageFiles(config, await assetsOrNone(sha256, report), observer);
  }

  /** What the public pages load now; undefined where there are none. */
  get public(): AssetSet | undefined {
    return this.#public;
  }

  /** Reads the list again; one that cannot be used leaves the old one. */
  reload(): void {
    this.#read((reason) => `pages name other logs as before: ${reason}`);
  }

  #read(wordsOf: (reason: string) => string): void {
    if (this.#public === undefined || this.#logList === undefined) return;
    try {
      this.#public = withLogList(this.bundled, this.#logList, sha256);
    } catch (thrown) {
      this.#observer({ type: "pages-bare", message: wordsOf(messageOf(thrown)) });
    }
  }
}
