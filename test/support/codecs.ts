/**
 * Every pair of the core that reads what a stranger sent, and the messages between threads,
 * under one shape: for golden vectors, for properties and for fuzzing.
 * @module
 */
import { parseCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { formatNote, parseNote } from "../../src/checkpoint/note.ts";
import { formatVerifierKey, parseVerifierKey } from "../../src/checkpoint/verifier-key.ts";
import { formatBase64, parseBase64, parseLaxBase64 } from "../../src/encoding/base64.ts";
import { concatBytes } from "../../src/encoding/bytes.ts";
import { parseDecimal, parseInt64 } from "../../src/encoding/decimal.ts";
import { formatHex, parseHex } from "../../src/encoding/hex.ts";
import { decodeUtf8, encodeUtf8 } from "../../src/encoding/utf8.ts";
import {
  decodeExtraData,
  decodeMerkleTreeLeaf,
  encodeExtraData,
  encodeMerkleTreeLeaf,
} from "../../src/rfc6962/entry.ts";
import {
  parseChainJson,
  parseConsistencyJson,
  parseEntriesJson,
  parseEntryAndProofJson,
  parseInclusionJson,
  parseRootsJson,
  parseSctJson,
  parseTreeHeadJson,
} from "../../src/rfc6962/json.ts";
import { decodeSct, decodeSctList, encodeSct, encodeSctList } from "../../src/rfc6962/sct.ts";
import { decodeDigitallySigned, encodeDigitallySigned } from "../../src/rfc6962/signature.ts";
import {
  decodeAnswers,
  decodeSubmissions,
  encodeAnswers,
  encodeSubmissions,
} from "../../src/sequencer/message-codec.ts";
import {
  decodeLeafIndexExtension,
  encodeLeafIndexExtension,
} from "../../src/static-ct/extensions.ts";
import { parseLogJson } from "../../src/static-ct/log-json.ts";
import { decodeDataTile, decodeTileLeaf, encodeTileLeaf } from "../../src/static-ct/tile-leaf.ts";
import { formatTilePath, parseTilePath } from "../../src/static-ct/tile-path.ts";
import { sha256 } from "./sha256.ts";

/** One reader and what undoes it. */
export interface Codec<Input> {
  /** Throws MalformedError or returns the value. */
  readonly decode: (input: Input) => unknown;
  /** Decodes, then encodes; `undefined` where the reader takes more than one spelling. */
  readonly roundTrip: ((input: Input) => Input) | undefined;
}

/** The log whose checkpoints {@link TEXT_CODECS} reads. */
export const CHECKPOINT_LOG: { readonly origin: string; readonly logId: Uint8Array } = {
  origin: "ct.example.org/2026",
  logId: new Uint8Array(32).fill(0x11),
};

function codec<Input, Value>(
  decode: (input: Input) => Value,
  encode?: (value: Value) => Input,
): Codec<Input> {
  return { decode, roundTrip: encode && ((input) => encode(decode(input))) };
}

/** Readers of bytes. */
export const BYTE_CODECS: Readonly<Record<string, Codec<Uint8Array>>> = {
  "rfc6962/merkle-tree-leaf": codec(decodeMerkleTreeLeaf, encodeMerkleTreeLeaf),
  "rfc6962/extra-data-x509": codec(
    (bytes) => decodeExtraData("x509", bytes),
    ({ precertificate, chain }) => encodeExtraData(precertificate, chain),
  ),
  "rfc6962/extra-data-precert": codec(
    (bytes) => decodeExtraData("precert", bytes),
    ({ precertificate, chain }) => encodeExtraData(precertificate, chain),
  ),
  "rfc6962/sct": codec(decodeSct, encodeSct),
  "rfc6962/sct-list": codec(decodeSctList, encodeSctList),
  "rfc6962/digitally-signed": codec(decodeDigitallySigned, encodeDigitallySigned),
  "static-ct/tile-leaf": codec(decodeTileLeaf, encodeTileLeaf),
  "static-ct/data-tile": codec(decodeDataTile, (leaves) =>
    concatBytes(...leaves.map((leaf) => encodeTileLeaf(leaf))),
  ),
  // Other extensions are passed over, so only ours alone goes round.
  "static-ct/leaf-index": codec(decodeLeafIndexExtension),
  "encoding/utf8": codec(decodeUtf8, encodeUtf8),
  "sequencer/submissions": codec(
    decodeSubmissions,
    (group): Uint8Array => encodeSubmissions(group),
  ),
  "sequencer/answers": codec(decodeAnswers, (group): Uint8Array => encodeAnswers(group)),
};

/** Readers of text. */
export const TEXT_CODECS: Readonly<Record<string, Codec<string>>> = {
  "encoding/base64": codec(parseBase64, formatBase64),
  "encoding/base64-lax": codec(parseLaxBase64),
  "encoding/decimal": codec(parseDecimal, String),
  "encoding/int64": codec(parseInt64),
  "encoding/hex": codec(parseHex, formatHex),
  "static-ct/tile-path": codec(parseTilePath, formatTilePath),
  "static-ct/log-json": codec((text) => parseLogJson(sha256, text)),
  "checkpoint/note": codec(parseNote, formatNote),
  "checkpoint/checkpoint": codec((text) => parseCheckpoint(sha256, text, CHECKPOINT_LOG)),
  "checkpoint/verifier-key": codec(parseVerifierKey, formatVerifierKey),
  "rfc6962/json-sct": codec(parseSctJson),
  "rfc6962/json-tree-head": codec(parseTreeHeadJson),
  "rfc6962/json-consistency": codec(parseConsistencyJson),
  "rfc6962/json-inclusion": codec(parseInclusionJson),
  "rfc6962/json-entries": codec(parseEntriesJson),
  "rfc6962/json-roots": codec(parseRootsJson),
  "rfc6962/json-entry-and-proof": codec(parseEntryAndProofJson),
  "rfc6962/json-chain": codec((text) => parseChainJson(text)),
};

/** Round trip of the extension alone, for vectors. */
export function roundTripLeafIndex(bytes: Uint8Array): Uint8Array {
  return encodeLeafIndexExtension(decodeLeafIndexExtension(bytes));
}

/** A value as JSON shows it: bytes in hex, bigint in decimal, fields that are undefined left out. */
export function toPlain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, field: unknown) => {
      if (field instanceof Uint8Array) return formatHex(field);
      return typeof field === "bigint" ? `${field}n` : field;
    }),
  );
}
