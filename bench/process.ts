/**
 * What a process and its children cost, from Linux's own counters: proc(5). Everything is
 * in whole units of the kernel's; on other systems there is nothing to read.
 * @module
 */
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Counters of a group of processes since each began. */
export interface ProcessCounters {
  /** User and system time of all threads; microseconds, in steps of 10,000. */
  readonly cpuUs: number;
  /** Bytes that were sent to the block layer. */
  readonly writtenBytes: number;
  /** Anonymous memory now. */
  readonly rssAnonBytes: number;
}

/** `USER_HZ`: 100 on every Linux that Node runs on. */
const TICK_US = 10_000;

/** The processes named and all their living descendants. */
export function processTree(roots: readonly number[]): readonly number[] {
  const parentOf = new Map<number, number>();
  for (const entry of readdirSync("/proc")) {
    const stat = /^[0-9]+$/.test(entry) ? readStat(Number(entry)) : undefined;
    if (stat !== undefined) parentOf.set(Number(entry), Number(stat[1]));
  }
  const tree = new Set(roots);
  for (let size = 0; size !== tree.size; ) {
    size = tree.size;
    for (const [pid, parent] of parentOf) if (tree.has(parent)) tree.add(pid);
  }
  return [...tree];
}

/**
 * Counters of these processes together.
 * @throws Error if one of them does not exist or belongs to somebody else.
 */
export function readCounters(pids: readonly number[]): ProcessCounters {
  let cpuUs = 0;
  let writtenBytes = 0;
  let rssAnonBytes = 0;
  for (const pid of pids) {
    const stat = readStat(pid);
    if (stat === undefined) throw new Error(`there is no process ${pid}`);
    // utime, stime, and cutime, cstime of children that have ended: fields 14 to 17.
    for (const ticks of stat.slice(11, 15)) cpuUs += Number(ticks) * TICK_US;
    const io = readFileSync(`/proc/${pid}/io`, "latin1");
    writtenBytes += Number(/^write_bytes: ([0-9]+)$/m.exec(io)?.[1] ?? 0);
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    rssAnonBytes += 1024 * Number(/^RssAnon:\s+([0-9]+) kB$/m.exec(status)?.[1] ?? 0);
  }
  return { cpuUs, writtenBytes, rssAnonBytes };
}

/** CPU time of the whole machine that was not idle; microseconds since it started. */
export function readMachineBusyUs(): number {
  const line = /^cpu +(.*)$/m.exec(readFileSync("/proc/stat", "latin1"))?.[1] ?? "";
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line
    .split(" ")
    .map(Number);
  return (user + nice + system + irq + softirq + steal) * TICK_US;
}

/** What `du` says of a file or folder: bytes of the blocks in use. Files may come and go. */
export function diskUsageBytes(path: string): number {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 0;
  let bytes = stat.blocks * 512;
  if (!stat.isDirectory()) return bytes;
  for (const entry of readdirSync(path)) bytes += diskUsageBytes(join(path, entry));
  return bytes;
}

/** Fields of /proc/<pid>/stat from the third on; undefined if there is no such process. */
function readStat(pid: number): readonly string[] | undefined {
  let line: string;
  try {
    line = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined;
  }
  return line.slice(line.lastIndexOf(")") + 2).split(" ");
}
