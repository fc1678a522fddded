/**
 * Watches what a server costs between two moments: its processes' counters, the machine's,
 * and the disk under its data.
 * @module
 */
import { diskUsageBytes, processTree, readCounters, readMachineBusyUs } from "./process.ts";

/** What it cost from `start` to `stop`. */
export interface Cost {
  /** User and system time of the server; undefined without its process. */
  readonly cpuUs: number | undefined;
  /** Bytes that the server sent to the block layer; undefined without its process. */
  readonly writtenBytes: number | undefined;
  /** The most anonymous memory seen; undefined without its process. */
  readonly rssAnonBytesMax: number | undefined;
  /** What `du` gained since the meter was made, warm-up included; undefined without a folder. */
  readonly diskBytes: number | undefined;
  /** CPU time of the whole machine that was not idle. */
  readonly machineBusyUs: number;
}

const SAMPLE_MS = 250;

/** Measures one run. */
export class CostMeter {
  readonly #roots: readonly number[];
  readonly #folder: string | undefined;
  readonly #diskBefore: number;
  #pids: readonly number[] = [];
  #before = { cpuUs: 0, writtenBytes: 0, rssAnonBytes: 0 };
  #busyBefore = 0;
  #rssAnonBytesMax = 0;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param pids The server's processes; their descendants count as well.
   * @param folder The server's data, whose disk usage is read now and at the end.
   * @throws Error if there is no such process.
   */
  constructor(pids: readonly number[], folder: string | undefined) {
    readCounters(pids);
    this.#roots = pids;
    this.#folder = folder;
    this.#diskBefore = folder === undefined ? 0 : diskUsageBytes(folder);
  }

  /** Warm-up is over. */
  start(): void {
    this.#pids = this.#roots.length === 0 ? [] : processTree(this.#roots);
    this.#before = readCounters(this.#pids);
    this.#busyBefore = readMachineBusyUs();
    this.#timer = setInterval(() => this.#sampleMemory(), SAMPLE_MS).unref();
  }

  /** The last answer has come. @throws Error if a process of the server is gone. */
  stop(): Cost {
    clearInterval(this.#timer);
    const machineBusyUs = readMachineBusyUs() - this.#busyBefore;
    const server = this.#pids.length === 0 ? undefined : this.#serverCost();
    const diskBytes =
      this.#folder === undefined ? undefined : diskUsageBytes(this.#folder) - this.#diskBefore;
    return {
      cpuUs: server?.cpuUs,
      writtenBytes: server?.writtenBytes,
      rssAnonBytesMax: server?.rssAnonBytesMax,
      diskBytes,
      machineBusyUs,
    };
  }

  #serverCost(): { readonly [name in "cpuUs" | "writtenBytes" | "rssAnonBytesMax"]: number } {
    const after = readCounters(this.#pids);
    this.#sampleMemory();
    return {
      cpuUs: after.cpuUs - this.#before.cpuUs,
      writtenBytes: after.writtenBytes - this.#before.writtenBytes,
      rssAnonBytesMax: this.#rssAnonBytesMax,
    };
  }

  #sampleMemory(): void {
    const { rssAnonBytes } = readCounters(this.#pids);
    this.#rssAnonBytesMax = Math.max(this.#rssAnonBytesMax, rssAnonBytes);
  }
}
