/**
 * Odd certificates and odd issuers over HTTP, on both endpoints: what is taken is logged
 * exactly, what is refused is 400 and logs nothing.
 * @module
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ENDPOINTS } from "../support/admission.ts";
import { REFUSED, TAKEN } from "../support/certificate-cases.ts";
import { makeCa } from "../support/certificates.ts";
import { ISSUER_CASES } from "../support/issuer-cases.ts";
import { type RunningLog, startRunningLog } from "../support/running-log.ts";

const root = makeCa();
const issuers = ISSUER_CASES.map((one) => ({ ...one, made: one.make() }));
const issuerRoots = issuers.flatMap(({ made }) => made.roots);

let log: RunningLog;
before(async () => {
  log = await startRunningLog([
    { name: "odd", roots: [root] },
    { name: "issuers", roots: issuerRoots, type: "rfc6962" },
  ]);
});
after(() => log[Symbol.asyncDispose]());

async function sizeOf(shard: string): Promise<unknown> {
  return (await log.json(`/${shard}/ct/v1/get-sth`))["tree_size"];
}

let serials = 10_000;

for (const endpoint of ENDPOINTS) {
  const precert = endpoint === "add-pre-chain";

  for (const [title, options, edit] of TAKEN) {
    test(`${endpoint}: takes ${title}`, async () => {
      serials += 1;
      const fixed = { serial: serials, ...options };
      const certificate = root.issue({ ...fixed, precert });
      const sent = edit === undefined ? certificate : edit(certificate);
      const sct = await log.submitted("odd", endpoint, [sent]);
      const entry = precert
        ? { tbs: root.tbs(fixed), issuerSpki: root.spki }
        : { certificate: sent };
      const expected = { entry, path: [root.der], ...(precert ? { precertificate: sent } : {}) };
      await log.requireLogged("odd", sct, expected);
    });
  }

  for (const [title, options, edit] of REFUSED) {
    test(`${endpoint}: refuses ${title}, as certificate and as issuer`, async () => {
      const sizeBefore = await sizeOf("odd");
      const odd = (certificate: Uint8Array): Uint8Array => edit?.(certificate) ?? certificate;
      const chains = [
        [odd(root.issue({ ...options, precert }))],
        [
          root.issue({ precert }),
          odd(root.issue({ ...options, ca: true, subject: options.subject ?? "odd" })),
        ],
      ];
      for (const [index, chain] of chains.entries()) {
        const { status, text } = await log.submit("odd", endpoint, chain);
        assert.equal(status, 400);
        const words = "failed to verify add-chain contents: chain failed to verify";
        const start = `Bad Request\nodd: ${words}: certificate ${index} of the chain: `;
        assert.ok(text.startsWith(start), text);
        assert.match(text.slice(start.length), /^[^\n]+\n$/);
      }
      assert.equal(await sizeOf("odd"), sizeBefore);
    });
  }

  for (const { title, made, objection } of issuers) {
    test(`${endpoint}: ${objection ? "refuses" : "takes"} ${title}`, async () => {
      serials += 1;
      const fields = { serial: serials, ...made.leaf };
      const leaf = made.issuer.issue({ ...fields, precert });
      const chain = [leaf, ...made.sent];
      if (objection !== undefined) {
        const sizeBefore = await sizeOf("issuers");
        const { status, text } = await log.submit("issuers", endpoint, chain);
        assert.equal(status, 400);
        const words = "failed to verify add-chain contents: chain failed to verify";
        assert.ok(text.startsWith(`Bad Request\nissuers: ${words}: `), text);
        assert.match(text, objection);
        assert.equal(await sizeOf("issuers"), sizeBefore);
        return;
      }
      const sct = await log.submitted("issuers", endpoint, chain);
      const entry = precert
        ? { tbs: made.issuer.tbs(fields), issuerSpki: made.issuer.spki }
        : { certificate: leaf };
      const expected = { entry, path: made.path, ...(precert ? { precertificate: leaf } : {}) };
      await log.requireLogged("issuers", sct, expected);
    });
  }
}
