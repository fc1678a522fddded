/**
 * What would become of a submission: the judge's verdict on a chain, and whether its entry is
 * logged already. The checks are those of add-chain and add-pre-chain, by the same call;
 * nothing is sequenced, signed or remembered as an answer.
 * @module
 */
import { FatalError, MalformedError, RejectedError } from "../base/errors.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { hashLeaf, type Sha256 } from "../merkle/hash.ts";
import { encodeMerkleTreeLeaf, type SignedEntry } from "../rfc6962/entry.ts";
import type { Submission } from "../sequencer/message.ts";
import { encodeLeafIndexExtension } from "../static-ct/extensions.ts";
import type { DedupHit, StoreReader } from "../storage/store.ts";
import { type Certificate, parseCertificate } from "../x509/certificate.ts";
import { formatName } from "../x509/name.ts";
import { poisonOf } from "../x509/precert.ts";
import type { Judge } from "./judge.ts";
import type { SubmitEndpoint } from "./log.ts";

/** A certificate of a path, for people. */
export interface PathStep {
  /** Like RFC 4514. */
  readonly subject: string;
  /** SHA-256 of its DER; 32 bytes. */
  readonly fingerprint: Uint8Array;
}

/** What would be logged. */
export interface Acceptance {
  readonly entryType: SignedEntry["type"];
  /** SHA-256 of the issuer's SubjectPublicKeyInfo; undefined for an entry of type x509. */
  readonly issuerKeyHash: Uint8Array | undefined;
  /** SHA-256 of the TBSCertificate that is logged; undefined for an entry of type x509. */
  readonly tbsHash: Uint8Array | undefined;
  /** What follows the certificate, the accepted root last; empty for a root alone. */
  readonly path: readonly PathStep[];
  /** The accepted root: the end of the path, or the certificate itself. */
  readonly root: PathStep;
  /** Low gives way when the log is full. */
  readonly priority: Submission["priority"];
  /** Where the entry stands already; null: it does not; undefined: nobody looked. */
  readonly duplicate: DedupHit | null | undefined;
}

/** The answer to a dry run. */
export interface Verdict {
  /** Where the chain was judged for. */
  readonly endpoint: SubmitEndpoint;
  /** Name of a shard whose window takes the certificate and that is open; undefined: none here. */
  readonly takenBy: string | undefined;
  /** Why it would be refused; undefined: it would be taken. */
  readonly refusal: MalformedError | RejectedError | undefined;
  /** Undefined exactly if there is a refusal. */
  readonly accepted: Acceptance | undefined;
}

/** What a chain is validated with. */
export interface ValidateOptions {
  readonly judge: Judge;
  readonly sha256: Sha256;
  /** Name of the judge's shard. */
  readonly shard: string;
  /** @throws RejectedError if the shard takes nothing yet, or nothing any more. */
  readonly requireTaking: () => void;
  /** Where the entry stands in the published tree; undefined: nobody looks. */
  readonly findDuplicate: ((submission: Submission) => Promise<DedupHit | null>) | undefined;
}

/**
 * Judges a chain as the endpoint would, and looks whether its entry is logged.
 * @param endpoint Undefined: add-pre-chain if the first certificate carries the poison.
 * @param chain DER, leaf first; an attacker's.
 * @throws UnavailableError, FatalError: no verdict can be given now.
 */
export async function validateChain(
  options: ValidateOptions,
  endpoint: SubmitEndpoint | undefined,
  chain: readonly Uint8Array[],
): Promise<Verdict> {
  const { judge, sha256 } = options;
  const leaf = readLeaf(chain);
  const isPoisoned = leaf !== undefined && poisonOf(leaf).count > 0;
  const judgedFor = endpoint ?? (isPoisoned ? "add-pre-chain" : "add-chain");
  const takenBy = leaf && judge.takerOf(leaf.notAfterMs, options.shard);
  const common = { endpoint: judgedFor, takenBy };
  let submission: Submission;
  try {
    options.requireTaking();
    // No fullness: a dry run is told about the certificate, not about the moment.
    submission = judge.judge(judgedFor, chain, 0);
  } catch (error) {
    if (!(error instanceof MalformedError || error instanceof RejectedError)) throw error;
    return { ...common, refusal: error, accepted: undefined };
  }
  const { entry, issuers, priority } = submission;
  const path = issuers.map(({ der, fingerprint }) => stepOf(parseCertificate(der), fingerprint));
  // Only a root stands alone, and it was parsed before it was judged.
  const itself = leaf && stepOf(leaf, sha256(leaf.der));
  const root = path.at(-1) ?? itself;
  if (root === undefined) throw new RangeError("what was judged has parsed");
  const accepted: Acceptance = {
    entryType: entry.type,
    issuerKeyHash: entry.type === "precert" ? entry.issuerKeyHash : undefined,
    tbsHash: entry.type === "precert" ? sha256(entry.tbs) : undefined,
    path,
    root,
    priority,
    duplicate: await options.findDuplicate?.(submission),
  };
  return { ...common, refusal: undefined, accepted };
}

/**
 * Looks an entry up, and proves a hit against the level-0 hash of the tree.
 * @param publishedSize Read after the index: what is committed but not published is not told.
 * @throws FatalError `FATAL_STORE_CORRUPT` if the index names another entry's place.
 */
export async function findPublished(
  sha256: Sha256,
  store: StoreReader,
  { entry, dedupKey }: Submission,
  publishedSize: () => number,
): Promise<DedupHit | null> {
  const [hit] = await store.findDuplicates([dedupKey]);
  if (hit === undefined || hit.leafIndex >= publishedSize()) return null;
  const { leafIndex, timestampMs } = hit;
  const extensions = encodeLeafIndexExtension(leafIndex);
  const leaf = encodeMerkleTreeLeaf({ timestampMs, entry, extensions });
  const [stored] = await store.readNodes([{ level: 0, index: leafIndex }]);
  if (stored === undefined || !equalBytes(stored, hashLeaf(sha256, leaf))) {
    const message = `the dedup index points at entry ${leafIndex}, which is another entry`;
    throw new FatalError("FATAL_STORE_CORRUPT", message);
  }
  return hit;
}

/** The first certificate; undefined if it does not parse: the judge says why. */
function readLeaf([first]: readonly Uint8Array[]): Certificate | undefined {
  if (first === undefined) return undefined;
  try {
    return parseCertificate(first);
  } catch (error) {
    if (error instanceof MalformedError) return undefined;
    throw error;
  }
}

function stepOf(certificate: Certificate, fingerprint: Uint8Array): PathStep {
  return { subject: formatName(certificate.subject), fingerprint };
}
