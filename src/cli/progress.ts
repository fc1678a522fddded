/**
 * How far a long command is: a bar on a terminal, now and then a line elsewhere.
 * @module
 */

/** Where progress is shown. */
export interface ProgressOutput {
  /** Whether a line can be written over. */
  readonly isTerminal: boolean;
  readonly write: (text: string) => void;
  /** Steady time in milliseconds. */
  readonly nowMs: () => number;
}

/** A bar is drawn anew, and a line written, no sooner than this; milliseconds. */
const BAR_EVERY_MS = 100;
const LINE_EVERY_MS = 10_000;
const BAR_WIDTH = 24;

/** Standard error, so that what a command finds can be piped. */
export const TERMINAL_PROGRESS: ProgressOutput = {
  isTerminal: process.stderr.isTTY === true,
  write: (text) => process.stderr.write(text),
  nowMs: () => performance.now(),
};

/** One stretch of work. */
export class Progress {
  readonly #output: ProgressOutput;
  readonly #what: string;
  readonly #total: number;
  readonly #first: number;
  readonly #startMs: number;
  #shownMs: number;
  #isShown = false;
  #done: number;

  /** @param first How much was done before, and says nothing of the rate. */
  constructor(output: ProgressOutput, what: string, total: number, first = 0) {
    this.#output = output;
    this.#what = what;
    this.#total = total;
    this.#first = first;
    this.#done = first;
    this.#startMs = output.nowMs();
    this.#shownMs = this.#startMs;
  }

  /** Things done in each second so far. */
  get rate(): number {
    const seconds = (this.#output.nowMs() - this.#startMs) / 1_000;
    return seconds > 0 ? (this.#done - this.#first) / seconds : 0;
  }

  /** Tells how much is done now. */
  update(done: number): void {
    this.#done = done;
    const { isTerminal, nowMs } = this.#output;
    const everyMs = isTerminal ? BAR_EVERY_MS : LINE_EVERY_MS;
    if (nowMs() - this.#shownMs < everyMs) return;
    this.#shownMs = nowMs();
    this.#show();
  }

  /** Clears the bar, so that lines can follow. */
  end(): void {
    if (this.#isShown && this.#output.isTerminal) this.#output.write("\r\u001b[K");
  }

  #show(): void {
    this.#isShown = true;
    const { isTerminal, write } = this.#output;
    const share = this.#total === 0 ? 1 : Math.min(1, this.#done / this.#total);
    const { rate } = this;
    const left = rate > 0 ? `, ${formatSeconds((this.#total - this.#done) / rate)} left` : "";
    const text =
      `${Math.floor(share * 100)} %  ${formatCount(this.#done)} of ${formatCount(this.#total)} ` +
      `${this.#what}, ${formatCount(Math.round(rate))}/s${left}`;
    if (!isTerminal) {
      write(`${text}\n`);
      return;
    }
    const filled = Math.round(share * BAR_WIDTH);
    write(`\r[${"#".repeat(filled)}${".".repeat(BAR_WIDTH - filled)}] ${text}\u001b[K`);
  }
}

/** `1,234,567`. */
export function formatCount(count: number): string {
  return count.toString().replaceAll(/\B(?=(?:\d{3})+$)/g, ",");
}

/** `48 s`, `12 min`, `3 h 20 min`, `5 d 3 h`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  if (whole < 120) return `${whole} s`;
  const minutes = Math.ceil(whole / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
