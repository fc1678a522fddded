/**
 * Many connections while submissions run: both APIs show one head for each (size, timestamp),
 * neither ever goes back, and every SCT is provable on another connection the moment it is
 * handed out, by proofs and by tiles. Then twins: a thousand at once get one entry.
 * @module
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { HttpStaticSource } from "../../src/client/static-ct.ts";
import { rootOfInclusion } from "../../src/merkle/verify.ts";
import { Random } from "../fuzz/fuzz.ts";
import { ReferenceTree } from "../reference/merkle.ts";
import { makeCa } from "../support/certificates.ts";
import { digest, expectedLeaf, expectedLeafHash, uint } from "../support/expected-entry.ts";
import {
  leafIndexOf,
  type RunningLog,
  requireSigned,
  type SctJson,
  startRunningLog,
} from "../support/running-log.ts";
import { sha256 } from "../support/sha256.ts";

const SUBMISSIONS = 400;
const WRITERS = 12;
const READERS = 6;
const SEED = Number(process.env["STRATUS_SEED"] ?? 7);
const CT = "/busy/ct/v1";
const root = makeCa();
const issuer = root.intermediate();
const PATH = [issuer.der, root.der];

/** A head as either API shows it. */
interface SeenHead {
  readonly size: number;
  readonly timestamp: number;
  readonly rootHash: string;
  /** Base64 of the `DigitallySigned`. */
  readonly signature: string;
}

let log: RunningLog;
let key: Awaited<ReturnType<RunningLog["publicKey"]>>;
before(async () => {
  log = await startRunningLog([
    { name: "busy", roots: [root], lines: ["batch: { intervalMs: 5, idleRefreshMs: 100 }"] },
    { name: "twins", roots: [root] },
  ]);
  key = await log.publicKey("busy");
});
after(() => log[Symbol.asyncDispose]());

/** All heads seen so far, by size and timestamp; a second form must be the same bytes. */
const heads = new Map<string, SeenHead>();
/** The newest head whose answer has arrived. */
let newest: SeenHead = { size: 0, timestamp: 0, rootHash: "", signature: "" };

/** Reads a head on a connection of its own and holds it against all that was seen. */
async function readHead(api: "get-sth" | "checkpoint"): Promise<SeenHead> {
  const floor = newest;
  const head = api === "get-sth" ? await readSth() : await readCheckpoint();
  assert.ok(head.size >= floor.size, `${api} went back from size ${floor.size} to ${head.size}`);
  assert.ok(head.timestamp >= floor.timestamp, `${api} went back in time`);
  const known = heads.get(`${head.size}/${head.timestamp}`);
  if (known === undefined) heads.set(`${head.size}/${head.timestamp}`, head);
  else assert.deepEqual(head, known, "one head, two forms");
  if (head.timestamp > newest.timestamp) newest = head;
  return head;
}

async function readSth(): Promise<SeenHead> {
  const sth = await log.json(`${CT}/get-sth`, { fresh: true });
  return {
    size: Number(sth["tree_size"]),
    timestamp: Number(sth["timestamp"]),
    rootHash: String(sth["sha256_root_hash"]),
    signature: String(sth["tree_head_signature"]),
  };
}

async function readCheckpoint(): Promise<SeenHead> {
  const { text } = await log.call("/busy/checkpoint", { fresh: true });
  const [origin, size, rootHash, empty, line = ""] = text.split("\n");
  assert.equal(origin, "log.example/busy");
  assert.equal(empty, "");
  const note = Buffer.from(line.split(" ")[2] ?? "", "base64");
  const timestamp = Number(note.readBigUInt64BE(4));
  const signature = note.subarray(12).toString("base64");
  return { size: Number(size), timestamp, rootHash: rootHash ?? "", signature };
}

/** Every way to prove an SCT, each on another connection than the one that brought it. */
async function requireProvable(sct: SctJson, leaf: Buffer, viaTiles: HttpStaticSource) {
  const index = leafIndexOf(sct);
  const hash = expectedLeafHash(leaf);
  requireSigned(key, leaf, Buffer.from(sct.signature, "base64"));
  const [sth, checkpoint] = await Promise.all([readHead("get-sth"), readHead("checkpoint")]);
  for (const head of [sth, checkpoint]) {
    assert.ok(head.size > index, `entry ${index} is not in the head of size ${head.size}`);
    assert.ok(head.timestamp >= sct.timestamp, "the head is no older than the SCT");
  }
  const query = `hash=${encodeURIComponent(hash.toString("base64"))}&tree_size=${sth.size}`;
  const byHash = await log.json(`${CT}/get-proof-by-hash?${query}`, { fresh: true });
  assert.equal(byHash["leaf_index"], index);
  const place = `leaf_index=${index}&tree_size=${sth.size}`;
  const entry = await log.json(`${CT}/get-entry-and-proof?${place}`, { fresh: true });
  assert.equal(entry["leaf_input"], leaf.toString("base64"));
  const tiled = await viaTiles.entryAndProof(index, checkpoint.size);
  assert.deepEqual(Buffer.from(tiled.leafInput), leaf);
  for (const [path, head] of [
    [byHash["audit_path"], sth],
    [entry["audit_path"], sth],
    [tiled.path.map((node) => Buffer.from(node).toString("base64")), checkpoint],
  ] as const) {
    assert.ok(Array.isArray(path));
    const hashes = path.map((node) => new Uint8Array(Buffer.from(String(node), "base64")));
    const rootHash = rootOfInclusion(sha256, {
      leafHash: hash,
      leafIndex: index,
      treeSize: head.size,
      path: hashes,
    });
    assert.equal(Buffer.from(rootHash).toString("base64"), head.rootHash);
  }
  const tile = Math.floor(index / 256);
  const width = (index % 256) + 1;
  const name = `${String(tile).padStart(3, "0")}${width === 256 ? "" : `.p/${width}`}`;
  const hashTile = await log.call(`/busy/tile/0/${name}`, { fresh: true });
  assert.ok(hashTile.body.subarray(-32).equals(hash), `tile/0/${name}`);
  const dataTile = await log.call(`/busy/tile/data/${name}`, { fresh: true });
  assert.ok(gunzipSync(dataTile.body).includes(leaf.subarray(2)), `tile/data/${name}`);
}

test(`${SUBMISSIONS} submissions on ${WRITERS} connections, watched by ${READERS}, seed ${SEED}`, async (t) => {
  const random = new Random(SEED);
  const viaTiles = new HttpStaticSource({
    url: log.url("busy"),
    origin: "log.example/busy",
    logId: digest(key.export({ format: "der", type: "spki" })),
    sha256,
  });
  const leaves = new Map<number, Uint8Array>();
  let left = SUBMISSIONS;
  let writers = WRITERS;
  const write = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      // Some are sent again, at the same time or later.
      const serial = 1 + random.below(SUBMISSIONS);
      const precert = serial % 2 === 0;
      const leaf = leaves.get(serial) ?? issuer.issue({ serial, precert });
      leaves.set(serial, leaf);
      const entry = precert
        ? { tbs: issuer.tbs({ serial }), issuerSpki: issuer.spki }
        : { certificate: leaf };
      const endpoint = precert ? "add-pre-chain" : "add-chain";
      const sct = await log.submitted("busy", endpoint, [leaf, issuer.der]);
      const logged = expectedLeaf(entry, sct.timestamp, leafIndexOf(sct));
      await requireProvable(sct, logged, viaTiles);
    }
    writers -= 1;
  };
  const read = async (reader: number): Promise<void> => {
    while (writers > 0) await readHead(reader % 2 === 0 ? "get-sth" : "checkpoint");
  };
  await Promise.all([
    ...Array.from({ length: WRITERS }, write),
    ...Array.from({ length: READERS }, (_, reader) => read(reader)),
  ]);
  // Every head that anyone saw is the head of one tree.
  const leafHashes = await readLeafHashes(newest.size);
  const tree = new ReferenceTree(leafHashes);
  const hashes = new Set(leafHashes.map((hash) => hash.toString("hex")));
  assert.equal(hashes.size, leafHashes.length, "no entry stands twice");
  const inOrder = [...heads.values()].sort((a, b) => a.timestamp - b.timestamp);
  let size = 0;
  for (const head of inOrder) {
    assert.ok(head.size >= size, "sizes grow with time");
    size = head.size;
    const rootHash = tree.root(0, head.size);
    assert.equal(head.rootHash, Buffer.from(rootHash).toString("base64"));
    const signed = [uint(1, 2), uint(head.timestamp, 8), uint(head.size, 8), rootHash];
    requireSigned(key, Buffer.concat(signed), Buffer.from(head.signature, "base64"));
  }
  t.diagnostic(`${heads.size} heads, ${newest.size} entries`);
});

async function readLeafHashes(size: number): Promise<readonly Buffer[]> {
  const hashes: Buffer[] = [];
  while (hashes.length < size) {
    const range = `start=${hashes.length}&end=${size - 1}`;
    const { entries } = await log.json(`${CT}/get-entries?${range}`);
    assert.ok(Array.isArray(entries) && entries.length > 0);
    for (const { leaf_input: input } of entries) {
      hashes.push(expectedLeafHash(Buffer.from(input, "base64")));
    }
  }
  return hashes;
}

for (const endpoint of ["add-chain", "add-pre-chain"] as const) {
  test(`${endpoint}: a thousand concurrent twins get one entry, one timestamp and one index`, async () => {
    const precert = endpoint === "add-pre-chain";
    const serial = 9_000_000 + (precert ? 1 : 0);
    const before = Number((await log.json("/twins/ct/v1/get-sth"))["tree_size"]);
    const leaf = issuer.issue({ serial, precert });
    const chains = [
      [leaf, issuer.der],
      [leaf, issuer.der, root.der],
    ];
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, async (_, index): Promise<SctJson> => {
        const chain = chains[index % 2] ?? assert.fail();
        const { status, text } = await log.submit("twins", endpoint, chain, { fresh: true });
        assert.equal(status, 200, text);
        return JSON.parse(text);
      }),
    );
    const places = new Set(answers.map((sct) => `${sct.timestamp} ${sct.extensions}`));
    assert.equal(places.size, 1);
    assert.equal((await log.json("/twins/ct/v1/get-sth"))["tree_size"], before + 1);
    const [sct] = answers;
    assert.ok(sct !== undefined);
    assert.equal(leafIndexOf(sct), before);
    await log.requireLogged("twins", sct, {
      entry: precert
        ? { tbs: issuer.tbs({ serial }), issuerSpki: issuer.spki }
        : { certificate: leaf },
      ...(precert ? { precertificate: leaf } : {}),
      path: PATH,
    });
    // Later twins too, and after a restart.
    await log.restart();
    const later = await log.submitted("twins", endpoint, [leaf, issuer.der]);
    assert.equal(`${later.timestamp} ${later.extensions}`, [...places][0]);
  });
}
