import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { bytesKey } from "../../src/encoding/bytes.ts";
import { ChainCache } from "../../src/log/chain-cache.ts";

/** Fingerprints of two certificates that share what chains are looked up by, but for `byte`. */
function fingerprintsOf(byte: number): Uint8Array {
  const fingerprints = new Uint8Array(64);
  fingerprints[40] = byte;
  return fingerprints;
}

describe("ChainCache", () => {
  test("gives the chain of exactly these fingerprints, whatever was kept and dropped", () => {
    const fingerprints = fc.oneof(
      fc.constantFrom(0, 1, 2).map(fingerprintsOf),
      fc.constantFrom(0, 32, 64).map((length) => new Uint8Array(length)),
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
    );
    const steps = fc.array(fc.tuple(fingerprints, fc.boolean()), { maxLength: 40 });
    fc.assert(
      fc.property(steps, fc.constantFrom(0, 70, 200, 100_000), (all, bytesMax) => {
        const cache = new ChainCache(bytesMax);
        const chainOf = (name: Uint8Array) => Uint8Array.of(name.length, ...name);
        for (const [name, isSet] of all) {
          if (isSet) cache.set(name, chainOf(name));
          const chain = cache.get(name);
          if (chain !== undefined) assert.deepEqual(chain, chainOf(name));
          else assert.ok(!isSet || bytesMax < 2 * name.length + 1, bytesKey(name));
        }
      }),
    );
  });

  test("keeps a copy of the fingerprints, and gives the same array each time", () => {
    const cache = new ChainCache();
    const name = fingerprintsOf(1);
    const chain = new Uint8Array(9);
    cache.set(name, chain);
    name.fill(9);
    assert.equal(cache.get(fingerprintsOf(1)), chain);
    assert.equal(cache.get(name), undefined);
    assert.equal(cache.get(fingerprintsOf(2)), undefined);
  });

  test("drops the least recently used beyond its bytes", () => {
    const names = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte));
    const cache = new ChainCache(2 * (32 + 100));
    const chain = new Uint8Array(100);
    for (const name of names.slice(0, 2)) cache.set(name, chain);
    cache.get(names[0]!);
    cache.set(names[2]!, chain);
    assert.deepEqual(
      names.map((name) => cache.get(name) !== undefined),
      [true, false, true],
    );
  });
});
