/**
 * The certificates of the log's own public addresses, looked at now and then. What cannot be
 * looked at is told and stops nothing: the proxy may be down, or out of reach from here.
 * @module
 */
import { messageOf } from "../base/errors.ts";
import type { Clock } from "../clock/clock.ts";
import { readCertificate, type ShownCertificate, tlsHost } from "./certificate.ts";

/** From one look to the next; after one that failed; before the first: the proxy may start, too. */
const LOOK_MS = 3_600_000;
const RETRY_MS = 300_000;
const FIRST_MS = 1_000;

/** How long an address has to show its certificate. */
const HANDSHAKE_MS_MAX = 10_000;

/** What a watch is made with. */
export interface TlsWatchOptions {
  /** Those that are not https are passed over. */
  readonly urls: readonly string[];
  readonly clock: Clock;
  /** Told what each look found. */
  readonly seen: (host: string, certificate: ShownCertificate) => void;
  /** Told why there was nothing to see. */
  readonly unseen: (host: string, message: string) => void;
}

/** Looks until it is disposed of. */
export class TlsWatch implements Disposable {
  readonly #options: TlsWatchOptions;
  readonly #cancels = new Map<string, () => void>();
  #isDisposed = false;

  constructor(options: TlsWatchOptions) {
    this.#options = options;
    const hosts = options.urls.map(tlsHost).filter((host) => host !== undefined);
    for (const host of new Set(hosts)) this.#lookIn(host, FIRST_MS);
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    for (const cancel of this.#cancels.values()) cancel();
  }

  #lookIn(host: string, delayMs: number): void {
    if (this.#isDisposed) return;
    this.#cancels.set(
      host,
      this.#options.clock.after(delayMs, () => void this.#look(host)),
    );
  }

  async #look(host: string): Promise<void> {
    const { seen, unseen } = this.#options;
    try {
      const certificate = await readCertificate(host, HANDSHAKE_MS_MAX);
      if (!this.#isDisposed) seen(host, certificate);
      this.#lookIn(host, LOOK_MS);
    } catch (error) {
      if (!this.#isDisposed) unseen(host, messageOf(error));
      this.#lookIn(host, RETRY_MS);
    }
  }
}
