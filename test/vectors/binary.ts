/**
 * Golden vectors of the TLS structures: RFC 6962, section 3, and c2sp.org/static-ct-api.
 * @module
 */
import { bad, cuts, fill, ok, uint, type VectorFile, vec } from "./builder.ts";

const TIME = uint(1_700_000_000_000, 8);
const CERTIFICATE = "30820001";
const ISSUER = fill("aa", 32);
const TBS = "3003020101";
const X509 = TIME + uint(0, 2) + vec(CERTIFICATE, 3);
const PRECERT = TIME + uint(1, 2) + ISSUER + vec(TBS, 3);
const LEAF_INDEX = `00${vec(uint(5, 5), 2)}`;
const EXTENSIONS = vec(LEAF_INDEX, 2);
const SIGNATURE = `0403${vec("3006020101020102", 2)}`;
const SCT = `00${fill("11", 32)}${TIME}${EXTENSIONS}${SIGNATURE}`;
const FINGERPRINTS = fill("f1", 32) + fill("f2", 32);
const X509_TILE = X509 + EXTENSIONS + vec(FINGERPRINTS, 2);
const PRECERT_TILE = PRECERT + EXTENSIONS + vec("3001ff", 3) + vec(FINGERPRINTS, 2);

const X509_VALUE = {
  timestampMs: 1_700_000_000_000,
  entry: { type: "x509", certificate: CERTIFICATE },
  extensions: LEAF_INDEX,
};
const PRECERT_VALUE = {
  timestampMs: 1_700_000_000_000,
  entry: { type: "precert", issuerKeyHash: ISSUER, tbs: TBS },
  extensions: LEAF_INDEX,
};
const SCT_VALUE = {
  logId: fill("11", 32),
  timestampMs: 1_700_000_000_000,
  extensions: LEAF_INDEX,
  signature: SIGNATURE,
};
const CHAIN = { chainFingerprints: [fill("f1", 32), fill("f2", 32)] };

const merkleTreeLeaf: VectorFile = {
  source: "RFC 6962, section 3.4",
  vectors: [
    ok("x509_entry", `0000${X509}${EXTENSIONS}`, X509_VALUE),
    ok("precert_entry", `0000${PRECERT}${EXTENSIONS}`, PRECERT_VALUE),
    ok("no extensions", `0000${X509}0000`, { ...X509_VALUE, extensions: "" }),
    ok("timestamp 2^53 - 1", `0000001fffffffffffff0000${vec("01", 3)}0000`, {
      timestampMs: Number.MAX_SAFE_INTEGER,
      entry: { type: "x509", certificate: "01" },
      extensions: "",
    }),
    bad("timestamp 2^53", `000000200000000000000000${vec("01", 3)}0000`),
    bad("timestamp 2^64 - 1", `0000ffffffffffffffff0000${vec("01", 3)}0000`),
    bad("version 1", `0100${X509}${EXTENSIONS}`),
    bad("leaf type 1", `0001${X509}${EXTENSIONS}`),
    bad("entry type 2", `0000${TIME}0002${vec(CERTIFICATE, 3)}0000`),
    bad("entry type 0x0100", `0000${TIME}0100${vec(CERTIFICATE, 3)}0000`),
    bad("empty certificate", `0000${TIME}00000000000000`),
    bad("empty TBS", `0000${TIME}0001${ISSUER}0000000000`),
    bad("certificate longer than the leaf", `0000${TIME}0000ffffff${CERTIFICATE}0000`),
    bad("extensions longer than the leaf", `0000${X509}0009${LEAF_INDEX}`),
    bad("issuer key hash of 31 bytes", `0000${TIME}0001${fill("aa", 31)}${vec(TBS, 3)}0000`),
    ...cuts(`0000${X509}${EXTENSIONS}`, [0, 1, 2, 9, 10, 11, 12, 14, 15, 18, 19, 20, 27]),
  ],
};

const extraDataX509: VectorFile = {
  source: "RFC 6962, section 4.6",
  vectors: [
    ok("two certificates", vec(vec("0102", 3) + vec("03", 3), 3), { chain: ["0102", "03"] }),
    ok("no chain", "000000", { chain: [] }),
    bad("an empty certificate", vec(vec("", 3), 3)),
    bad("a certificate longer than the chain", vec("0000020a", 3)),
    bad("half a length", vec("0000", 3)),
    bad("a length prefix of 2 bytes", `0004${vec("0a", 3)}`),
    ...cuts(vec(vec("0102", 3), 3), [0, 1, 2, 3, 5, 7]),
  ],
};

const extraDataPrecert: VectorFile = {
  source: "RFC 6962, section 4.6",
  vectors: [
    ok("a chain", vec("0a", 3) + vec(vec("0b", 3), 3), { precertificate: "0a", chain: ["0b"] }),
    ok("no chain", `${vec("0a", 3)}000000`, { precertificate: "0a", chain: [] }),
    bad("an empty precertificate", "000000000000"),
    bad("no chain at all", vec("0a", 3)),
    bad("an X.509 entry's extra data", vec(vec("0b", 3), 3)),
    ...cuts(vec("0a", 3) + vec(vec("0b", 3), 3), [0, 2, 3, 4, 6, 7, 10]),
  ],
};

const sct: VectorFile = {
  source: "RFC 6962, section 3.2",
  vectors: [
    ok("with leaf_index", SCT, SCT_VALUE),
    ok("without extensions, RSA", `00${fill("11", 32)}${TIME}00000401${vec("aa", 2)}`, {
      ...SCT_VALUE,
      extensions: "",
      signature: `0401${vec("aa", 2)}`,
    }),
    bad("version 1", `01${SCT.slice(2)}`),
    bad("log ID of 31 bytes", `00${fill("11", 31)}${TIME}${EXTENSIONS}${SIGNATURE}`),
    bad("timestamp 2^53", `00${fill("11", 32)}0020000000000000${EXTENSIONS}${SIGNATURE}`),
    bad("hash algorithm SHA-1", SCT.replace(SIGNATURE, `0203${SIGNATURE.slice(4)}`)),
    bad("signature algorithm DSA", SCT.replace(SIGNATURE, `0402${SIGNATURE.slice(4)}`)),
    ...cuts(SCT, [0, 1, 32, 33, 40, 41, 42, 43, 50, 51, 52, 53, 54, 61]),
  ],
};

const sctList: VectorFile = {
  source: "RFC 6962, section 3.3",
  vectors: [
    ok("one SCT", vec(vec(SCT, 2), 2), [SCT_VALUE]),
    ok("two SCTs", vec(vec(SCT, 2) + vec(SCT, 2), 2), [SCT_VALUE, SCT_VALUE]),
    bad("no SCT", "0000"),
    bad("an empty SCT", vec("0000", 2)),
    bad("a byte after an SCT, inside its length", vec(vec(`${SCT}00`, 2), 2)),
    bad("an SCT longer than the list", vec(`ffff${SCT}`, 2)),
    bad("an OCTET STRING around the list", `0440${vec(vec(SCT, 2), 2)}`),
    ...cuts(vec(vec(SCT, 2), 2), [0, 1, 2, 3, 4, 60]),
  ],
};

const digitallySigned: VectorFile = {
  source: "RFC 5246, section 4.7; RFC 6962, section 2.1.4",
  vectors: [
    ok("ECDSA", SIGNATURE, { algorithm: "ecdsa", signature: "3006020101020102" }),
    ok("RSA", `0401${vec("aabb", 2)}`, { algorithm: "rsa", signature: "aabb" }),
    bad("hash algorithm none", `0003${vec("aa", 2)}`),
    bad("hash algorithm SHA-384", `0503${vec("aa", 2)}`),
    bad("signature algorithm anonymous", `0400${vec("aa", 2)}`),
    bad("signature algorithm Ed25519", `0407${vec("aa", 2)}`),
    bad("algorithms swapped", `0304${vec("aa", 2)}`),
    ...cuts(SIGNATURE, [0, 1, 2, 3, 4, 11]),
  ],
};

const tileLeaf: VectorFile = {
  source: "c2sp.org/static-ct-api#log-entries",
  vectors: [
    ok("x509_entry", X509_TILE, { ...X509_VALUE, ...CHAIN }),
    ok("precert_entry", PRECERT_TILE, {
      ...PRECERT_VALUE,
      precertificate: "3001ff",
      ...CHAIN,
    }),
    ok("no chain", `${X509}${EXTENSIONS}0000`, { ...X509_VALUE, chainFingerprints: [] }),
    bad("a MerkleTreeLeaf's header before it", `0000${X509_TILE}`),
    bad("fingerprints of 33 bytes", `${X509}${EXTENSIONS}${vec(fill("f1", 33), 2)}`),
    bad("fingerprints of 31 bytes", `${X509}${EXTENSIONS}${vec(fill("f1", 31), 2)}`),
    bad("an empty precertificate", `${PRECERT}${EXTENSIONS}000000${vec(FINGERPRINTS, 2)}`),
    bad("a precertificate entry without one", PRECERT + EXTENSIONS + vec(FINGERPRINTS, 2)),
    bad("a precertificate with an x509_entry", `${X509}${EXTENSIONS}${vec("3001ff", 3)}0000`),
    bad("a chain of certificates", `${X509}${EXTENSIONS}${vec(vec("0102", 3), 3)}`),
    ...cuts(PRECERT_TILE, [0, 7, 9, 41, 42, 46, 50, 52, 60, 62, 64, 66, 70, 131]),
  ],
};

const dataTile: VectorFile = {
  source: "c2sp.org/static-ct-api#log-entries",
  vectors: [
    ok("two entries", X509_TILE + PRECERT_TILE, [
      { ...X509_VALUE, ...CHAIN },
      { ...PRECERT_VALUE, precertificate: "3001ff", ...CHAIN },
    ]),
    ok("nothing", "", []),
    bad("zeros behind an entry", `${X509_TILE}${fill("00", 16)}`),
    ...cuts(X509_TILE + PRECERT_TILE, [1, 60, 94, 96, 200]),
  ],
};

const leafIndex: VectorFile = {
  source: "c2sp.org/static-ct-api#sct-extension",
  vectors: [
    ok("index 0", "0000050000000000", 0),
    ok("index 5", "0000050000000005", 5),
    ok("index 2^40 - 1", "000005ffffffffff", 2 ** 40 - 1),
    ok("after another extension", `07${vec("abcd", 2)}0000050000000005`, 5),
    bad("no extension", ""),
    bad("another extension alone", `07${vec("abcd", 2)}`),
    bad("twice", "00000500000000050000050000000005"),
    bad("index of 4 bytes", `00${vec(uint(5, 4), 2)}`),
    bad("index of 6 bytes", `00${vec(uint(5, 6), 2)}`),
    bad("empty index", "000000"),
    bad("type of 2 bytes", `0000${vec(uint(5, 5), 2)}`),
    bad("length of 1 byte", `00${vec(uint(5, 5), 1)}`),
    ...cuts("0000050000000005", [1, 2, 3, 7]),
  ],
};

const utf8: VectorFile = {
  source: "RFC 3629, section 4",
  vectors: [
    ok("one to four bytes", "41c3a9e282acf09f9880", "A\u00e9\u20ac\u{1f600}"),
    ok(
      "the bounds",
      "007fc280dfbfe0a080efbfbff0908080f48fbfbf",
      "\0\x7f\x80\u07ff\u0800\uffff\u{10000}\u{10ffff}",
    ),
    ok("a byte order mark is a character", "efbbbf41", "\ufeffA"),
    ...[
      ["a continuation alone", "80"],
      ["overlong NUL", "c080"],
      ["overlong slash", "c0af"],
      ["overlong in 2 bytes", "c1bf"],
      ["overlong in 3 bytes", "e09fbf"],
      ["overlong in 4 bytes", "f08fbfbf"],
      ["high surrogate", "eda080"],
      ["low surrogate", "edbfbf"],
      ["above U+10FFFF", "f4908080"],
      ["first byte F5", "f5808080"],
      ["first byte FF", "ff"],
      ["cut in 2 bytes", "c3"],
      ["cut in 3 bytes", "e282"],
      ["cut in 4 bytes", "f09f98"],
      ["no continuation", "c341"],
      ["first byte as continuation", "e2c3a9"],
    ].map(([name, bytes]) => bad(name ?? "", bytes ?? "", "MALFORMED_UTF8")),
  ],
};

/** Files of readers of bytes, by the name of their reader. */
export const BINARY_VECTORS: Readonly<Record<string, VectorFile>> = {
  "rfc6962/merkle-tree-leaf": merkleTreeLeaf,
  "rfc6962/extra-data-x509": extraDataX509,
  "rfc6962/extra-data-precert": extraDataPrecert,
  "rfc6962/sct": sct,
  "rfc6962/sct-list": sctList,
  "rfc6962/digitally-signed": digitallySigned,
  "static-ct/tile-leaf": tileLeaf,
  "static-ct/data-tile": dataTile,
  "static-ct/leaf-index": leafIndex,
  "encoding/utf8": utf8,
};
