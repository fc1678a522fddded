/**
 * What makes an issuer, at both places: an intermediate and the accepted root itself. The
 * names carry the case numbers of the list that CTFE was tried with. Run against `admit` and
 * over HTTP, on both endpoints.
 * @module
 */
import {
  type CaOptions,
  extendedKeyUsage,
  type IssueOptions,
  type KeyType,
  keyUsage,
  makeCa,
  type SignatureName,
  subjectKeyId,
  type TestCa,
} from "./certificates.ts";
import {
  boolean,
  constructed,
  extension,
  integer,
  name,
  oid,
  primitive,
  sequence,
  utcTime,
} from "./der-builder.ts";

/** A case: what the log accepts, and a chain. */
export interface IssuerCase {
  readonly title: string;
  /** Makes authorities; the leaf is issued anew by `sent.issuer.issue({ ...sent.leaf, precert })`. */
  readonly make: () => MadeIssuer;
  /** What the refusal says; undefined if the chain is taken. */
  readonly objection?: RegExp;
}

/** Authorities of a case. */
export interface MadeIssuer {
  readonly roots: readonly TestCa[];
  /** Who issues the leaf. */
  readonly issuer: TestCa;
  /** Odd fields of the leaf. */
  readonly leaf?: IssueOptions;
  /** What is sent after the leaf. */
  readonly sent: readonly Uint8Array[];
  /** What is stored after the leaf. */
  readonly path: readonly Uint8Array[];
}

const CA_TRUE = extension("2.5.29.19", sequence(boolean(true)), true);
const CA_FALSE = extension("2.5.29.19", sequence(), true);

function only(...extensions: readonly Uint8Array[]): CaOptions {
  return { onlyExtensions: extensions };
}

/** Title, how the issuer is made, and what the refusal says; undefined if it is an issuer. */
const ISSUERS: readonly (readonly [string, CaOptions, RegExp | undefined])[] = [
  ["D14 v3 without extensions", only(), /no BasicConstraints/],
  ["D14 v3 with other extensions only", only(extendedKeyUsage("1.2.3")), /no BasicConstraints/],
  ["D14 cA FALSE", only(CA_FALSE), /is not a CA/],
  ["D14 cA TRUE, then cA FALSE: the last counts", only(CA_TRUE, CA_FALSE), /is not a CA/],
  ["D14 cA TRUE alone", only(CA_TRUE), undefined],
  [
    "D14 cA TRUE with a negative path length",
    only(extension("2.5.29.19", sequence(boolean(true), integer(-1)))),
    undefined,
  ],
  [
    "D15 KeyUsage without keyCertSign",
    only(CA_TRUE, extension("2.5.29.15", keyUsage(0x80))),
    /may not sign certificates/,
  ],
  [
    "D15 KeyUsage decipherOnly in the second octet",
    only(CA_TRUE, extension("2.5.29.15", Buffer.from("0303070080", "hex"))),
    /may not sign certificates/,
  ],
  ["D15 KeyUsage keyCertSign", only(CA_TRUE, extension("2.5.29.15", keyUsage(0x04))), undefined],
  [
    "D15 KeyUsage without any bit",
    only(CA_TRUE, extension("2.5.29.15", Buffer.from("030100", "hex"))),
    undefined,
  ],
  [
    "D16 path length 0 above another CA, and exceeded",
    only(extension("2.5.29.19", sequence(boolean(true), integer(0)), true)),
    undefined,
  ],
  [
    "D17 name constraints that exclude the leaf",
    only(
      CA_TRUE,
      extension(
        "2.5.29.30",
        sequence(constructed(1, sequence(primitive(2, Buffer.from("example.com"))))),
        true,
      ),
    ),
    undefined,
  ],
  [
    "D17 unknown critical extension",
    only(CA_TRUE, extension("1.2.3.4", Buffer.of(1), true)),
    undefined,
  ],
  [
    "D17 usages without serverAuth",
    only(CA_TRUE, extendedKeyUsage("1.3.6.1.5.5.7.3.4")),
    undefined,
  ],
  [
    "D17 expired long ago",
    { validity: sequence(utcTime("500101000000Z"), utcTime("510101000000Z")) },
    undefined,
  ],
];

/** Title, key and signature of both CAs. */
const SIGNATURES: readonly (readonly [string, KeyType, SignatureName])[] = [
  ["D19 SHA-1 with RSA", "rsa2048", "rsaSha1"],
  ["D19 SHA-1 with ECDSA", "p256", "ecdsaSha1"],
  ["D19 DSA with SHA-1", "dsa", "dsaSha1"],
  ["D19 DSA with SHA-256", "dsa", "dsaSha256"],
  ["D21 RSA-PSS with SHA-256", "rsa2048", "pssSha256"],
  ["D21 RSA-PSS with SHA-384", "rsa2048", "pssSha384"],
  ["D21 Ed25519", "ed25519", "ed25519"],
  ["D22 ECDSA P-256 with SHA-512", "p256", "ecdsaSha512"],
  ["D22 ECDSA P-384 with SHA-256", "p384", "ecdsaSha256"],
  ["D22 ECDSA P-521 with SHA-384", "p521", "ecdsaSha384"],
  ["D23 RSA of 1024 bits", "rsa1024", "rsaSha256"],
  ["D23 RSA of 512 bits", "rsa512", "rsaSha256"],
];

/** CAs that node:crypto takes long to make keys for share one. */
const keyOwners = new Map<KeyType, TestCa>();

function sharedKey(keyType: KeyType): CaOptions {
  let owner = keyOwners.get(keyType);
  if (owner === undefined) {
    owner = makeCa({ keyType });
    keyOwners.set(keyType, owner);
  }
  return { keyOf: owner };
}

function below(root: TestCa, options: CaOptions): MadeIssuer {
  const issuer = root.intermediate(options);
  return { roots: [root], issuer, sent: [issuer.der], path: [issuer.der, root.der] };
}

function alone(root: TestCa, leaf: IssueOptions = {}): MadeIssuer {
  return { roots: [root], issuer: root, leaf, sent: [], path: [root.der] };
}

/** A certificate of an algorithm that is not taken. */
function signedBy(leaf: IssueOptions): MadeIssuer {
  const root = makeCa({ ...sharedKey("rsa2048") });
  return { ...below(root, sharedKey("rsa2048")), leaf };
}

const MD2 = sequence(oid("1.2.840.113549.1.1.2"));

/** Cases of a single kind. */
const OTHERS: readonly IssuerCase[] = [
  {
    title: "D14 a v1 root, which cannot say that it is a CA",
    make: () => alone(makeCa({ version: null, onlyExtensions: [] })),
  },
  {
    title: "D14 a v1 intermediate",
    make: () => below(makeCa(), { version: null, onlyExtensions: [] }),
    objection: /no BasicConstraints/,
  },
  {
    title: "D13 an issuer that nobody knows",
    make: () => ({ ...alone(makeCa()), issuer: makeCa({ subject: "nobody" }) }),
    objection: /certificate signed by unknown authority: looked for "CN=nobody"/,
  },
  {
    title: "D18 the issuer's name in another string type",
    make: () => alone(makeCa({ subject: name("Same", 0x0c) }), { issuer: name("Same", 0x13) }),
    objection: /certificate signed by unknown authority/,
  },
  {
    title: "D20 MD5",
    make: () => signedBy({ signature: "rsaMd5" }),
    objection: /unsupported .*1\.2\.840\.113549\.1\.1\.4/,
  },
  {
    title: "D20 MD2",
    make: () => signedBy({ innerAlgorithm: MD2, outerAlgorithm: MD2 }),
    objection: /unsupported .*1\.2\.840\.113549\.1\.1\.2/,
  },
  {
    title: "D24 of roots with one name, the key identifier's",
    make: () => {
      const first = makeCa({ subject: "twins" });
      const second = makeCa({ subject: "twins" });
      return { ...alone(second), roots: [first, second] };
    },
  },
  {
    title: "D24 an identifier of no root: the signature decides",
    make: () => {
      const first = makeCa({ subject: "twins 2" });
      const second = makeCa({ subject: "twins 2" });
      const aki = extension("2.5.29.35", sequence(primitive(0, Buffer.alloc(20, 7))));
      const onlyExtensions = [aki, subjectKeyId(first.spki)];
      return { ...alone(second, { onlyExtensions }), roots: [first, second] };
    },
  },
];

/** Every case. */
export const ISSUER_CASES: readonly IssuerCase[] = [
  ...ISSUERS.flatMap(([title, options, objection]): IssuerCase[] => {
    const refused = objection === undefined ? {} : { objection };
    return [
      { title: `intermediate: ${title}`, make: () => below(makeCa(), options), ...refused },
      { title: `root left out: ${title}`, make: () => alone(makeCa(options)), ...refused },
      {
        title: `root sent: ${title}`,
        make: () => {
          const made = alone(makeCa(options));
          return { ...made, sent: made.path };
        },
        ...refused,
      },
    ];
  }),
  ...SIGNATURES.map(
    ([title, keyType, signsWith]): IssuerCase => ({
      title,
      make: () => {
        const options = { ...sharedKey(keyType), signsWith };
        return below(makeCa(options), options);
      },
    }),
  ),
  ...OTHERS,
];
