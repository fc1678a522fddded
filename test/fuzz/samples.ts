/**
 * Chains that fuzzing starts from: made ones, and real ones where ../shared/corpus is there.
 * A chain is one input: the endpoint, then each certificate behind its length.
 *
 * ```
 * uint8 endpoint; opaque certificate<0..2^24-1> [..]
 * ```
 * @module
 */
import { existsSync, readFileSync } from "node:fs";
import { concatBytes } from "../../src/encoding/bytes.ts";
import type { Endpoint } from "../../src/policy/admission.ts";
import { parsePem } from "../../src/x509/roots.ts";
import { mutateDer } from "./der.ts";
import { mutateBytes, type Random } from "./fuzz.ts";

/** The file samples.json: bytes in hex. */
export interface SampleFile {
  readonly source: string;
  readonly roots: readonly string[];
  readonly chains: readonly { readonly endpoint: Endpoint; readonly chain: readonly string[] }[];
}

/** A submission. */
export interface FuzzChain {
  readonly endpoint: Endpoint;
  readonly chain: readonly Uint8Array[];
}

const CORPUS = new URL("../../../shared/corpus/", import.meta.url);

/** Of the 512 real precertificates every so manieth. */
const CORPUS_STEP = 16;

const file = JSON.parse(
  readFileSync(new URL("samples.json", import.meta.url), "utf8"),
) as SampleFile;

const corpusChains: readonly FuzzChain[] = corpusLines("precert-chains.jsonl").map((line) => ({
  endpoint: "add-pre-chain",
  chain: (line["chain"] as readonly string[]).map(ofBase64),
}));

const corpusCertificates: readonly Uint8Array[] = corpusLines("precert-tbs.jsonl")
  .filter((_, index) => index % CORPUS_STEP === 0)
  .map((line) => ofBase64(line["precertificate"] as string));

/** Whether real data are among the samples: a seed replays only with the same ones. */
export const HAS_CORPUS: boolean = corpusChains.length > 0;

/** Whole submissions. */
export const CHAINS: readonly FuzzChain[] = [
  ...file.chains.map(({ endpoint, chain }) => ({ endpoint, chain: chain.map(ofHex) })),
  ...corpusChains,
];

/** Roots of {@link CHAINS}. */
export const ROOTS: readonly Uint8Array[] = [
  ...file.roots.map(ofHex),
  ...(HAS_CORPUS ? corpusRoots() : []),
];

/** Certificates, each once. */
export const CERTIFICATES: readonly Uint8Array[] = [
  ...new Map(
    [...CHAINS.flatMap(({ chain }) => chain), ...corpusCertificates].map((der) => [
      Buffer.from(der).toString("latin1"),
      der,
    ]),
  ).values(),
];

/** Certificates of a chain at most: more cannot come from mutations. */
const CERTIFICATES_MAX = 20;

/** A chain as one input. */
export function encodeChain({ endpoint, chain }: FuzzChain): Uint8Array {
  const parts = chain.map((der) => {
    const length = [der.length / 65_536, der.length / 256, der.length].map((part) => part % 256);
    return concatBytes(Uint8Array.from(length), der);
  });
  return concatBytes(Uint8Array.of(endpoint === "add-chain" ? 0 : 1), ...parts);
}

/** The chain that any input stands for. */
export function decodeChain(input: Uint8Array): FuzzChain {
  const endpoint: Endpoint = (input[0] ?? 0) % 2 === 0 ? "add-chain" : "add-pre-chain";
  const chain: Uint8Array[] = [];
  for (let at = 1; at + 3 <= input.length && chain.length < CERTIFICATES_MAX; ) {
    const [high = 0, middle = 0, low = 0] = input.subarray(at, at + 3);
    const end = Math.min(input.length, at + 3 + high * 65_536 + middle * 256 + low);
    chain.push(input.slice(at + 3, end));
    at = end;
  }
  return { endpoint, chain };
}

/** Changes one certificate inside, or the chain's order, length or endpoint. */
export function mutateChain(
  random: Random,
  input: Uint8Array,
  samples: readonly Uint8Array[],
): Uint8Array {
  const { endpoint, chain } = decodeChain(input);
  const changed = [...chain];
  const at = random.below(chain.length + 1);
  const der = chain[at];
  switch (random.below(8)) {
    case 0:
      changed.splice(at, 1);
      break;
    case 1:
      changed.splice(at, 0, random.pick(CERTIFICATES));
      break;
    case 2:
      changed.splice(at, 1, ...chain.slice(0, 1));
      break;
    case 3:
      return encodeChain({
        endpoint: endpoint === "add-chain" ? "add-pre-chain" : "add-chain",
        chain,
      });
    case 4:
      return mutateBytes(random, input, samples);
    default:
      // Mostly the leaf: what is wrong with an issuer is seen before.
      if (random.below(2) === 0 && chain[0] !== undefined) changed[0] = mutateDer(random, chain[0]);
      else if (der !== undefined) changed[at] = mutateDer(random, der);
  }
  return encodeChain({ endpoint, chain: changed });
}

function corpusLines(name: string): readonly Readonly<Record<string, unknown>>[] {
  const url = new URL(name, CORPUS);
  if (!existsSync(url)) return [];
  return readFileSync(url, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** The roots that the real chains end in: a store of hundreds would only cost time. */
function corpusRoots(): readonly Uint8Array[] {
  const ends = new Set(
    corpusChains.map(({ chain }) => Buffer.from(chain.at(-1) ?? []).toString("hex")),
  );
  return parsePem(readFileSync(new URL("roots.pem", CORPUS), "utf8")).filter((der) =>
    ends.has(Buffer.from(der).toString("hex")),
  );
}

function ofHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "hex"));
}

function ofBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "base64"));
}
