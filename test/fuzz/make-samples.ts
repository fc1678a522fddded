/**
 * `scripts/node24 test/fuzz/make-samples.ts`: writes samples.json, the chains that fuzzing
 * starts from. Keys are fresh each time, so the file is kept: a seed replays only with it.
 * @module
 */
import { writeFileSync } from "node:fs";
import { chainOf, makeCa, SCT_LIST_OID, type TestCa } from "../support/certificates.ts";
import { extension, octetString } from "../support/der-builder.ts";
import type { SampleFile } from "./samples.ts";

const root = makeCa();
const rsaRoot = makeCa({ keyType: "rsa1024" });
const intermediate = root.intermediate();
const deep = [1, 2, 3].reduce((ca: TestCa) => ca.intermediate(), intermediate);
const rsa = rsaRoot.intermediate({ keyType: "rsa1024" });
const signer = intermediate.precertificateSigner();
const sctList = extension(SCT_LIST_OID, octetString(Buffer.from("000400020000", "hex")));

const precert = { precert: true } as const;
const chains: readonly (readonly [boolean, readonly Uint8Array[]])[] = [
  [false, chainOf(intermediate.issue({ extensions: [sctList] }), intermediate)],
  [false, [root.der]],
  [false, chainOf(rsa.issue({ signature: "pssSha256" }), rsa).slice(0, -1)],
  [true, chainOf(intermediate.issue(precert), intermediate)],
  [true, chainOf(signer.issue(precert), signer)],
  [true, chainOf(deep.issue({ ...precert, extensions: [sctList] }), deep)],
  [true, [rsaRoot.issue({ ...precert, onlyExtensions: [] })]],
];

const file: SampleFile = {
  source: "test/fuzz/make-samples.ts",
  roots: [root.der, rsaRoot.der].map(hex),
  chains: chains.map(([isPrecert, chain]) => ({
    endpoint: isPrecert ? "add-pre-chain" : "add-chain",
    chain: chain.map(hex),
  })),
};
writeFileSync(new URL("samples.json", import.meta.url), `${JSON.stringify(file, undefined, 2)}\n`);

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
