/**
 * What a run leaves behind, by position of the submission, in memory that the driver's and
 * the verifiers' threads share with `load.ts`.
 * @module
 */

/** What came back, by position: shared memory that the driver alone writes. */
export interface Answers {
  /** `Int16Array`: the HTTP status; 0 not sent, -1 no answer. */
  readonly statuses: SharedArrayBuffer;
  /** `Float64Array`: when it was due, or sent in a closed loop; Unix epoch, milliseconds. */
  readonly dueMs: SharedArrayBuffer;
  /** `Float64Array`: when it was written to its socket; Unix epoch, milliseconds. */
  readonly sentMs: SharedArrayBuffer;
  /** `Float64Array`: when its answer was whole; Unix epoch, milliseconds. */
  readonly answeredMs: SharedArrayBuffer;
  /** `Uint16Array`: bytes of the body that were kept. */
  readonly bodyLengths: SharedArrayBuffer;
  /** Slots of {@link BODY_SLOT_BYTES}. */
  readonly bodies: SharedArrayBuffer;
}

/** An SCT as JSON takes some 300 bytes; longer bodies (of errors) are cut. */
export const BODY_SLOT_BYTES = 512;

/** Room for `count` answers. */
export function makeAnswers(count: number): Answers {
  return {
    statuses: new SharedArrayBuffer(2 * count),
    dueMs: new SharedArrayBuffer(8 * count),
    sentMs: new SharedArrayBuffer(8 * count),
    answeredMs: new SharedArrayBuffer(8 * count),
    bodyLengths: new SharedArrayBuffer(2 * count),
    bodies: new SharedArrayBuffer(BODY_SLOT_BYTES * count),
  };
}

/** What is known of each position afterwards: shared memory. */
export interface Verdicts {
  /** `Float64Array`: the SCT's leaf index; -1 without, or if refused. */
  readonly leafIndexes: SharedArrayBuffer;
  /** `Float64Array`: the SCT's timestamp; 0 if refused. */
  readonly timestampsMs: SharedArrayBuffer;
  /** SHA-256 of status and entry of each position of a chunk, 32 bytes a chunk. */
  readonly digests: SharedArrayBuffer;
}

/** Positions that one digest covers. */
export const DIGEST_CHUNK = 1_000;

/** Room for `count` verdicts. */
export function makeVerdicts(count: number): Verdicts {
  return {
    leafIndexes: new SharedArrayBuffer(8 * count),
    timestampsMs: new SharedArrayBuffer(8 * count),
    digests: new SharedArrayBuffer(32 * Math.ceil(count / DIGEST_CHUNK)),
  };
}
