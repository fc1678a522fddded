/**
 * `demo` and `submit` against the real log, as the program composes it.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { demo, type StartLog, writeDemoConfig } from "../../src/cli/demo.ts";
import { initShards } from "../../src/cli/init.ts";
import { startStratus } from "../../src/compose.ts";
import { chainOf, makeCa } from "../support/certificates.ts";
import { Files, pem, run } from "../support/submit-run.ts";

/** Creates and starts what the configuration says. */
const startReal: StartLog = async (config) => {
  await initShards(config, () => {});
  return await startStratus(config);
};

test("demo() over the real log exits 0 and takes seven steps", async () => {
  const out: string[] = [];
  const err: string[] = [];
  const io = { out: (line: string) => out.push(line), err: (line: string) => err.push(line) };
  assert.equal(await demo(startReal, io), 0, `${out.join("\n")}\n${err.join("\n")}`);
  assert.deepEqual(err, []);
  assert.ok(out.some((line) => line.startsWith("7. ")));
});

test("submit() to the real log: certificates, precertificates, a duplicate, refusals", async () => {
  const root = makeCa();
  const intermediate = root.intermediate();
  const signer = intermediate.precertificateSigner();
  const year = new Date().getUTCFullYear();
  const notAfter = new Date(`${year + 1}-06-01T00:00:00Z`);
  const leaf = intermediate.issue({ notAfter });
  const precert = intermediate.issue({ notAfter, precert: true });
  await using files = await Files.make();
  const log = await startReal(await writeDemoConfig(files.folder, root.der));
  try {
    const submitChain = async (...chain: readonly Uint8Array[]) =>
      await run({ url: `${log.listenUrl}/demo`, chainFile: await files.write(pem(...chain)) });
    const accepted = [
      chainOf(leaf, intermediate),
      [precert, intermediate.der],
      [signer.issue({ notAfter, precert: true }), signer.der, intermediate.der],
      [root.issue({ notAfter, precert: true })],
      [root.issue({ notAfter })],
      [root.issue({ notAfter: new Date(`${year}-12-31T23:59:59Z`) }), root.der],
    ];
    for (const [index, chain] of accepted.entries()) {
      const { exitCode, out, err } = await submitChain(...chain);
      assert.equal(exitCode, 0, `${index}: ${out}\n${err}`);
      assert.match(out, new RegExp(`All checks hold: entry ${index} is in`));
    }
    const again = await submitChain(precert, intermediate.der, root.der);
    assert.match(again.out, /All checks hold: entry 1 is in the tree of size 6/);
    const stranger = makeCa();
    const refused: readonly (readonly [readonly Uint8Array[], RegExp])[] = [
      [chainOf(stranger.issue({ notAfter }), stranger), /answered 400/],
      [[intermediate.issue({ notAfter: new Date("2020-01-01T00:00:00Z") })], /answered 400/],
      [[leaf, root.der], /answered 400/],
    ];
    for (const [chain, reason] of refused) {
      const { exitCode, err } = await submitChain(...chain);
      assert.match(err, /^FAILED submission, refused by the log/);
      assert.match(err, reason);
      assert.equal(exitCode, 1);
    }
  } finally {
    await log.stop();
  }
});
