/**
 * The bytes of messages between frontends and sequencers: a group of submissions one way, a
 * group of answers the other. One spelling each: what is read can be written back as it was.
 *
 * ```
 * struct { uint8 version = 1; uint16 shard; uint32 count; } header;
 * struct { uint32 id; uint8 low_priority; opaque dedup_key[32]; uint8 entry_type;
 *          opaque issuer_key_hash[32];            only of entry type 1, precert
 *          opaque certificate_or_tbs<1..2^24-1>;
 *          opaque precertificate<1..2^24-1>;      only of entry type 1
 *          uint8 chain_count; opaque fingerprints[32 * chain_count];
 *          uint8 issuer_count; struct { uint8 position; opaque der<1..2^24-1>; } issuers[];
 * } submission;
 * struct { uint32 id; uint8 type;
 *          logged(0): uint48 leaf_index; uint64 timestamp; uint8 is_duplicate;
 *                     opaque dedup_key[32]; opaque signature<0..2^16-1>;
 *          unavailable(1): uint8 code; uint32 retry_after_ms; opaque utf8_message<0..2^16-1>;
 *          issuers_unknown(2): ;
 * } answer;
 * ```
 * @module
 */
import { MalformedError } from "../base/errors.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { TlsReader } from "../encoding/tls-reader.ts";
import { TlsWriter } from "../encoding/tls-writer.ts";
import { decodeUtf8, encodeUtf8 } from "../encoding/utf8.ts";
import { ENTRY_TYPE, type SignedEntry } from "../rfc6962/entry.ts";
import type { Issuer } from "../storage/store.ts";
import { type Outcome, type Submission, UNAVAILABLE_CODES } from "./message.ts";

const VERSION = 1;
const HEADER_BYTES = 7;
const HASH_BYTES = 32;
const ANSWER_TYPE = { logged: 0, unavailable: 1, issuersUnknown: 2 } as const;

/** UTF-16 units of a message at most: three bytes each still fit. */
const MESSAGE_UNITS_MAX = 4_096;

/** A submission, numbered by its frontend. */
export interface NumberedSubmission {
  /** 0 to 2^32 - 1. */
  readonly id: number;
  readonly submission: Submission;
}

/** What a sequencer says: the outcome, or that the frontend must send all issuers. */
export type Answer = Outcome | { readonly type: "issuers-unknown" };

/** An answer to the submission of this number. */
export interface NumberedAnswer {
  readonly id: number;
  readonly answer: Answer;
}

/** A message of one shard. */
export interface Group<Item> {
  /** Position of the shard in the configuration. */
  readonly shard: number;
  readonly items: readonly Item[];
}

/** Encodes a group in a buffer of its own, which can be transferred. */
export function encodeSubmissions(group: Group<NumberedSubmission>): Uint8Array<ArrayBuffer> {
  let length = HEADER_BYTES;
  for (const { submission } of group.items) length += encodedBytes(submission);
  const writer = begin(length, group);
  for (const { id, submission } of group.items) writeSubmission(writer, id, submission);
  return whole(writer, length);
}

/** Reads what {@link encodeSubmissions} writes; views. @throws MalformedError `MALFORMED_TLS`. */
export function decodeSubmissions(bytes: Uint8Array): Group<NumberedSubmission> {
  return decodeGroup(bytes, readSubmission);
}

/** Encodes a group in a buffer of its own, which can be transferred. */
export function encodeAnswers(group: Group<NumberedAnswer>): Uint8Array<ArrayBuffer> {
  const messages = group.items.map(({ answer }) =>
    answer.type === "unavailable" ? encodeMessage(answer.message) : undefined,
  );
  let length = HEADER_BYTES;
  for (const [position, { answer }] of group.items.entries()) {
    length += answerBytes(answer, messages[position]);
  }
  const writer = begin(length, group);
  for (const [position, { id, answer }] of group.items.entries()) {
    writeAnswer(writer, id, answer, messages[position]);
  }
  return whole(writer, length);
}

/** Reads what {@link encodeAnswers} writes; views. @throws MalformedError `MALFORMED_TLS`. */
export function decodeAnswers(bytes: Uint8Array): Group<NumberedAnswer> {
  return decodeGroup(bytes, readAnswer);
}

function encodedBytes(submission: Submission): number {
  const { entry, precertificate, chainFingerprints, issuers } = submission;
  let length = 4 + 1 + HASH_BYTES + 1 + 1 + HASH_BYTES * chainFingerprints.length + 1;
  if (entry.type === "x509") length += 3 + entry.certificate.length;
  else length += HASH_BYTES + 3 + entry.tbs.length + 3 + (precertificate?.length ?? 0);
  for (const { der } of issuers) length += 1 + 3 + der.length;
  return length;
}

function answerBytes(answer: Answer, message: Uint8Array | undefined): number {
  const length = 4 + 1;
  if (answer.type === "logged") return length + 15 + HASH_BYTES + 2 + answer.signature.length;
  return message === undefined ? length : length + 1 + 4 + 2 + message.length;
}

function begin(length: number, group: Group<unknown>): TlsWriter {
  const writer = new TlsWriter(length);
  return writer.uint(VERSION, 1).uint(group.shard, 2).uint(group.items.length, 4);
}

function whole(writer: TlsWriter, length: number): Uint8Array<ArrayBuffer> {
  const bytes = writer.finish() as Uint8Array<ArrayBuffer>;
  if (bytes.length !== length || bytes.buffer.byteLength !== length) {
    throw new RangeError(`expected a message of ${length} bytes, got ${bytes.length}`);
  }
  return bytes;
}

function decodeGroup<Item>(bytes: Uint8Array, read: (reader: TlsReader) => Item): Group<Item> {
  const reader = new TlsReader(bytes);
  const version = reader.uint(1);
  if (version !== VERSION) throw malformed(`message version ${version}`);
  const shard = reader.uint(2);
  const count = reader.uint(4);
  const items: Item[] = [];
  // A count that is not true ends with the bytes.
  for (let index = 0; index < count; index += 1) items.push(read(reader));
  reader.end();
  return { shard, items };
}

function writeSubmission(writer: TlsWriter, id: number, submission: Submission): void {
  const { dedupKey, entry, precertificate, chainFingerprints, issuers, priority } = submission;
  writer.uint(id, 4).uint(priority === "low" ? 1 : 0, 1);
  writeHash(writer, dedupKey);
  writer.uint(ENTRY_TYPE[entry.type], 1);
  if ((entry.type === "precert") !== (precertificate !== undefined)) {
    throw new RangeError("a precertificate entry, and no other, has a precertificate");
  }
  if (entry.type === "precert") writeHash(writer, entry.issuerKeyHash);
  writeCertificate(writer, entry.type === "x509" ? entry.certificate : entry.tbs);
  if (precertificate !== undefined) writeCertificate(writer, precertificate);
  writer.uint(chainFingerprints.length, 1);
  for (const fingerprint of chainFingerprints) writeHash(writer, fingerprint);
  writer.uint(issuers.length, 1);
  for (const { fingerprint, der } of issuers) {
    const position = chainFingerprints.findIndex((other) => equalBytes(other, fingerprint));
    if (position === -1) throw new RangeError("an issuer is of the chain");
    writer.uint(position, 1);
    writeCertificate(writer, der);
  }
}

function readSubmission(reader: TlsReader): NumberedSubmission {
  const id = reader.uint(4);
  const priority = readFlag(reader) ? "low" : "normal";
  const dedupKey = reader.fixed(HASH_BYTES);
  const type = reader.uint(1);
  let entry: SignedEntry;
  let precertificate: Uint8Array | undefined;
  if (type === ENTRY_TYPE.x509) entry = { type: "x509", certificate: readCertificate(reader) };
  else if (type === ENTRY_TYPE.precert) {
    const issuerKeyHash = reader.fixed(HASH_BYTES);
    entry = { type: "precert", issuerKeyHash, tbs: readCertificate(reader) };
    precertificate = readCertificate(reader);
  } else throw malformed(`entry type ${type}`);
  const chainFingerprints: Uint8Array[] = [];
  const chainCount = reader.uint(1);
  while (chainFingerprints.length < chainCount) chainFingerprints.push(reader.fixed(HASH_BYTES));
  const issuers: Issuer[] = [];
  const issuerCount = reader.uint(1);
  while (issuers.length < issuerCount) {
    const position = reader.uint(1);
    const fingerprint = chainFingerprints[position];
    const first = chainFingerprints.findIndex(
      (other) => fingerprint !== undefined && equalBytes(other, fingerprint),
    );
    if (fingerprint === undefined || first !== position) throw malformed("an issuer's position");
    issuers.push({ fingerprint, der: readCertificate(reader) });
  }
  const certificates = { entry, precertificate, chainFingerprints, issuers };
  return { id, submission: { dedupKey, ...certificates, priority } };
}

function writeAnswer(
  writer: TlsWriter,
  id: number,
  answer: Answer,
  message: Uint8Array | undefined,
): void {
  writer.uint(id, 4);
  switch (answer.type) {
    case "logged":
      writer.uint(ANSWER_TYPE.logged, 1).uint(answer.leafIndex, 6).uint(answer.timestampMs, 8);
      writer.uint(answer.isDuplicate ? 1 : 0, 1);
      writeHash(writer, answer.dedupKey);
      writer.vector(answer.signature, 2);
      return;
    case "unavailable":
      writer.uint(ANSWER_TYPE.unavailable, 1).uint(UNAVAILABLE_CODES.indexOf(answer.code), 1);
      writer.uint(answer.retryAfterMs, 4).vector(message ?? new Uint8Array(0), 2);
      return;
    case "issuers-unknown":
      writer.uint(ANSWER_TYPE.issuersUnknown, 1);
  }
}

function readAnswer(reader: TlsReader): NumberedAnswer {
  const id = reader.uint(4);
  const type = reader.uint(1);
  if (type === ANSWER_TYPE.issuersUnknown) return { id, answer: { type: "issuers-unknown" } };
  if (type === ANSWER_TYPE.unavailable) {
    const code = UNAVAILABLE_CODES[reader.uint(1)];
    if (code === undefined) throw malformed("a code that is not known");
    const retryAfterMs = reader.uint(4);
    const message = readMessage(reader.vector(2));
    return { id, answer: { type: "unavailable", code, message, retryAfterMs } };
  }
  if (type !== ANSWER_TYPE.logged) throw malformed(`answer type ${type}`);
  const leafIndex = reader.uint(6);
  const timestampMs = reader.uint(8);
  const isDuplicate = readFlag(reader);
  const dedupKey = reader.fixed(HASH_BYTES);
  const signature = reader.vector(2);
  const logged = { leafIndex, timestampMs, signature, dedupKey, isDuplicate };
  return { id, answer: { type: "logged", ...logged } };
}

function writeHash(writer: TlsWriter, hash: Uint8Array): void {
  if (hash.length !== HASH_BYTES) throw new RangeError("a hash has 32 bytes");
  writer.fixed(hash);
}

function writeCertificate(writer: TlsWriter, der: Uint8Array): void {
  if (der.length === 0) throw new RangeError("a certificate has at least 1 byte");
  writer.vector(der, 3);
}

function readCertificate(reader: TlsReader): Uint8Array {
  const der = reader.vector(3);
  if (der.length === 0) throw malformed("an empty certificate");
  return der;
}

function readFlag(reader: TlsReader): boolean {
  const flag = reader.uint(1);
  if (flag > 1) throw malformed(`flag ${flag}`);
  return flag === 1;
}

function encodeMessage(message: string): Uint8Array {
  return encodeUtf8(message.slice(0, MESSAGE_UNITS_MAX).toWellFormed());
}

function readMessage(bytes: Uint8Array): string {
  try {
    const message = decodeUtf8(bytes);
    if (message.length <= MESSAGE_UNITS_MAX) return message;
  } catch (cause) {
    throw new MalformedError("MALFORMED_TLS", "a message is not UTF-8", { cause });
  }
  throw malformed("a message is too long");
}

function malformed(what: string): MalformedError {
  return new MalformedError("MALFORMED_TLS", `expected a message between threads, got ${what}`);
}
