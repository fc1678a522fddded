import assert from "node:assert/strict";
import { test } from "node:test";
import { parseLoadArguments } from "../../bench/load.ts";

const URL_ARGUMENT = ["--url", "http://127.0.0.1:1/x/"];

test("parseLoadArguments() of a URL alone is flat out with RSA-2048", () => {
  const { options, isJson } = parseLoadArguments(URL_ARGUMENT);
  assert.equal(options.url, "http://127.0.0.1:1/x");
  assert.deepEqual(options.pace, { type: "flat-out" });
  assert.equal(options.kind, "rsa2048");
  assert.equal(options.seed, 42);
  assert.equal(options.count, 200_000);
  assert.deepEqual([options.sendMs, options.warmupMs], [20_000, 2_000]);
  assert.deepEqual(options.pids, []);
  assert.equal(isJson, false);
});

test("parseLoadArguments() of a rate makes what the rate needs", () => {
  const { options } = parseLoadArguments([
    ...[...URL_ARGUMENT, "--rate", "500", "--seconds", "10", "--issuer", "p384"],
    ...["--pid", "7", "--pid", "8", "--first", "100", "--data", "/d"],
  ]);
  assert.deepEqual(options.pace, { type: "rate", perSecond: 500 });
  assert.equal(options.count, 5_000);
  assert.equal(options.kind, "p384");
  assert.deepEqual(options.pids, [7, 8]);
  assert.equal(options.first, 100);
  assert.equal(options.dataFolder, "/d");
});

test("parseLoadArguments() of a pause sends one at a time", () => {
  const { options } = parseLoadArguments([...URL_ARGUMENT, "--lone", "2000"]);
  assert.deepEqual(options.pace, { type: "lone", pauseMs: 2_000 });
  assert.equal(options.connections, 1);
  assert.equal(options.count, 20);
});

for (const [name, args] of [
  ["no URL", []],
  ["an unknown option", [...URL_ARGUMENT, "--rates", "1"]],
  ["an unknown issuer", [...URL_ARGUMENT, "--issuer", "rsa"]],
  ["a number that is none", [...URL_ARGUMENT, "--count", "1e3"]],
  ["no connections", [...URL_ARGUMENT, "--connections", "0"]],
  ["a rate and flat out", [...URL_ARGUMENT, "--rate", "5", "--flat-out"]],
  ["a pause and a rate", [...URL_ARGUMENT, "--rate", "5", "--lone", "5"]],
  ["nothing but warm-up", [...URL_ARGUMENT, "--seconds", "2", "--warmup", "2"]],
] as const) {
  test(`parseLoadArguments() refuses ${name}`, () => {
    assert.throws(() => parseLoadArguments(args));
  });
}
