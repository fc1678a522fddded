/**
 * Named maxima of what a submission may be. Queues and caches keep theirs beside their owner.
 * @module
 */

/** Bytes of a submission's body; more is 413. */
export const BODY_BYTES_MAX = 512_000;

/** Parsed issuers that a judge remembers; 5 kB each. */
export const ISSUERS_REMEMBERED_MAX = 4_096;

/** Verified pairs of issuers that a judge remembers; 200 bytes each. */
export const PAIRS_REMEMBERED_MAX = 16_384;

/** Share of the pool from which on submissions of low priority are refused unverified. */
export const LOW_PRIORITY_FULLNESS_MAX: number = 7 / 8;

/** Share of the pool from which on add-chain is refused: the rest is for precertificates. */
export const ADD_CHAIN_FULLNESS_MAX: number = 15 / 16;
