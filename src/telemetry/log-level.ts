/**
 * The level of the logs of all threads, which the operator changes while the log runs; it goes
 * back to what the configuration says by itself, if so asked.
 * @module
 */
import type { LogLevel } from "./logging.ts";

/** The longest that a level lasts which goes back by itself; milliseconds. */
export const LOG_LEVEL_MS_MAX = 86_400_000;

/** What a switch works with. */
export interface LogLevelOptions {
  readonly configured: LogLevel;
  readonly nowMs: () => number;
  /** See `Clock.after`. */
  readonly after: (delayMs: number, run: () => void) => () => void;
  /** Makes a level that of every thread. */
  readonly apply: (level: LogLevel) => void;
}

/** What is written now. */
export interface LogLevelState {
  readonly level: LogLevel;
  readonly configured: LogLevel;
  /** When it goes back to `configured`; milliseconds since the Unix epoch; undefined: never. */
  readonly untilMs: number | undefined;
}

/** See the module. */
export class LogLevelSwitch implements Disposable {
  readonly #options: LogLevelOptions;
  #level: LogLevel;
  #untilMs: number | undefined;
  #cancel: () => void = () => {};

  constructor(options: LogLevelOptions) {
    this.#options = options;
    this.#level = options.configured;
  }

  get state(): LogLevelState {
    const { configured } = this.#options;
    return { level: this.#level, configured, untilMs: this.#untilMs };
  }

  /** @param forMs For so long; undefined: until the next change. */
  set(level: LogLevel, forMs: number | undefined): void {
    const { nowMs, after, apply, configured } = this.#options;
    this.#cancel();
    this.#cancel = () => {};
    this.#level = level;
    this.#untilMs = undefined;
    if (forMs !== undefined) {
      this.#untilMs = nowMs() + forMs;
      this.#cancel = after(forMs, () => this.set(configured, undefined));
    }
    apply(level);
  }

  [Symbol.dispose](): void {
    this.#cancel();
  }
}
