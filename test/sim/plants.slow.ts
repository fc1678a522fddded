/**
 * Planted bugs: each must be found by the simulation, within so many seeds. A simulation that
 * finds nothing proves nothing.
 * @module
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { runSeed, type SimOptions } from "./driver.ts";
import { importMutated, type Mutation } from "./mutate.ts";
import type { StorePlant } from "./sim-store.ts";
import { CALM, type Knobs } from "./world.ts";

/** Seeds that a plant may survive. */
const SEEDS_MAX = 100;

type RunSeed = typeof runSeed;

/** Bugs of the engine: what is changed in its source. */
const MUTATIONS: Readonly<Record<string, Mutation>> = {
  "an SCT before its commit": {
    file: "src/sequencer/sequencer.ts",
    edits: [
      {
        find: "const committed = await commitPlan(this.#options, this.#signed, plan);",
        replace: `
          await this.#answerLogged(fresh.map((waiting, position) => {
            const leafIndex = tree.frontier.size + position;
            const extensions = encodeLeafIndexExtension(leafIndex);
            const { entry, dedupKey } = waiting.submission;
            const leaf = encodeMerkleTreeLeaf({ timestampMs: nowMs, entry, extensions });
            return { waiting, leafIndex, timestampMs: nowMs, leaf, dedupKey };
          }), false);
          const committed = await commitPlan(this.#options, this.#signed, plan);`,
      },
      {
        find: "import { answer, Pool,",
        replace: `
          import { encodeLeafIndexExtension } from "../static-ct/extensions.ts";
          import { encodeMerkleTreeLeaf } from "../rfc6962/entry.ts";
          import { answer, Pool,`,
      },
    ],
  },
  "a head signed before its commit": {
    file: "src/sequencer/commit.ts",
    edits: [
      {
        find: "await store.commit(plan.commit);",
        replace: `
          const planned = { readNodes: (nodes) => Promise.all(nodes.map(async (node) => {
            const run = plan.commit.runs[node.level];
            return run?.hashes[node.index - run.start] ?? (await store.readNodes([node]))[0];
          })) };
          await signer.signTreeHead(head, await proveFrom(sha256, planned, last, head));
          await store.commit(plan.commit);`,
      },
    ],
  },
  "an SCT before its head is published": {
    file: "src/sequencer/sequencer.ts",
    edits: [
      { find: "    this.#publish(committed.signed);\n", replace: "" },
      {
        find: "    await store.publish(committed.signed);\n",
        replace:
          "    await store.publish(committed.signed);\n    this.#publish(committed.signed);\n",
      },
    ],
  },
  "a stale checkpoint": {
    file: "src/log/frontend.ts",
    edits: [{ find: "this.#checkpoint?.head !== head", replace: "this.#checkpoint === undefined" }],
  },
  "memory believed after a failed commit": {
    file: "src/sequencer/sequencer.ts",
    edits: [
      {
        find: "        await this.#recover();\n",
        replace: `        if (this.#tree === undefined) await this.#recover();
        this.#setState("open", "");\n`,
      },
      { find: "    this.#tree = undefined;\n", replace: "" },
    ],
  },
  "a signature that leaves before its record is durable": {
    file: "src/signer/guard.ts",
    edits: [
      {
        find: "await this.#folder.write({ sequence: sequence + 1, logId, head: signed });",
        replace:
          "void this.#folder.write({ sequence: sequence + 1, logId, head: signed }).catch(() => {});",
      },
    ],
  },
  "a jump of the clock that is accepted": {
    file: "src/sequencer/clock-watch.ts",
    edits: [
      {
        find: "{ wallMs: ready.nowMs, steadyMs: ready.steadyMs }",
        replace: "{ wallMs: this.#clock.nowMs(), steadyMs: this.#clock.monotonicMs() }",
      },
    ],
  },
  "a head from the future signed at start": {
    file: "src/sequencer/recover.ts",
    edits: [
      {
        find: "if (isUnsigned(committed, last)) requireNotFuture(committed, trustedMs());",
        replace: "",
      },
    ],
  },
  "no reading back before the signature": {
    file: "src/sequencer/verify.ts",
    edits: [
      {
        find: "  if (!equalBytes(read.entriesSha256, entriesSha256)) {",
        replace:
          "  if (sha256.length > 0) return read;\n  if (!equalBytes(read.entriesSha256, entriesSha256)) {",
      },
    ],
  },
  "lost records that nobody looks for": {
    file: "src/sequencer/later-recheck.ts",
    edits: [
      {
        find: "await recheckRecords(options, committed, recheckEntryCount - recheckLaterCount);",
        replace: "void recheckEntryCount;",
      },
    ],
  },
  "a damaged right edge that is not mended": {
    file: "src/sequencer/recover.ts",
    edits: [{ find: "    options.report(messageOf(error));\n", replace: "    throw error;\n" }],
  },
  "proofs made at once that mix up their hashes": {
    file: "src/log/tree-hashes.ts",
    edits: [
      {
        find: "elements.map(({ nodes, fold }) => fold ??",
        replace: "elements.map(({ nodes }) => foldOf(edge, nodes) ??",
      },
    ],
  },
  "two twins in one tree": {
    file: "src/sequencer/duplicates.ts",
    edits: [
      { find: "if (hit === undefined) {", replace: "if (hit === undefined || position > 1) {" },
    ],
  },
};

/** Bugs that take a certain mix of faults, which few seeds have. */
const CLOCK_KNOBS: Readonly<Record<string, Knobs>> = {
  "a jump of the clock that is accepted": { ...CALM, clockJump: 0.03 },
  "a head from the future signed at start": { ...CALM, clockJump: 0.02, crash: 0.05 },
};

/** Bugs of a store. */
const STORE_PLANTS: readonly StorePlant[] = [
  "entries-not-synced",
  "dedup-in-memory",
  "batch-not-synced",
];

describe("the simulation finds", () => {
  for (const [title, mutation] of Object.entries(MUTATIONS)) {
    test(title, async (t) => {
      const name = title.replaceAll(" ", "-");
      const driver = await importMutated<{ runSeed: RunSeed }>(name, mutation, "driver.ts");
      const options = title in CLOCK_KNOBS ? { knobs: CLOCK_KNOBS[title] ?? CALM } : {};
      t.diagnostic(await firstFailure(driver.runSeed, options));
    });
  }
  for (const plant of STORE_PLANTS) {
    test(`a store with the bug ${plant}`, async (t) => {
      t.diagnostic(await firstFailure(runSeed, { plant }));
    });
  }
});

/** What the first seed that fails says. */
async function firstFailure(run: RunSeed, options: SimOptions): Promise<string> {
  for (let seed = 0; seed < SEEDS_MAX; seed += 1) {
    try {
      await run(seed, options);
    } catch (error) {
      assert(error instanceof Error && error.message.startsWith(`seed ${seed}: `), String(error));
      return error.message;
    }
  }
  assert.fail(`${SEEDS_MAX} seeds did not find it`);
}
