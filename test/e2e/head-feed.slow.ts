/**
 * The feed of new heads in a whole log: who waits on any thread gets the head that covers a
 * submission, the one that get-sth shows, and none older than anyone has seen.
 * @module
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { makeCa } from "../support/certificates.ts";
import { startRunningLog } from "../support/running-log.ts";

const WAITERS = 12;
const ROUNDS = 15;

const root = makeCa();
const SHARDS = [{ name: "one", roots: [root] }];
const PATH = "/one/checkpoint";

/** Size and root of a checkpoint's text. */
function headOf(text: string): string {
  return text.split("\n").slice(1, 3).join(" ");
}

for (const frontends of [0, 2]) {
  describe(`a log with ${frontends} frontend threads`, () => {
    test("wakes who waits with the head that get-sth shows", { timeout: 120_000 }, async () => {
      await using log = await startRunningLog(SHARDS, {}, undefined, frontends);
      for (let size = 0; size < ROUNDS; size += 1) {
        // Each on a connection, and so on a thread, of its own.
        const waiting = Array.from({ length: WAITERS }, () =>
          log.call(`${PATH}?wait=60&size=${size}`, { fresh: true }),
        );
        await log.submitted("one", "add-chain", [root.issue()]);
        const sth = await log.json("/one/ct/v1/get-sth", { fresh: true });
        assert.equal(sth["tree_size"], size + 1);
        for (const { status, text } of await Promise.all(waiting)) {
          assert.equal(status, 200, text);
          assert.equal(headOf(text), `${size + 1} ${sth["sha256_root_hash"]}`);
        }
      }
    });

    test("answers who waits when it stops", { timeout: 60_000 }, async () => {
      await using log = await startRunningLog(SHARDS, {}, undefined, frontends);
      const { headers } = await log.call(PATH);
      const known = { "if-none-match": String(headers.etag) };
      const waiting = Array.from({ length: WAITERS }, () =>
        log.call(`${PATH}?wait=60`, { headers: known, fresh: true }),
      );
      await log.stop();
      // Cut off at the end of the drain they would have failed.
      for (const { status, headers: own } of await Promise.all(waiting)) {
        assert.match(String(status), /^(200|304)$/);
        assert.equal(own["connection"], "close");
      }
    });
  });
}
