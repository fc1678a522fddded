import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  diskUsageBytes,
  processTree,
  readCounters,
  readMachineBusyUs,
} from "../../bench/process.ts";

const skip = process.platform === "linux" ? false : "there is no proc(5) here";

test("readCounters() sees CPU time and memory of this process", { skip }, () => {
  const before = readCounters([process.pid]);
  const busyBefore = readMachineBusyUs();
  const cpuBefore = process.cpuUsage();
  let sum = 0;
  while (process.cpuUsage(cpuBefore).user < 60_000) sum += Math.sqrt(sum + 1);
  const cpuUs = readCounters([process.pid]).cpuUs - before.cpuUs;
  const own = process.cpuUsage(cpuBefore);
  assert(sum > 0 && cpuUs >= 40_000 && cpuUs <= own.user + own.system + 30_000, `${cpuUs} us`);
  assert(readMachineBusyUs() - busyBefore >= 30_000);
  assert(before.rssAnonBytes > 2 ** 20 && before.rssAnonBytes < process.memoryUsage().rss);
});

test("readCounters() sees bytes written", { skip }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "stratus-process-"));
  try {
    const before = readCounters([process.pid]).writtenBytes;
    const file = openSync(join(folder, "file"), "w");
    writeSync(file, Buffer.alloc(300_000, 1));
    fsyncSync(file);
    closeSync(file);
    const written = readCounters([process.pid]).writtenBytes - before;
    // A file system in memory writes nothing to a block layer.
    assert(written === 0 || (written >= 300_000 && written < 3_000_000), `${written} bytes`);
    assert(diskUsageBytes(folder) >= 300_000);
    await writeFile(join(folder, "other"), Buffer.alloc(100_000, 1), { flush: true });
    assert(diskUsageBytes(folder) >= 400_000);
  } finally {
    await rm(folder, { recursive: true });
  }
  assert.equal(diskUsageBytes(folder), 0);
});

test("readCounters() refuses a process that does not exist", { skip }, () => {
  assert.throws(() => readCounters([2 ** 30]), /there is no process/);
});

test("processTree() finds a child", { skip }, async () => {
  const child = spawn("sleep", ["60"]);
  try {
    await new Promise((resolve) => child.once("spawn", resolve));
    const tree = processTree([process.pid]);
    assert(tree.includes(process.pid) && tree.includes(child.pid ?? 0));
    assert(!tree.includes(process.ppid));
  } finally {
    child.kill("SIGKILL");
  }
});
