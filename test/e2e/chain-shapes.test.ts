/**
 * Chain shapes over HTTP: status, words of the refusal, and the path that is stored.
 * @module
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ENDPOINTS } from "../support/admission.ts";
import { makeLongChain, makeShape, poolOf, SHAPES } from "../support/chain-shapes.ts";
import { type RunningLog, startRunningLog } from "../support/running-log.ts";

const pools = new Map(SHAPES.map((shape) => [shape.pool, poolOf(shape)]));
const nameOf = (pool: string): string => `pool-${pool.toLowerCase().replaceAll(" ", "-")}`;
const long = makeLongChain(99);

let log: RunningLog;
before(async () => {
  const shards = [...pools].map(([pool, roots]) => ({ name: nameOf(pool), roots }));
  log = await startRunningLog([...shards, { name: "long", roots: [long.root] }]);
});
after(() => log[Symbol.asyncDispose]());

for (const endpoint of ENDPOINTS) {
  for (const shape of SHAPES) {
    const { submitted, pool } = shape;
    const outcome = shape.outcome[endpoint];
    const shown = outcome.startsWith("=") ? `is stored as [${outcome.slice(2)}]` : "is 400";
    test(`${endpoint}: [${submitted}] with roots {${pool}} ${shown}`, async () => {
      const { chain, path, tbs, issuerSpki } = makeShape(shape, endpoint);
      const [leaf, ...stored] = path ?? [];
      if (leaf === undefined) {
        const reply = await log.submit(nameOf(pool), endpoint, chain);
        assert.equal(reply.status, 400, reply.text);
        const verify = `Bad Request\n${nameOf(pool)}: failed to verify add-chain contents: `;
        const isMismatch = outcome.includes("belongs to");
        const step = isMismatch ? "cert / precert mismatch: " : "chain failed to verify: ";
        assert.ok(reply.text.startsWith(`${verify}${step}${outcome}`), reply.text);
        return;
      }
      const sct = await log.submitted(nameOf(pool), endpoint, chain);
      const entry = tbs === undefined ? { certificate: leaf } : { tbs, issuerSpki };
      const precert = tbs === undefined ? {} : { precertificate: leaf };
      await log.requireLogged(nameOf(pool), sct, { entry, ...precert, path: stored });
    });
  }

  test(`${endpoint}: 99 intermediates are stored, 100 are 400`, async () => {
    const precert = endpoint === "add-pre-chain";
    const { root, last, intermediates } = long;
    const serial = precert ? 1 : 2;
    const leaf = last.issue({ serial, precert });
    const sct = await log.submitted("long", endpoint, [leaf, ...intermediates]);
    const path = [...intermediates, root.der];
    const entry = precert
      ? { tbs: last.tbs({ serial }), issuerSpki: last.spki }
      : { certificate: leaf };
    await log.requireLogged("long", sct, {
      entry,
      ...(precert ? { precertificate: leaf } : {}),
      path,
    });
    const further = last.intermediate();
    const chain = [further.issue({ precert }), further.der, ...intermediates];
    const reply = await log.submit("long", endpoint, chain);
    assert.equal(reply.status, 400);
    assert.match(
      reply.text,
      /chain failed to verify: x509: signature check attempts limit reached/,
    );
  });
}
