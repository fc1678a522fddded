/**
 * A dedup key counts with all of its 256 bits: a log that keeps 128 of them gives an attacker,
 * who makes two certificates that agree in those, an SCT for the one that was never logged.
 * The hash in these tests leaves one half of each digest constant.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { concatBytes } from "../../src/encoding/bytes.ts";
import { dedupKeyOf, type Outcome, type Submission } from "../../src/sequencer/message.ts";
import { GuardedSigner } from "../../src/signer/guard.ts";
import { createLevelStore } from "../../src/storage/level/folder.ts";
import { openLevelStore } from "../../src/storage/level/level-store.ts";
import type { Store } from "../../src/storage/store.ts";
import { TEST_IDENTITY } from "../support/commits.ts";
import { ENGINE_KEY, Engine, MemoryGuard, makeSubmission } from "../support/engine.ts";
import { LEVEL_OPTIONS, temporaryFolder } from "../support/level.ts";
import { sha256 } from "../support/sha256.ts";

const CONSTANT = new Uint8Array(16).fill(0xc0);

const HASHES = {
  "first half": (bytes: Uint8Array) => concatBytes(CONSTANT, sha256(bytes).subarray(0, 16)),
  "second half": (bytes: Uint8Array) => concatBytes(sha256(bytes).subarray(0, 16), CONSTANT),
} as const;

for (const [half, narrow] of Object.entries(HASHES)) {
  const colliding = [0, 2, 3, 5].map((index): Submission => {
    const { entry, priority } = makeSubmission(index);
    const dedupKey = dedupKeyOf(narrow, entry);
    const chain = { chainFingerprints: [], issuers: [] };
    return { entry, priority, dedupKey, precertificate: undefined, ...chain };
  });

  const engineOver = (wrapStore: (store: Store) => Store): Engine =>
    new Engine({
      sha256: narrow,
      wrapStore,
      wrapSigner: () =>
        new GuardedSigner({ key: ENGINE_KEY, folder: new MemoryGuard(), sha256: narrow }),
    });

  test(`entries whose dedup keys agree in their ${half} are logged apart, in memory`, async () => {
    await checkApart(
      engineOver((store) => store),
      colliding,
    );
  });

  test(`entries whose dedup keys agree in their ${half} are logged apart, in LevelDB`, async () => {
    await using folder = await temporaryFolder();
    const options = { ...LEVEL_OPTIONS, sha256: narrow };
    const identity = { ...TEST_IDENTITY, logId: ENGINE_KEY.logId };
    await createLevelStore(`${folder.path}/shard`, identity, options);
    await using store = await openLevelStore(`${folder.path}/shard`, options);
    await checkApart(
      engineOver(() => store),
      colliding,
    );
  });
}

/** Together in one pool, and again when they are in the log. */
async function checkApart(engine: Engine, submissions: readonly Submission[]): Promise<void> {
  await engine.open();
  await settled(engine, () => engine.sequencer.state === "open");
  const places: number[][] = [];
  for (let round = 0; round < 2; round += 1) {
    const outcomes: Outcome[] = [];
    engine.sequencer.sequence(submissions, (position, outcome) => {
      outcomes[position] = outcome;
    });
    await settled(engine, () => outcomes.filter(Boolean).length === submissions.length);
    places.push(
      outcomes.map((outcome, position) => {
        assert.equal(outcome.type, "logged", JSON.stringify(outcome));
        assert(outcome.type === "logged");
        assert.deepEqual(outcome.dedupKey, submissions[position]?.dedupKey);
        return outcome.leafIndex;
      }),
    );
  }
  assert.deepEqual(places, [submissions.map((_, index) => index), places[0]]);
  await engine.sequencer.stop();
}

/** Lets time and I/O pass until `isDone`. */
async function settled(engine: Engine, isDone: () => boolean): Promise<void> {
  const endMs = performance.now() + 10_000;
  while (!isDone()) {
    assert.ok(performance.now() < endMs, `in time: ${engine.fatalCode}`);
    await engine.clock.advance(10);
  }
}
