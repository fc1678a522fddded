/**
 * An entry, held against a head whose signature was verified: its leaf hash is computed from
 * its bytes, and from there the audit path hash by hash up to the signed root.
 * @module
 */
import { MalformedError, messageOf } from "../../base/errors.ts";
import { formatBase64 } from "../../encoding/base64.ts";
import { equalBytes } from "../../encoding/bytes.ts";
import { hashLeaf } from "../../merkle/hash.ts";
import { type TraceStep, traceInclusion } from "../../merkle/trace.ts";
import { decodeExtraData, decodeMerkleTreeLeaf } from "../../rfc6962/entry.ts";
import { parseEntryAndProofJson } from "../../rfc6962/json.ts";
import type { TreeHead } from "../../rfc6962/tree-head.ts";
import { decodeLeafIndexExtension } from "../../static-ct/extensions.ts";
import { parseCertificate } from "../../x509/certificate.ts";
import { verifyLoggedTbs } from "../../x509/logged-tbs.ts";
import { formatCount } from "../view/format.ts";
import type { Step, World } from "./world.ts";

/** An entry and the way from it to a root. */
export interface CheckedEntry {
  readonly leafIndex: number;
  readonly treeSize: number;
  readonly leafInput: Uint8Array;
  readonly extraData: Uint8Array;
  readonly leafHash: Uint8Array;
  readonly path: readonly Uint8Array[];
  /** From the leaf to the root; empty where the path does not fit the tree. */
  readonly trace: readonly TraceStep[];
  /** Whether the trace ends in the signed root. */
  readonly isIncluded: boolean;
  readonly steps: readonly Step[];
}

/**
 * Fetches an entry and checks it against `head`.
 * @throws AnswerError; MalformedError if the answer is no entry.
 */
export async function checkEntry(
  world: World,
  head: TreeHead,
  leafIndex: number,
): Promise<CheckedEntry> {
  const { treeSize } = head;
  const query = `ct/v1/get-entry-and-proof?leaf_index=${leafIndex}&tree_size=${treeSize}`;
  const { leafInput, extraData, path } = parseEntryAndProofJson(await world.api.get(query));
  const leafHash = hashLeaf(world.sha256, leafInput);
  const { trace, step } = followPath(world, head, { leafIndex, treeSize, leafHash, path });
  const contents = await stepsOfContents(world, leafIndex, leafInput, extraData).catch(
    (thrown: unknown): readonly Step[] => {
      if (!(thrown instanceof MalformedError)) throw thrown;
      const text = `The leaf and what stands beside it are no entry: ${thrown.message}.`;
      return [{ name: "Contents", state: "bad", text }];
    },
  );
  const isIncluded = step.state === "ok";
  const steps = [step, ...contents];
  return { leafIndex, treeSize, leafInput, extraData, leafHash, path, trace, isIncluded, steps };
}

function followPath(
  world: World,
  head: TreeHead,
  claim: Parameters<typeof traceInclusion>[1],
): { readonly trace: readonly TraceStep[]; readonly step: Step } {
  const name = "Inclusion";
  try {
    const trace = traceInclusion(world.sha256, claim);
    const root = trace.at(-1)?.hash ?? claim.leafHash;
    if (equalBytes(root, head.rootHash)) {
      const text = `Leaf ${formatCount(claim.leafIndex)} is in the signed tree of ${formatCount(head.treeSize)}: ${trace.length} hashes lead from it to the root.`;
      return { trace, step: { name, state: "ok", text } };
    }
    const text =
      "The audit path does not lead to the signed root: this entry, as it was shown to you, is not in the log\u2019s tree.";
    return { trace, step: { name, state: "bad", text } };
  } catch (thrown) {
    if (!(thrown instanceof MalformedError)) throw thrown;
    const text = `The audit path is none: ${thrown.message}.`;
    return { trace: [], step: { name, state: "bad", text } };
  }
}

/** What the leaf says of itself, and what stands beside it. */
async function stepsOfContents(
  world: World,
  leafIndex: number,
  leafInput: Uint8Array,
  extraData: Uint8Array,
): Promise<readonly Step[]> {
  const { entry, extensions } = decodeMerkleTreeLeaf(leafInput);
  const steps: Step[] = [stepOfIndex(leafIndex, extensions)];
  const { precertificate, chain } = decodeExtraData(entry.type, extraData);
  if (entry.type === "precert" && precertificate !== undefined) {
    steps.push(await stepOfTbs(precertificate, entry.tbs, chain));
    steps.push(stepOfIssuer(world, entry.issuerKeyHash, chain));
  }
  return steps;
}

function stepOfIndex(leafIndex: number, extensions: Uint8Array): Step {
  const name = "Index";
  try {
    const stated = decodeLeafIndexExtension(extensions);
    return stated === leafIndex
      ? { name, state: "ok", text: "The leaf itself states this index." }
      : { name, state: "bad", text: `The leaf states index ${stated}.` };
  } catch (thrown) {
    if (!(thrown instanceof MalformedError)) throw thrown;
    return {
      name,
      state: "warn",
      text: "The leaf states no index: the log has no such extension.",
    };
  }
}

async function stepOfTbs(
  precertificate: Uint8Array,
  tbs: Uint8Array,
  chain: readonly Uint8Array[],
): Promise<Step> {
  const name = "Precertificate";
  try {
    await verifyLoggedTbs({ precertificate, tbs }, async () => chain[0]);
    const text = "Without its poison it is the TBSCertificate in the leaf, byte for byte.";
    return { name, state: "ok", text };
  } catch (thrown) {
    return { name, state: "bad", text: `${messageOf(thrown)}.` };
  }
}

/** The issuer's key is named in the leaf; the certificates themselves are not. */
function stepOfIssuer(world: World, issuerKeyHash: Uint8Array, chain: readonly Uint8Array[]): Step {
  const name = "Issuer";
  const isNamed = chain.slice(0, 2).some((der) => {
    try {
      return equalBytes(world.sha256(parseCertificate(der).spki), issuerKeyHash);
    } catch (thrown) {
      if (thrown instanceof MalformedError) return false;
      throw thrown;
    }
  });
  return isNamed
    ? {
        name,
        state: "ok",
        text: "The key of the issuer in the chain is the one that the leaf names.",
      }
    : { name, state: "bad", text: "No certificate of the chain has the key that the leaf names." };
}

/** The entry's part of a file of evidence. */
export function entryEvidence(entry: CheckedEntry): {
  readonly leafIndex: number;
  readonly leafInput: string;
  readonly auditPath: readonly string[];
} {
  return {
    leafIndex: entry.leafIndex,
    leafInput: formatBase64(entry.leafInput),
    auditPath: entry.path.map((hash) => formatBase64(hash)),
  };
}
