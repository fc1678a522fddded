/**
 * `submit` against a log that tells one lie after the other: each names its check.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { NaiveLog } from "../support/naive-log.ts";
import { LIES, SEED_COUNT } from "../support/submit-lies.ts";
import { submitTo } from "../support/submit-run.ts";

for (const [lie, check, reason, lies] of LIES) {
  test(`submit() to a log that lies about ${lie} exits 1 and names "${check}"`, async () => {
    await using log = await NaiveLog.start(SEED_COUNT);
    log.lies = lies(log);
    const { exitCode, out, err } = await submitTo(log);
    assert.match(err, new RegExp(`^FAILED check "${check}": `), out);
    assert.match(err, reason);
    assert.doesNotMatch(out, /All checks hold/);
    assert.equal(exitCode, 1);
  });
}
