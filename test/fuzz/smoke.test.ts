import assert from "node:assert/strict";
import { test } from "node:test";
import { MalformedError } from "../../src/base/errors.ts";
import { TARGETS } from "./core.fuzz.ts";
import { fuzz } from "./fuzz.ts";

const SEED = 42;
const INPUTS = 300;

for (const target of TARGETS) {
  test(`fuzz: ${target.name} throws only MalformedError, ${INPUTS} inputs of seed ${SEED}`, () => {
    const { acceptedCount } = fuzz(target, SEED, (inputCount) => inputCount >= INPUTS);
    assert.ok(acceptedCount > 0, "no input was accepted: the samples are not well-formed");
  });
}

test("fuzz() reports a target that throws anything else, with seed and input", () => {
  const target = {
    name: "x",
    samples: [Uint8Array.of(1)],
    run: (input: Uint8Array): void => {
      if (input.length > 2) throw new TypeError("oops");
      throw new MalformedError("MALFORMED_TLS", "short");
    },
  };
  assert.throws(
    () => fuzz(target, 7, () => false),
    /^Error: x, seed 7: input [0-9a-f]{6,} threw TypeError: oops$/,
  );
});

test("fuzz() makes the same inputs from the same seed", () => {
  const inputsOf = (seed: number): string => {
    let all = "";
    const run = (input: Uint8Array): void => {
      all += `${Buffer.from(input).toString("hex")} `;
    };
    fuzz({ name: "x", samples: [Uint8Array.of(1, 2, 3)], run }, seed, (count) => count >= 50);
    return all;
  };
  assert.equal(inputsOf(1), inputsOf(1));
  assert.notEqual(inputsOf(1), inputsOf(2));
});
