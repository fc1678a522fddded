/**
 * Assertions on errors that core functions throw.
 * @module
 */
import assert from "node:assert/strict";
import { type MalformedCode, MalformedError } from "../../src/base/errors.ts";

/** Asserts that `run` throws a MalformedError with this code. */
export function throwsMalformed(run: () => unknown, code: MalformedCode, about?: string): void {
  assert.throws(
    run,
    (thrown) => {
      assert.ok(thrown instanceof MalformedError, `${about ?? ""} threw ${String(thrown)}`);
      assert.equal(thrown.code, code, about);
      return true;
    },
    about,
  );
}
