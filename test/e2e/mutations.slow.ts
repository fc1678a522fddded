/**
 * Bad input over HTTP: seeded mutations of sound submissions. Each is refused with its 4xx, or
 * is taken and then logged exactly; the log goes on. `STRATUS_MUTATIONS` sets how many,
 * `STRATUS_SEED` which.
 * @module
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { mutateBytes, Random } from "../fuzz/fuzz.ts";
import { ReferenceTree } from "../reference/merkle.ts";
import { type BaseChain, makeBaseChains } from "../support/base-chains.ts";
import { expectedLeaf, expectedLeafHash } from "../support/expected-entry.ts";
import {
  chainJson,
  leafIndexOf,
  type RunningLog,
  requireSigned,
  type SctJson,
  startRunningLog,
} from "../support/running-log.ts";

const COUNT = Number(process.env["STRATUS_MUTATIONS"] ?? 10_000);
const SEED = Number(process.env["STRATUS_SEED"] ?? 1);
const WORKERS = 16;
const bases = makeBaseChains();
const samples = bases.flatMap(({ chain }) => chain);
const ENDPOINTS = ["add-chain", "add-pre-chain"] as const;

let log: RunningLog;
before(async () => {
  const roots = new Set(bases.map(({ root }) => root));
  log = await startRunningLog([{ name: "bad", roots: [...roots] }]);
});
after(() => log[Symbol.asyncDispose]());

/** A mutated submission. */
interface Mutation {
  readonly base: BaseChain;
  readonly endpoint: (typeof ENDPOINTS)[number];
  readonly body: Uint8Array;
}

function nextMutation(random: Random): Mutation {
  const base = random.pick(bases);
  const endpoint = random.below(8) === 0 ? random.pick(ENDPOINTS) : base.endpoint;
  const chain = [...base.chain];
  const at = random.below(chain.length);
  const certificate = chain[at] ?? assert.fail();
  switch (random.below(8)) {
    case 0: {
      // The JSON text itself.
      const body = mutateBytes(random, Buffer.from(chainJson(chain)), [certificate]);
      return { base, endpoint, body };
    }
    case 1:
      chain.splice(at, random.below(2), random.pick(samples));
      break;
    case 2:
      chain.splice(at, 1);
      break;
    case 3:
      chain[at] = twistTlv(random, certificate);
      break;
    default:
      for (let rounds = random.below(3); rounds >= 0; rounds -= 1) {
        chain[at] = mutateBytes(random, chain[at] ?? certificate, samples);
      }
  }
  return { base, endpoint, body: Buffer.from(chainJson(chain)) };
}

/** Changes the tag or the length octet of one of the outer TLVs. */
function twistTlv(random: Random, certificate: Uint8Array): Uint8Array {
  const twisted = Uint8Array.from(certificate);
  let at = 0;
  for (let depth = random.below(6); depth > 0 && at + 4 < twisted.length; depth -= 1) {
    const length = twisted[at + 1] ?? 0;
    at += length < 0x80 ? 2 : 2 + (length - 0x80);
  }
  at = Math.min(at + random.below(2), twisted.length - 1);
  twisted[at] = random.below(256);
  return twisted;
}

test(`${COUNT} mutations are refused or logged exactly, seed ${SEED}`, async (t) => {
  const sound = new Map<BaseChain, SctJson>();
  for (const base of bases) sound.set(base, await log.submitted("bad", base.endpoint, base.chain));
  const key = await log.publicKey("bad");
  const random = new Random(SEED);
  const histogram = new Map<string, number>();
  /** Leaf hash of everything that was taken, by index. */
  const taken = new Map<number, Buffer>();
  for (const [{ entry }, sct] of sound) {
    const index = leafIndexOf(sct);
    taken.set(index, expectedLeafHash(expectedLeaf(entry, sct.timestamp, index)));
  }
  let left = COUNT;
  const work = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const { base, endpoint, body } = nextMutation(random);
      const target = `/bad/ct/v1/${endpoint}`;
      const { status, text } = await log.call(target, { body });
      const about = `${base.title} to ${endpoint}: ${Buffer.from(body).toString("base64")}`;
      const reason = status === 200 ? "taken" : reasonOf(text);
      const bar = `${status} ${reason}`;
      histogram.set(bar, (histogram.get(bar) ?? 0) + 1);
      if (status === 400) continue;
      assert.equal(status, 200, `${text} ${about}`);
      const sct: SctJson = JSON.parse(text);
      const index = leafIndexOf(sct);
      const leaf = expectedLeaf(entryOf(endpoint, body, base), sct.timestamp, index);
      requireSigned(key, leaf, Buffer.from(sct.signature, "base64"));
      const hash = expectedLeafHash(leaf);
      assert.ok(taken.get(index)?.equals(hash) ?? true, `two entries at ${index}: ${about}`);
      taken.set(index, hash);
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
  for (const [bar, count] of [...histogram].sort()) t.diagnostic(`${count} x ${bar}`);
  await requireWhole(taken);
  for (const [{ endpoint, chain }, sct] of sound) {
    const again = await log.submitted("bad", endpoint, chain);
    assert.deepEqual([again.timestamp, again.extensions], [sct.timestamp, sct.extensions]);
  }
});

/**
 * What must have been logged for a mutation that was taken. A precertificate is taken only with
 * a good signature, so its TBS is that of a base; which one, its bytes tell.
 */
function entryOf(endpoint: string, body: Uint8Array, base: BaseChain): BaseChain["entry"] {
  const { chain } = JSON.parse(Buffer.from(body).toString("utf8"));
  const first = Buffer.from(String(chain[0]), "base64");
  if (endpoint === "add-chain") return { certificate: first };
  const same = bases.find(({ chain: [leaf] }) => leaf !== undefined && first.equals(leaf));
  return (same ?? base).entry;
}

/** The steps of a refusal without what depends on the input. */
function reasonOf(text: string): string {
  const detail = text.split("\n")[1] ?? "";
  const steps = detail.replace(/^bad: /, "").split(": ");
  return steps
    .filter((step) => !/\d|"/.test(step))
    .slice(0, 3)
    .join(": ");
}

/** The tree holds what was taken and nothing else, and its root says so. */
async function requireWhole(taken: ReadonlyMap<number, Buffer>): Promise<void> {
  const head = await log.json("/bad/ct/v1/get-sth");
  const size = Number(head["tree_size"]);
  assert.equal(size, taken.size);
  const hashes: Buffer[] = [];
  while (hashes.length < size) {
    const range = `start=${hashes.length}&end=${size - 1}`;
    const { entries } = await log.json(`/bad/ct/v1/get-entries?${range}`);
    assert.ok(Array.isArray(entries) && entries.length > 0);
    for (const { leaf_input: input } of entries) {
      hashes.push(expectedLeafHash(Buffer.from(input, "base64")));
    }
  }
  for (const [index, hash] of hashes.entries()) {
    assert.ok(taken.get(index)?.equals(hash), `entry ${index} is what was sent`);
  }
  const rootHash = Buffer.from(new ReferenceTree(hashes).root(0, size)).toString("base64");
  assert.equal(head["sha256_root_hash"], rootHash);
}
