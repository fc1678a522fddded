/**
 * The audit of a whole log: every entry, and everything that follows from them up to the root
 * of each head. Pure over a source: the same code looks at a store at rest, at one that is
 * served, and at a log on the other side of the world.
 * @module
 */
import { assert, defined } from "../base/assert.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { type Frontier, frontierRoot } from "../merkle/frontier.ts";
import type { TreeHead } from "../rfc6962/tree-head.ts";
import type { TileLeaf } from "../static-ct/tile-leaf.ts";
import { auditChunk, type ChunkContext } from "./chunk.ts";
import { type Finding, finding } from "./finding.ts";

/** Entries of one chunk, unless the caller knows better: one tile. */
export const CHUNK_ENTRIES = 256;

/** A head whose root is computed on the way. */
export interface NamedHead {
  /** For people: `the guard's head`. */
  readonly name: string;
  readonly head: TreeHead;
}

/** What is audited. */
export interface AuditOptions extends Omit<ChunkContext, "head" | "knownIssuers"> {
  /** Up to which size; each entry must be older. */
  readonly head: TreeHead;
  /** Further heads of at most that size. */
  readonly heads: readonly NamedHead[];
  /** Where to begin: the tree of the entries that were audited before. */
  readonly start: Frontier;
  /** Entries at a time; a power of two up to 256. */
  readonly chunkEntries: number;
  /** Chunks that are read ahead of the one that is waited for: 0 or more. */
  readonly readAhead: number;
}

/** One step of an audit. */
export interface AuditStep {
  /** The first entry of the step. */
  readonly start: number;
  /** Entries before this one have been audited. */
  readonly position: number;
  readonly findings: readonly Finding[];
  /** The tree of the first `position` entries; undefined if damage keeps it unknown. */
  readonly frontier: Frontier | undefined;
}

/**
 * Audits step by step; memory does not grow with the log. Where a source does not answer, what
 * it throws ends the audit: it can be taken up again at the last step's frontier.
 */
export async function* audit(options: AuditOptions): AsyncGenerator<AuditStep, void, void> {
  const { head, start, source } = options;
  const heads = [...options.heads, { name: "the head", head }];
  assert(start.size <= head.treeSize, "an audit goes forward");
  const context: ChunkContext = { ...options, knownIssuers: new Set() };
  const readAhead = new ReadAhead(options, chunkEnds(options, heads));
  let frontier: Frontier | undefined = start;
  let position = start.size;
  yield { start: position, position, frontier, findings: auditRoots(options, heads, frontier) };
  for (const end of chunkEnds(options, heads)) {
    const entries = readAhead.next();
    const first = position;
    const chunk: ChunkContext = {
      ...context,
      source: {
        ...source,
        // Only the whole chunk was read ahead; its parts, after damage, are read afresh.
        entries: (from, to) => (from === first && to === end ? entries : source.entries(from, to)),
      },
    };
    const report = await auditChunk(chunk, frontier, first, end);
    position = end;
    frontier = report.frontier;
    const roots = auditRoots(options, heads, frontier ?? { size: end, hashes: undefined });
    yield { start: first, position, frontier, findings: [...report.findings, ...roots] };
  }
}

function auditRoots(
  { sha256 }: AuditOptions,
  heads: readonly NamedHead[],
  frontier: { readonly size: number; readonly hashes: readonly Uint8Array[] | undefined },
): readonly Finding[] {
  const { size, hashes } = frontier;
  const findings: Finding[] = [];
  for (const { name, head } of heads) {
    if (head.treeSize !== size) continue;
    const where = `${name} of size ${size}`;
    if (hashes === undefined) {
      findings.push(finding("root", where, "damage keeps its root from being computed"));
    } else if (!equalBytes(frontierRoot(sha256, { size, hashes }), head.rootHash)) {
      findings.push(finding("root", where, "the entries do not lead to its root"));
    }
  }
  return findings;
}

/** Chunks end at their multiples, and at the size of each head. */
function* chunkEnds(options: AuditOptions, heads: readonly NamedHead[]): Generator<number> {
  const { chunkEntries, start, head } = options;
  const sizes = heads.map((named) => named.head.treeSize).filter((size) => size <= head.treeSize);
  let position = start.size;
  while (position < head.treeSize) {
    const multiple = (Math.floor(position / chunkEntries) + 1) * chunkEntries;
    position = Math.min(multiple, ...sizes.filter((size) => size > position));
    yield position;
  }
}

/** Reads chunk after chunk, some ahead of the one that is waited for. */
class ReadAhead {
  readonly #options: AuditOptions;
  readonly #ends: Iterator<number>;
  readonly #queue: Promise<readonly TileLeaf[]>[] = [];
  /** The first entry that no read was started for. */
  #position: number;

  constructor(options: AuditOptions, ends: Iterator<number>) {
    this.#options = options;
    this.#ends = ends;
    this.#position = options.start.size;
  }

  /** The entries of the next chunk. */
  next(): Promise<readonly TileLeaf[]> {
    while (this.#queue.length <= this.#options.readAhead) {
      const end = this.#ends.next();
      if (end.done === true) break;
      const read = this.#options.source.entries(this.#position, end.value);
      // Whoever comes to it gets the error; until then it is nobody's.
      read.catch(() => {});
      this.#queue.push(read);
      this.#position = end.value;
    }
    return defined(this.#queue.shift(), "a chunk is left");
  }
}
