import assert from "node:assert/strict";
import { test } from "node:test";
import { MalformedError } from "../../src/base/errors.ts";
import { parseCertificate } from "../../src/x509/certificate.ts";
import { mutateDer } from "./der.ts";
import { fuzz, Random } from "./fuzz.ts";
import { CERTIFICATES, CHAINS, decodeChain, encodeChain, mutateChain } from "./samples.ts";
import { loadTargets } from "./targets.ts";

const SEED = 42;
const INPUTS = 300;

for (const target of await loadTargets()) {
  test(`fuzz: ${target.name} throws only what it documents, ${INPUTS} inputs of seed ${SEED}`, async () => {
    const { acceptedCount } = await fuzz(target, SEED, (inputCount) => inputCount >= INPUTS);
    assert.ok(acceptedCount > 0, "no input was accepted: the samples are not well-formed");
  });
}

test("fuzz() reports a target that throws anything else, with seed and input", async () => {
  for (const isAsync of [false, true]) {
    const misbehave = (input: Uint8Array): void => {
      if (input.length > 2) throw new TypeError("oops");
      throw new MalformedError("MALFORMED_TLS", "short");
    };
    const target = {
      name: "x",
      samples: [Uint8Array.of(1)],
      run: isAsync ? async (input: Uint8Array): Promise<void> => misbehave(input) : misbehave,
    };
    await assert.rejects(
      fuzz(target, 7, () => false),
      /^Error: x, seed 7: input [0-9a-f]{6,} threw TypeError: oops$/,
    );
  }
});

test("fuzz() makes the same inputs from the same seed", async () => {
  const inputsOf = async (seed: number): Promise<string> => {
    let all = "";
    const run = (input: Uint8Array): void => {
      all += `${Buffer.from(input).toString("hex")} `;
    };
    await fuzz({ name: "x", samples: [Uint8Array.of(1, 2, 3)], run }, seed, (count) => count >= 50);
    return all;
  };
  assert.equal(await inputsOf(1), await inputsOf(1));
  assert.notEqual(await inputsOf(1), await inputsOf(2));
});

test("mutateDer() changes a certificate, and often leaves one that is read", () => {
  const random = new Random(SEED);
  const [der = assert.fail("there are samples")] = CERTIFICATES;
  let readCount = 0;
  for (let turn = 0; turn < 500; turn += 1) {
    const mutated = mutateDer(random, der);
    try {
      parseCertificate(mutated);
      if (Buffer.compare(mutated, der) !== 0) readCount += 1;
    } catch (error) {
      assert.ok(error instanceof MalformedError);
    }
  }
  assert.ok(readCount > 50, `${readCount} of 500 were read`);
});

test("encodeChain() is undone by decodeChain(), and mutateChain() keeps chains of certificates", () => {
  for (const chain of CHAINS) assert.deepEqual(decodeChain(encodeChain(chain)), chain);
  const random = new Random(SEED);
  const samples = CHAINS.map(encodeChain);
  const lengths = new Set<number>();
  for (let turn = 0; turn < 200; turn += 1) {
    lengths.add(decodeChain(mutateChain(random, random.pick(samples), samples)).chain.length);
  }
  assert.ok(lengths.size >= 4, [...lengths].join(" "));
});
