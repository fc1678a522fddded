/**
 * Precertificates made before a run: signed in worker threads, their signatures kept in a
 * cache file (everything else of a certificate is a function of the seed and is made anew).
 * @module
 */
import { hash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { defined } from "../src/base/assert.ts";
import { type Authority, deriveAuthority, PrecertificateTemplate } from "./certificates.ts";
import type { IssuerKind } from "./keys.ts";

/** Which precertificates. */
export interface SubmissionRange {
  readonly kind: IssuerKind;
  readonly seed: number;
  /** Number of the first: a second run against the same log begins behind the first run's. */
  readonly first: number;
  readonly count: number;
}

/** Precertificates [first, first + count), shared with worker threads without copying. */
export interface Submissions extends SubmissionRange {
  readonly authority: Authority;
  /** Their DER, one after the other. */
  readonly certificates: SharedArrayBuffer;
  /** `Float64Array` of `count`: for each the offset in `certificates` behind its last byte. */
  readonly ends: SharedArrayBuffer;
}

/** A signature in the cache: its length in two bytes, then itself, then zeros. */
export const SIGNATURE_SLOT_BYTES = 258;

/** What the signing worker is told. */
export interface SignTask {
  readonly kind: IssuerKind;
  readonly seed: number;
  /** Precertificates [start, end). */
  readonly start: number;
  readonly end: number;
}

/**
 * Makes precertificates, or completes them from the cache.
 *
 * @param options.cacheFolder Created if absent; the signatures of numbers 0 to the highest
 *   ever asked for stay there (258 bytes each).
 * @param options.workers Threads that sign; 1 or more.
 */
export async function prepareSubmissions(
  range: SubmissionRange,
  options: { readonly cacheFolder: string; readonly workers: number },
): Promise<Submissions> {
  const { kind, seed, first, count } = range;
  const authority = deriveAuthority(kind, seed);
  const template = new PrecertificateTemplate(authority, seed);
  const design = hash("sha256", template.poisonedTbs(0), "hex").slice(0, 16);
  await mkdir(options.cacheFolder, { recursive: true });
  const path = join(options.cacheFolder, `signatures-${kind}-${seed}-${design}.bin`);
  const slots = await completeCache(path, { kind, seed, end: first + count }, options.workers);

  const longest = template.assemble(0, new Uint8Array(SIGNATURE_SLOT_BYTES)).length;
  const scratch = new Uint8Array(longest * count);
  const ends = new SharedArrayBuffer(8 * count);
  const endOf = new Float64Array(ends);
  let offset = 0;
  for (let at = 0; at < count; at += 1) {
    const certificate = template.assemble(first + at, signatureOfSlot(slots, first + at));
    scratch.set(certificate, offset);
    offset += certificate.length;
    endOf[at] = offset;
  }
  const certificates = new SharedArrayBuffer(offset);
  new Uint8Array(certificates).set(scratch.subarray(0, offset));
  return { ...range, authority, certificates, ends };
}

/** The DER of the precertificate at position `at` of `submissions`: a view of shared memory. */
export function certificateAt(
  submissions: Pick<Submissions, "certificates" | "ends">,
  at: number,
): Uint8Array {
  const ends = new Float64Array(submissions.ends);
  const start = at === 0 ? 0 : defined(ends[at - 1], "a position in range");
  const end = defined(ends[at], "a position in range");
  return new Uint8Array(submissions.certificates, start, end - start);
}

function signatureOfSlot(slots: Uint8Array, number: number): Uint8Array {
  const start = number * SIGNATURE_SLOT_BYTES;
  const length = (slots[start] ?? 0) * 256 + (slots[start + 1] ?? 0);
  return slots.subarray(start + 2, start + 2 + length);
}

async function completeCache(
  path: string,
  task: Omit<SignTask, "start">,
  workers: number,
): Promise<Uint8Array> {
  const cached = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    return Buffer.alloc(0);
  });
  const start = Math.floor(cached.length / SIGNATURE_SLOT_BYTES);
  if (start >= task.end) return cached;
  const share = Math.ceil((task.end - start) / workers);
  const parts: Promise<Uint8Array>[] = [];
  for (let from = start; from < task.end; from += share) {
    parts.push(signInWorker({ ...task, start: from, end: Math.min(task.end, from + share) }));
  }
  const whole = cached.subarray(0, start * SIGNATURE_SLOT_BYTES);
  const slots = Buffer.concat([whole, ...(await Promise.all(parts))]);
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, slots);
  await rename(temporary, path);
  return slots;
}

function signInWorker(task: SignTask): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./sign-worker.ts", import.meta.url), { workerData: task });
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}
