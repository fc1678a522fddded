/**
 * Golden vectors of the text formats: base64, decimals, tile paths, notes and checkpoints.
 * @module
 */
import { createHash } from "node:crypto";
import { badTexts, fill, okText, type VectorFile } from "./builder.ts";

const ORIGIN = "ct.example.org/2026";
const LOG_ID = fill("11", 32);
const EMPTY_ROOT = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
const EMPTY_ROOT_HEX = Buffer.from(EMPTY_ROOT, "base64").toString("hex");
const DIGITALLY_SIGNED = "04030003aabbcc";
const TIMESTAMP = "0000018bcfe56800";

/** `SHA-256(origin || 0x0A || 0x05 || log ID)[:4]`. */
const KEY_ID = createHash("sha256")
  .update(`${ORIGIN}\n\x05`)
  .update(Buffer.from(LOG_ID, "hex"))
  .digest("hex")
  .slice(0, 8);

function base64(hex: string): string {
  return Buffer.from(hex, "hex").toString("base64");
}

function line(name: string, hex: string): string {
  return `\u2014 ${name} ${base64(hex)}\n`;
}

const BODY = `${ORIGIN}\n5\n${EMPTY_ROOT}\n`;
const OWN_LINE = line(ORIGIN, KEY_ID + TIMESTAMP + DIGITALLY_SIGNED);
const WITNESS_LINE = line("witness.example/w1", `01020304${fill("ee", 72)}`);
const CHECKPOINT_VALUE = {
  origin: ORIGIN,
  treeSize: 5,
  rootHash: EMPTY_ROOT_HEX,
  timestampMs: 1_700_000_000_000,
  signature: DIGITALLY_SIGNED,
};

const base64Strict: VectorFile = {
  source: "RFC 4648, sections 4 and 10",
  vectors: [
    okText("nothing", "", ""),
    okText("f", "Zg==", "66"),
    okText("fo", "Zm8=", "666f"),
    okText("foo", "Zm9v", "666f6f"),
    okText("foobar", "Zm9vYmFy", "666f6f626172"),
    okText("62 and 63", "+/+/", "fbffbf"),
    ...badTexts("MALFORMED_BASE64", [
      ["no padding", "Zg"],
      ["half the padding", "Zg="],
      ["too much padding", "Zg==="],
      ["padding for nothing", "===="],
      ["padding at a full group", "Zm9v===="],
      ["padding in the middle", "Zg==Zg=="],
      ["padding inside a group", "Zg=A"],
      ["one digit", "Z==="],
      ["non-zero pad bits, 2 bytes", "Zm9="],
      ["non-zero pad bits, 1 byte", "Zh=="],
      ["url-safe alphabet", "-_-_"],
      ["a space", "Zm 9v"],
      ["a space at the end", "Zm9v "],
      ["LF at the end", "Zm9v\n"],
      ["CR LF in the middle", "Zm\r\n9v"],
      ["a tab", "Zm9\t"],
      ["NUL", "Zm9\0"],
      ["another letter", "Zm9\u00e9"],
      ["a full-width letter", "Zm9\uff41"],
      ["an astral letter", "Zm\u{1f600}"],
    ]),
  ],
};

const base64Lax: VectorFile = {
  source: "Go's encoding/base64.StdEncoding, as CTFE reads what clients send",
  vectors: [
    okText("canonical", "Zm9vYmFy", "666f6f626172"),
    okText("LF at the end", "Zm9v\n", "666f6f"),
    okText("CR LF in the middle", "Zm\r\n9v", "666f6f"),
    okText("LF within the padding", "Zg=\n=\n", "66"),
    okText("nothing but LF", "\n", ""),
    okText("non-zero pad bits, 2 bytes", "Zm9=", "666f"),
    okText("non-zero pad bits, 1 byte", "Zh==", "66"),
    ...badTexts("MALFORMED_BASE64", [
      ["no padding", "Zg"],
      ["half the padding", "Zg="],
      ["too much padding", "Zg==="],
      ["padding for nothing", "===="],
      ["padding in the middle", "Zg==Zg=="],
      ["padding inside a group", "Zg=A"],
      ["url-safe alphabet", "-_-_"],
      ["a space, once a plus", "Zm 9"],
      ["a tab", "Zm9v\t"],
      ["a form feed", "Zm9v\f"],
      ["another letter", "Zm9\u00e9"],
    ]),
  ],
};

const decimal: VectorFile = {
  source: "c2sp.org/tlog-checkpoint#note-text: ASCII decimal, no leading zeros",
  vectors: [
    okText("zero", "0", 0),
    okText("a size", "1234567890", 1_234_567_890),
    okText("2^53 - 1", "9007199254740991", Number.MAX_SAFE_INTEGER),
    ...badTexts("MALFORMED_DECIMAL", [
      ["nothing", ""],
      "00",
      "01",
      "-0",
      "-1",
      "+1",
      " 1",
      "1 ",
      "1\n",
      "1.0",
      "1e3",
      "0x10",
      "1_0",
      "\u0661",
      ["2^53", "9007199254740992"],
      ["2^64", "18446744073709551616"],
      ["a thousand digits", "1".repeat(1000)],
    ]),
  ],
};

const int64: VectorFile = {
  source: "Go's strconv.ParseInt(v, 10, 64), as CTFE reads query parameters",
  vectors: [
    okText("zero", "0", "0n"),
    okText("plus", "+1", "1n"),
    okText("minus zero", "-0", "0n"),
    okText("leading zeros", "007", "7n"),
    okText("minus and leading zeros", "-007", "-7n"),
    okText("a thousand leading zeros", `${"0".repeat(1000)}7`, "7n"),
    okText("2^63 - 1", "9223372036854775807", "9223372036854775807n"),
    okText("-2^63", "-9223372036854775808", "-9223372036854775808n"),
    ...badTexts("MALFORMED_DECIMAL", [
      ["nothing", ""],
      "+",
      "-",
      "+-1",
      "--1",
      " 1",
      "1 ",
      "1\n",
      "1_0",
      "0x10",
      "1.0",
      "1e3",
      "\u0661",
      "1,000",
      "Infinity",
      ["2^63", "9223372036854775808"],
      ["-2^63 - 1", "-9223372036854775809"],
      ["a thousand digits", "1".repeat(1000)],
      ["minus a thousand digits", `-${"1".repeat(1000)}`],
    ]),
  ],
};

const hex: VectorFile = {
  source: "c2sp.org/static-ct-api#issuers: lowercase hex",
  vectors: [
    okText("nothing", "", ""),
    okText("bytes", "00ff10", "00ff10"),
    ...badTexts("MALFORMED_HEX", ["0", "FF", "0g", "0x00", " 00", "00 ", "00\n", "\uff10\uff10"]),
  ],
};

const tilePath: VectorFile = {
  source: "c2sp.org/static-ct-api#merkle-tree, c2sp.org/tlog-tiles#merkle-tree",
  vectors: [
    okText("the first tile", "tile/0/000", { level: 0, index: 0, width: 256 }),
    okText("partial", "tile/0/000.p/1", { level: 0, index: 0, width: 1 }),
    okText("widest partial", "tile/5/000.p/255", { level: 5, index: 0, width: 255 }),
    okText("groups", "tile/0/x001/x234/067", { level: 0, index: 1_234_067, width: 256 }),
    okText("999", "tile/1/999", { level: 1, index: 999, width: 256 }),
    okText("1000", "tile/1/x001/000", { level: 1, index: 1000, width: 256 }),
    okText("the last", "tile/0/x004/x294/x967/295", {
      level: 0,
      index: 2 ** 32 - 1,
      width: 256,
    }),
    okText("data", "tile/data/x001/000.p/17", { level: "data", index: 1000, width: 17 }),
    ...badTexts("MALFORMED_TILE_PATH", [
      ["nothing", ""],
      "/tile/0/000",
      "tile/0/000/",
      "tile//000",
      "tile/0",
      "tile/0/",
      "tile/6/000",
      "tile/00/000",
      "tile/-1/000",
      "tile/63/000",
      "tile/names/000",
      "tile/Data/000",
      "tile/entries/000",
      "tile/0/0",
      "tile/0/00",
      "tile/0/0000",
      "tile/0/x000/000",
      "tile/0/x000/x001/000",
      "tile/0/001/000",
      "tile/0/x001",
      "tile/0/x001/x000",
      "tile/0/X001/000",
      "tile/0/x01/000",
      "tile/0/x1/000",
      "tile/0/x001//000",
      "tile/0/000.p",
      "tile/0/000.p/",
      "tile/0/000.p/0",
      "tile/0/000.p/00",
      "tile/0/000.p/01",
      "tile/0/000.p/256",
      "tile/0/000.p/1000",
      "tile/0/000.p/-1",
      "tile/0/000.p/+1",
      "tile/0/000.p/1.p/1",
      "tile/0/000.P/1",
      "tile/0/000p/1",
      "tile/0/000.p1",
      "tile/0/000/000",
      "tile/0/000\0",
      "tile/0/000%00",
      "tile/0/000\n",
      "tile/0/000?",
      "tile/0/ 000",
      "tile/0/../000",
      "tile/0/\u0660\u0660\u0660",
      "tile/data",
      "tile/data/000.p/256",
      ["2^32 is no index", "tile/0/x004/x294/x967/296"],
      ["far too many groups", `tile/0/${"x001/".repeat(5)}000`],
      ["a very long path", `tile/0/${"x001/".repeat(10_000)}000`],
    ]),
  ],
};

const note: VectorFile = {
  source: "c2sp.org/signed-note#format",
  vectors: [
    okText("one signature", `a\n\n${line("k", "01020304aa")}`, {
      text: "a\n",
      signatures: [{ name: "k", keyId: "01020304", signature: "aa" }],
    }),
    okText("an empty line in the text", `a\n\nb\n\n${line("k", "01020304aa")}`, {
      text: "a\n\nb\n",
      signatures: [{ name: "k", keyId: "01020304", signature: "aa" }],
    }),
    okText("a text of one empty line", `\n\n${line("k", "01020304aa")}`, {
      text: "\n",
      signatures: [{ name: "k", keyId: "01020304", signature: "aa" }],
    }),
    okText("two signatures", `a\n\n${line("k", "01020304aa")}${line("l/2", "05060708bbbb")}`, {
      text: "a\n",
      signatures: [
        { name: "k", keyId: "01020304", signature: "aa" },
        { name: "l/2", keyId: "05060708", signature: "bbbb" },
      ],
    }),
    ...badTexts("MALFORMED_NOTE", [
      ["nothing", ""],
      ["no signature", "a\n"],
      ["no signature line", "a\n\n"],
      ["no text", `\n${line("k", "01020304aa")}`],
      ["no newline at the end", `a\n\n${line("k", "01020304aa")}`.slice(0, -1)],
      ["an empty line at the end", `a\n\n${line("k", "01020304aa")}\n`],
      ["one newline before the signatures", `a\n${line("k", "01020304aa")}`],
      ["a hyphen as dash", "a\n\n- k AQIDBKo=\n"],
      ["an en dash", "a\n\n\u2013 k AQIDBKo=\n"],
      ["no name", "a\n\n\u2014  AQIDBKo=\n"],
      ["a plus in the name", "a\n\n\u2014 k+l AQIDBKo=\n"],
      ["a space in the name", "a\n\n\u2014 k l AQIDBKo=\n"],
      ["a no-break space in the name", "a\n\n\u2014 k\u00a0l AQIDBKo=\n"],
      ["no base64", "a\n\n\u2014 k\n"],
      ["bad base64", "a\n\n\u2014 k AQIDBK\n"],
      ["base64 with pad bits", "a\n\n\u2014 k AQIDBKp=\n"],
      ["a key ID alone", `a\n\n${line("k", "01020304")}`],
      ["half a key ID", `a\n\n${line("k", "0102")}`],
      ["a space behind", "a\n\n\u2014 k AQIDBKo= \n"],
      ["CR LF", "a\r\n\r\n\u2014 k AQIDBKo=\r\n"],
      ["a tab in the text", `a\tb\n\n${line("k", "01020304aa")}`],
      ["NUL in the text", `a\0\n\n${line("k", "01020304aa")}`],
      ["text behind the signatures", `a\n\n${line("k", "01020304aa")}b\n`],
      ["101 signatures", `a\n\n${line("k", "01020304aa").repeat(101)}`],
    ]),
  ],
};

const checkpoint: VectorFile = {
  source: "c2sp.org/tlog-checkpoint, c2sp.org/static-ct-api#checkpoints",
  vectors: [
    okText("ours", `${BODY}\n${OWN_LINE}`, CHECKPOINT_VALUE),
    okText("a witness before ours", `${BODY}\n${WITNESS_LINE}${OWN_LINE}`, CHECKPOINT_VALUE),
    okText("two lines by our key", `${BODY}\n${OWN_LINE}${OWN_LINE}`, CHECKPOINT_VALUE),
    okText("an extension line", `${BODY}ext\n\n${OWN_LINE}`, CHECKPOINT_VALUE),
    okText("an empty tree", `${ORIGIN}\n0\n${EMPTY_ROOT}\n\n${OWN_LINE}`, {
      ...CHECKPOINT_VALUE,
      treeSize: 0,
    }),
    ...badTexts("MALFORMED_CHECKPOINT", [
      ["another origin", `ct.example.org/2027\n5\n${EMPTY_ROOT}\n\n${OWN_LINE}`],
      ["origin with scheme", `https://${BODY}\n${OWN_LINE}`],
      ["origin with a slash behind", `${ORIGIN}/\n5\n${EMPTY_ROOT}\n\n${OWN_LINE}`],
      ["no root", `${ORIGIN}\n5\n\n${OWN_LINE}`],
      ["size with leading zero", `${ORIGIN}\n05\n${EMPTY_ROOT}\n\n${OWN_LINE}`],
      ["size with sign", `${ORIGIN}\n+5\n${EMPTY_ROOT}\n\n${OWN_LINE}`],
      ["size in hex", `${ORIGIN}\n0x5\n${EMPTY_ROOT}\n\n${OWN_LINE}`],
      ["negative size", `${ORIGIN}\n-5\n${EMPTY_ROOT}\n\n${OWN_LINE}`],
      ["size 2^53", `${ORIGIN}\n9007199254740992\n${EMPTY_ROOT}\n\n${OWN_LINE}`],
      ["root of 31 bytes", `${ORIGIN}\n5\n${base64(fill("00", 31))}\n\n${OWN_LINE}`],
      ["root of 33 bytes", `${ORIGIN}\n5\n${base64(fill("00", 33))}\n\n${OWN_LINE}`],
      ["root in hex", `${ORIGIN}\n5\n${EMPTY_ROOT_HEX}\n\n${OWN_LINE}`],
      ["root without padding", `${ORIGIN}\n5\n${EMPTY_ROOT.slice(0, -1)}\n\n${OWN_LINE}`],
      ["a witness alone", `${BODY}\n${WITNESS_LINE}`],
      ["another key ID", `${BODY}\n${line(ORIGIN, `00000000${TIMESTAMP}${DIGITALLY_SIGNED}`)}`],
      ["another key name", `${BODY}\n${line("k", KEY_ID + TIMESTAMP + DIGITALLY_SIGNED)}`],
      ["half a timestamp", `${BODY}\n${line(ORIGIN, `${KEY_ID}00000000`)}`],
      ["timestamp 2^53", `${BODY}\n${line(ORIGIN, `${KEY_ID}0020000000000000040300`)}`],
      ["an empty extension line", `${BODY}\next\n\n${OWN_LINE}`],
    ]),
    ...badTexts("MALFORMED_NOTE", [
      ["no signature", BODY],
      ["a space behind the origin's line", `${BODY}\n${OWN_LINE} `],
    ]),
  ],
};

const verifierKey: VectorFile = {
  source: "c2sp.org/signed-note#verifier-keys",
  vectors: [
    okText(
      "the example of Go's note package",
      "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
      {
        name: "PeterNeumann",
        keyId: "c74f20a3",
        type: 1,
        key: Buffer.from("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "base64")
          .subarray(1)
          .toString("hex"),
      },
    ),
    ...badTexts("MALFORMED_KEY", [
      ["nothing", ""],
      ["no key", "k+01020304+"],
      ["a type alone", "k+01020304+BQ=="],
      ["no name", "+01020304+BQE="],
      ["a space in the name", "k l+01020304+BQE="],
      ["upper case ID", "k+0102030A+BQE="],
      ["ID of 3 bytes", "k+010203+BQE="],
      ["ID of 5 bytes", "k+0102030405+BQE="],
      ["no padding", "k+01020304+BQE"],
      ["newline behind", "k+01020304+BQE=\n"],
    ]),
  ],
};

/** Files of readers of text, by the name of their reader. */
export const TEXT_VECTORS: Readonly<Record<string, VectorFile>> = {
  "encoding/base64": base64Strict,
  "encoding/base64-lax": base64Lax,
  "encoding/decimal": decimal,
  "encoding/int64": int64,
  "encoding/hex": hex,
  "static-ct/tile-path": tilePath,
  "checkpoint/note": note,
  "checkpoint/checkpoint": checkpoint,
  "checkpoint/verifier-key": verifierKey,
};
