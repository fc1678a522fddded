/**
 * Sound submissions of every kind, to mutate.
 * @module
 */
import { type CaOptions, type IssueOptions, makeCa, type TestCa } from "./certificates.ts";
import type { ExpectedEntry } from "./expected-entry.ts";

/** A submission that is taken. */
export interface BaseChain {
  readonly title: string;
  readonly endpoint: "add-chain" | "add-pre-chain";
  readonly chain: readonly Uint8Array[];
  readonly entry: ExpectedEntry;
  readonly root: TestCa;
}

let serials = 70_000;

/** A certificate or precertificate of `by`; its final form comes from `final`. */
function base(
  title: string,
  by: TestCa,
  sent: readonly TestCa[],
  precert: boolean,
  options: IssueOptions = {},
  final: TestCa = by,
): BaseChain {
  serials += 1;
  const fields = { serial: serials, ...options };
  const leaf = by.issue({ ...fields, precert });
  let root = by;
  while (root.parent !== undefined) root = root.parent;
  return {
    title,
    endpoint: precert ? "add-pre-chain" : "add-chain",
    chain: [leaf, ...sent.map(({ der }) => der)],
    entry: precert ? { tbs: final.tbs(fields), issuerSpki: final.spki } : { certificate: leaf },
    root,
  };
}

/** A root of this kind and what is below it. */
function family(options: CaOptions): { readonly root: TestCa; readonly issuer: TestCa } {
  const root = makeCa(options);
  return { root, issuer: root.intermediate(options) };
}

/** Makes them: fourteen kinds, on both endpoints where that makes a difference. */
export function makeBaseChains(): readonly BaseChain[] {
  const p256 = family({ keyType: "p256" });
  const p384 = family({ keyType: "p384" });
  const p521 = family({ keyType: "p521" });
  const rsa = family({ keyType: "rsa2048" });
  const pss = family({ keyType: "rsa2048", signsWith: "pssSha256" });
  const sha1 = family({ keyType: "rsa1024", signsWith: "rsaSha1" });
  const ed25519 = family({ keyType: "ed25519" });
  const signer = p256.issuer.precertificateSigner();
  const deep = p256.issuer.intermediate().intermediate();
  const between = deep.parent ?? deep;
  const alone = makeCa();
  return [
    base("P-256", p256.issuer, [p256.issuer], false),
    base("P-256 precertificate", p256.issuer, [p256.issuer, p256.root], true),
    base("P-384", p384.issuer, [p384.issuer], false),
    base("P-384 precertificate", p384.issuer, [p384.issuer], true),
    base("P-521", p521.issuer, [p521.issuer, p521.root], false),
    base("RSA", rsa.issuer, [rsa.issuer], false),
    base("RSA precertificate", rsa.issuer, [rsa.issuer, rsa.root], true),
    base("RSA-PSS", pss.issuer, [pss.issuer], false),
    base("RSA with SHA-1", sha1.issuer, [sha1.issuer], true),
    base("Ed25519", ed25519.issuer, [ed25519.issuer], false),
    base("Ed25519 precertificate", ed25519.issuer, [ed25519.issuer], true),
    base("signer", signer, [signer, p256.issuer], true, {}, p256.issuer),
    base("four deep", deep, [deep, between, p256.issuer, p256.root], true),
    base("by the root", p256.root, [], true),
    base("many names", p256.issuer, [p256.issuer], true, { dnsNames: manyNames() }),
    {
      title: "a root alone",
      endpoint: "add-chain",
      chain: [alone.der],
      entry: { certificate: alone.der },
      root: alone,
    },
  ];
}

function manyNames(): readonly string[] {
  return Array.from({ length: 40 }, (_, index) => `host-${index}.example.com`);
}
