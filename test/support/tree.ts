/**
 * A tree in memory, grown by `appendLeaves`: every complete subtree by level and index.
 * @module
 */
import { appendLeaves, EMPTY_FRONTIER, type Frontier } from "../../src/merkle/frontier.ts";
import type { NodeId } from "../../src/merkle/node.ts";
import { assembleProof, type ProofPlan } from "../../src/merkle/proof.ts";
import { sha256 } from "./sha256.ts";

/** Checks that each run continues its level, and serves the hashes of plans. */
export class TestTree {
  readonly levels: Uint8Array[][] = [];
  frontier: Frontier = EMPTY_FRONTIER;

  append(leafHashes: readonly Uint8Array[]): void {
    const { frontier, runs } = appendLeaves(sha256, this.frontier, leafHashes);
    for (const run of runs) {
      this.levels[run.level] ??= [];
      const level = this.levels[run.level]!;
      if (run.start !== level.length) throw new Error(`level ${run.level}: gap at ${run.start}`);
      level.push(...run.hashes);
    }
    this.frontier = frontier;
  }

  node(id: NodeId): Uint8Array {
    const hash = this.levels[id.level]?.[id.index];
    if (hash === undefined) throw new Error(`no node ${id.level}, ${id.index}`);
    return hash;
  }

  prove(plan: ProofPlan): readonly Uint8Array[] {
    return assembleProof(
      sha256,
      plan,
      plan.nodes.map((id) => this.node(id)),
    );
  }
}

/** Leaf `index` of the trees of tests: its number in ASCII. */
export function testLeaf(index: number): Uint8Array {
  return new TextEncoder().encode(`leaf ${index}`);
}
