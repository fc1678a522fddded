import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { test } from "node:test";
import type { Clock } from "../../src/clock/clock.ts";
import {
  describeShortage,
  readSpace,
  SPACE_LOOK_MS,
  type Space,
  SpaceWatch,
} from "../../src/space/free-space.ts";

const GIB = 1_073_741_824;
const LIMITS = { bytesMin: GIB, percentMin: 2 };

test("describeShortage() is undefined exactly from both bounds on", () => {
  for (const [freeBytes, totalBytes, isShort] of [
    [GIB, GIB, false],
    [GIB - 1, GIB, true],
    [GIB, 50 * GIB, false],
    [GIB, 50 * GIB + 51, true],
    [2 * GIB, 101 * GIB, true],
    [0, 0, true],
    [100 * GIB, 0, false],
  ] as const) {
    const shortage = describeShortage("/data", { freeBytes, totalBytes }, LIMITS);
    assert.equal(shortage !== undefined, isShort, `${freeBytes} of ${totalBytes}`);
  }
  const off = { bytesMin: 0, percentMin: 0 };
  assert.equal(describeShortage("/data", { freeBytes: 0, totalBytes: GIB }, off), undefined);
});

test("describeShortage() names folder, what is free, what is needed, and what to do", () => {
  const shortage = describeShortage("/data", { freeBytes: GIB / 2, totalBytes: 100 * GIB }, LIMITS);
  assert.match(
    shortage ?? "",
    /^\/data has 512 MiB free, 0\.5 %.*needed are 1024 MiB and 2 %: make/,
  );
});

test("SpaceWatch looks at every folder at once and then every SPACE_LOOK_MS, and tells changes", async () => {
  const timers: { delayMs: number; run: () => void }[] = [];
  const clock: Clock = {
    nowMs: () => 0,
    monotonicMs: () => 0,
    after(delayMs, run) {
      const timer = { delayMs, run };
      timers.push(timer);
      return () => timers.splice(timers.indexOf(timer), 1);
    },
  };
  const room: Record<string, Space | Error> = {
    data: { freeBytes: 2 * GIB, totalBytes: 10 * GIB },
    guard: { freeBytes: 2 * GIB, totalBytes: 10 * GIB },
  };
  const reports: string[] = [];
  const looks: (readonly [folder: string, freeBytes: number])[] = [];
  const watch = await SpaceWatch.start({
    folders: ["data", "guard"],
    limits: LIMITS,
    clock,
    readSpace: async (folder) => {
      const space = room[folder] ?? assert.fail(folder);
      if (space instanceof Error) throw space;
      return space;
    },
    report: (shortage) => reports.push(shortage),
    observe: (folder, { freeBytes }) => looks.push([folder, freeBytes]),
  });
  const lookAgain = async () => {
    const timer = timers.shift() ?? assert.fail("a look is due");
    assert.equal(timer.delayMs, SPACE_LOOK_MS);
    timer.run();
    while (timers.length === 0) await Promise.resolve();
  };
  assert.equal(watch.shortage, undefined);
  room["guard"] = { freeBytes: GIB - 1, totalBytes: 10 * GIB };
  await lookAgain();
  assert.match(watch.shortage ?? "", /^guard has/);
  room["data"] = new Error("EIO");
  await lookAgain();
  assert.match(watch.shortage ?? "", /^the free space of data is not known: EIO/);
  room["data"] = room["guard"] = { freeBytes: GIB, totalBytes: GIB };
  await lookAgain();
  assert.equal(watch.shortage, undefined);
  assert.deepEqual(
    reports.map((report) => report.split(" ")[0]),
    ["guard", ""],
  );
  assert.deepEqual(looks, [
    ["data", 2 * GIB],
    ["guard", 2 * GIB],
    ["data", 2 * GIB],
    ["guard", GIB - 1],
    ["guard", GIB - 1],
    ["data", GIB],
    ["guard", GIB],
  ]);
  watch[Symbol.dispose]();
  assert.equal(timers.length, 0, "it looks no more");
});

test("readSpace() says what the system says", async () => {
  const { freeBytes, totalBytes } = await readSpace(tmpdir());
  assert.ok(freeBytes > 0 && totalBytes >= freeBytes);
  await assert.rejects(readSpace("/nowhere/at/all"), { code: "ENOENT" });
});
