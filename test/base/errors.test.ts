import assert from "node:assert/strict";
import { test } from "node:test";
import { AssertionError, assert as check, defined, unreachable } from "../../src/base/assert.ts";
import {
  CtError,
  FatalError,
  MalformedError,
  messageOf,
  quote,
  RejectedError,
  UnavailableError,
} from "../../src/base/errors.ts";

test("each CtError carries its code, its own name and its cause", () => {
  const cause = new Error("why");
  for (const error of [
    new MalformedError("MALFORMED_TLS", "m", { cause }),
    new RejectedError("REJECTED_RANGE", "m", { cause }),
    new UnavailableError("UNAVAILABLE_STORE", "m", { cause }),
    new FatalError("FATAL_CLOCK", "m", { cause }),
  ]) {
    assert.ok(error instanceof CtError && error instanceof Error);
    assert.equal(error.cause, cause);
    assert.match(error.code, new RegExp(`^${error.name.replace("Error", "").toUpperCase()}_`));
  }
});

test("UnavailableError says when to retry, 1 s unless told", () => {
  assert.equal(new UnavailableError("UNAVAILABLE_STORE", "m").retryAfterMs, 1_000);
  const soon = new UnavailableError("UNAVAILABLE_STORE", "m", { retryAfterMs: 0 });
  assert.equal(soon.retryAfterMs, 0);
});

test("quote() cuts at 64 characters and escapes what would break a line", () => {
  assert.equal(quote("a\nb"), '"a\\nb"');
  assert.equal(quote("x".repeat(64)), `"${"x".repeat(64)}"`);
  assert.equal(quote("x".repeat(65)), `"${"x".repeat(64)}…"`);
});

test("messageOf() takes anything that was thrown", () => {
  assert.equal(messageOf(new Error("m")), "m");
  assert.equal(messageOf("text"), "text");
  assert.equal(messageOf(undefined), "undefined");
});

test("assert(), defined() and unreachable() throw AssertionError", () => {
  check(true, "m");
  assert.equal(defined(0, "m"), 0);
  assert.throws(() => check(false, "m"), AssertionError);
  assert.throws(() => defined(undefined, "m"), AssertionError);
  assert.throws(() => unreachable("x" as never), AssertionError);
});
