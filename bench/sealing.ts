/**
 * What sealing costs, and what reads of sealed entries do: CPU of this process, thread pool and
 * garbage collector included, and bytes on the disk. `scripts/node24 bench/sealing.ts [folder]`.
 * @module
 */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { concatBytes } from "../src/encoding/bytes.ts";
import { lockFolder } from "../src/lock/folder-lock.ts";
import {
  appendLeaves,
  EMPTY_FRONTIER,
  type Frontier,
  frontierRoot,
} from "../src/merkle/frontier.ts";
import { hashLeaf } from "../src/merkle/hash.ts";
import { encodeMerkleTreeLeaf, encodeSignedEntry } from "../src/rfc6962/entry.ts";
import type { TreeHead } from "../src/rfc6962/tree-head.ts";
import { sha256 } from "../src/signer/sha256.ts";
import { encodeLeafIndexExtension } from "../src/static-ct/extensions.ts";
import { encodeTileLeaf, type TileLeaf } from "../src/static-ct/tile-leaf.ts";
import { createLevelStore, LEVEL_DEFAULTS } from "../src/storage/level/folder.ts";
import { type LevelStore, openLevelStore } from "../src/storage/level/level-store.ts";
import { REAL_SEAM } from "../src/storage/level/real.ts";
import { sealSegment } from "../src/storage/level/seal-segment.ts";
import { deriveAuthority, PrecertificateTemplate } from "./certificates.ts";
import { describeMachine } from "./machine.ts";
import { diskUsageBytes } from "./process.ts";

const SEED = 42;
const SEGMENTS = 6;
const SEGMENT_ENTRIES = 4_096;
const GROUP_ENTRIES = 1_024;
const READS = 2_000;
const OPTIONS = { ...LEVEL_DEFAULTS, sha256, lockFolder, seam: REAL_SEAM };
const IDENTITY = {
  name: "sealing",
  logId: new Uint8Array(32),
  origin: "log.example/sealing",
  type: "static-ct-api",
  notAfterStartMs: 0,
  notAfterLimitMs: 1,
} as const;

const print = (line: string) => process.stdout.write(`${line}\n`);

/** Precertificates as the load generator's, with signatures of noise. */
function* makeLeaves(): Generator<TileLeaf> {
  const authority = deriveAuthority("rsa2048", SEED);
  const template = new PrecertificateTemplate(authority, SEED);
  const chainFingerprints = [sha256(authority.intermediate), sha256(authority.root)];
  const { issuerKeyHash } = authority;
  for (let index = 0; ; index += 1) {
    yield {
      timestampMs: 1_767_225_600_000 + index,
      entry: { type: "precert", issuerKeyHash, tbs: template.loggedTbs(index) },
      extensions: encodeLeafIndexExtension(index),
      precertificate: template.assemble(index, randomBytes(256)),
      chainFingerprints,
    };
  }
}

async function fill(store: LevelStore): Promise<void> {
  const made = makeLeaves();
  let frontier: Frontier = EMPTY_FRONTIER;
  let expected: TreeHead | undefined;
  while (frontier.size < SEGMENTS * SEGMENT_ENTRIES) {
    const leaves = Array.from({ length: GROUP_ENTRIES }, () => made.next().value as TileLeaf);
    const hashes = leaves.map((leaf) => hashLeaf(sha256, encodeMerkleTreeLeaf(leaf)));
    const appended = appendLeaves(sha256, frontier, hashes);
    frontier = appended.frontier;
    const rootHash = frontierRoot(sha256, frontier);
    const head = { treeSize: frontier.size, timestampMs: frontier.size, rootHash };
    const entries = leaves.map((leaf) => encodeTileLeaf(leaf));
    await store.commit({
      expected,
      head,
      entries,
      entriesSha256: sha256(concatBytes(...entries)),
      issuers: [],
      runs: appended.runs,
      dedupKeys: leaves.map(({ entry }) => sha256(encodeSignedEntry(entry))),
      timestampsMs: leaves.map(({ timestampMs }) => timestampMs),
    });
    expected = head;
  }
}

/** Prints what `act` costs, divided by `units`: this process's CPU and its main thread's. */
async function measure(name: string, units: number, act: () => Promise<void>): Promise<void> {
  const all = process.cpuUsage();
  const main = process.threadCpuUsage();
  await act();
  const { user, system } = process.cpuUsage(all);
  const thread = process.threadCpuUsage(main);
  const perUnit = (us: number) => (us / units).toFixed(1);
  const own = perUnit(thread.user + thread.system);
  print(`${name}: ${perUnit(user + system)} us of CPU, ${own} of them in the main thread`);
}

async function measureReads(store: LevelStore, what: string): Promise<void> {
  const below = (limit: number) => Math.floor(Math.random() * limit);
  const reads = (width: number) => async () => {
    for (let count = 0; count < READS / Math.ceil(width / 64); count += 1) {
      const start = width * below((SEGMENTS * SEGMENT_ENTRIES) / width);
      await store.readEntries(start, start + width);
    }
  };
  await measure(`${what}, one entry`, READS, reads(1));
  for (const width of [64, 256]) {
    const units = (READS / Math.ceil(width / 64)) * width;
    await measure(`${what}, pages of ${width}, an entry`, units, reads(width));
  }
}

async function run(parent: string): Promise<void> {
  const folder = await mkdtemp(join(parent, "stratus-sealing-"));
  try {
    await createLevelStore(folder, IDENTITY, OPTIONS);
    await using store = await openLevelStore(folder, OPTIONS);
    await fill(store);
    const size = SEGMENTS * SEGMENT_ENTRIES;
    const bytesOf = (name: string) => Math.round(diskUsageBytes(join(folder, name)) / size);
    print(describeMachine());
    print(`as committed: ${bytesOf("entries")} bytes an entry, and ${bytesOf("db")} of indexes`);
    await measureReads(store, "as committed");
    const places = store.sealing.places();
    const pause = () => new Promise<void>((resolve) => setImmediate(resolve));
    await sealSegment(store.sealing, 0, pause);
    await measure("sealing, an entry", (SEGMENTS - 1) * SEGMENT_ENTRIES, async () => {
      for (let segment = 1; segment < SEGMENTS; segment += 1) {
        await sealSegment(store.sealing, segment, pause);
      }
    });
    for (let segment = 0; segment < SEGMENTS; segment += 1) await places.entries.remove(segment);
    print(`sealed: ${bytesOf("sealed")} bytes an entry`);
    await measureReads(store, "sealed");
    await measure("sealed, a data tile as it is served", READS, async () => {
      for (let read = 0; read < READS; read += 1) await store.readSealedTile(read % 96);
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

await run(process.argv[2] ?? tmpdir());
