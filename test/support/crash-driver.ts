/**
 * The process that strace records: `crash-driver.ts <root> <plan.json>`. It makes a shard,
 * submits the plan's groups, and says on stdout, one write each, what the world may rely on
 * from that moment: `init`, `head <size> <timestamp> <root> <signature>`,
 * `sct <number> <index> <timestamp>`.
 * @module
 */
import { readFileSync, writeSync } from "node:fs";
import type { Shard } from "../../src/log/shard.ts";
import type { LevelStore } from "../../src/storage/level/level-store.ts";
import type { Observer } from "../../src/telemetry/observer.ts";
import { leafIndexOf } from "./crash-audit.ts";
import { initShard, openShard } from "./crash-shard.ts";
import { sealSegments } from "./sealing.ts";

/** What the driver is told to do; certificates in base64. */
export interface DriverPlan {
  readonly rootDer: string;
  readonly submissions: readonly {
    readonly endpoint: "add-chain" | "add-pre-chain";
    readonly chain: readonly string[];
  }[];
  /** Sizes of the groups of each life of the shard; it is stopped and opened between them. */
  readonly lives: readonly (readonly number[])[];
  /** Segments that the second life seals before its groups. */
  readonly sealedSegments: number;
}

const base64 = (text: string) => new Uint8Array(Buffer.from(text, "base64"));
const say = (line: string) => writeSync(1, `${line}\n`);

async function run(root: string, plan: DriverPlan): Promise<void> {
  await initShard(root, false);
  say("init");
  let next = 0;
  for (const groups of plan.lives) {
    let shard: Shard | undefined;
    const sayHead = () => {
      if (shard === undefined) return;
      const { treeSize, timestampMs, rootHash, signature } = shard.head();
      const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
      say(`head ${treeSize} ${timestampMs} ${hex(rootHash)} ${hex(signature)}`);
    };
    let store: LevelStore | undefined;
    const observer: Observer = (event) => {
      if (event.type === "head-published") sayHead();
      if (event.type === "shard-fatal") throw new Error(event.message);
    };
    shard = await openShard(root, base64(plan.rootDer), 100, observer, (held) => {
      store = held;
    });
    await shard.start();
    // What an earlier life published is sealed while this one takes submissions.
    if (next > 0 && store !== undefined) await sealSegments(store, plan.sealedSegments);
    for (const size of groups) {
      const numbers = Array.from({ length: size }, (_, at) => next + at);
      next += size;
      await Promise.all(numbers.map((number) => submit(shard, plan, number)));
    }
    await shard.stop();
  }
}

async function submit(shard: Shard, plan: DriverPlan, number: number): Promise<void> {
  const submission = plan.submissions[number];
  if (submission === undefined) throw new Error(`the plan has no submission ${number}`);
  const sct = await shard.submit(submission.endpoint, submission.chain.map(base64));
  say(`sct ${number} ${leafIndexOf(sct)} ${sct.timestampMs}`);
}

const [root, planPath] = process.argv.slice(2);
if (root !== undefined && planPath !== undefined) {
  await run(root, JSON.parse(readFileSync(planPath, "utf8")));
}
