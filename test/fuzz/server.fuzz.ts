/**
 * Fuzz targets of what a server reads besides chains: requests, its configuration, keys, and
 * the records that it finds on its disk.
 * @module
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { constants, crc32, deflateRawSync } from "node:zlib";
import { FatalError, MalformedError } from "../../src/base/errors.ts";
import { parseNetwork } from "../../src/base/network.ts";
import { parseLogKey } from "../../src/client/log-key.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { parseHex } from "../../src/encoding/hex.ts";
import { gzipWish } from "../../src/http/accept-encoding.ts";
import { parseNativeBase64 } from "../../src/http/base64.ts";
import { parseChainBody } from "../../src/http/chain-body.ts";
import { knownMethods, plainTarget } from "../../src/http/path.ts";
import { parseQuery } from "../../src/http/query.ts";
import { clientOf } from "../../src/policy/client.ts";
import { parseChainJson } from "../../src/rfc6962/json.ts";
import {
  decodeGuardRecord,
  encodeGuardRecord,
  type GuardRecord,
} from "../../src/signer/guard-record.ts";
import {
  decodeDedupHit,
  decodeHead,
  decodeIdentity,
  decodeLeafIndex,
  decodePublished,
  encodeDedupHit,
  encodeHead,
  encodeIdentity,
  encodeLeafIndex,
  encodePublished,
  openValue,
} from "../../src/storage/level/record.ts";
import {
  decodeSealedHeader,
  encodeSealedHeader,
  inflateGroups,
} from "../../src/storage/level/sealed-format.ts";
import { ENGINE_KEY } from "../support/engine.ts";
import { sha256 } from "../support/sha256.ts";
import { ROOT } from "../support/source.ts";
import type { FuzzTarget } from "./fuzz.ts";
import { CHAINS } from "./samples.ts";

function textTarget(
  name: string,
  samples: readonly string[],
  run: (text: string) => void,
): FuzzTarget {
  return {
    name,
    samples: samples.map((sample) => new Uint8Array(Buffer.from(sample, "latin1"))),
    run: (input) => run(Buffer.from(input).toString("latin1")),
  };
}

const SHARDS: ReadonlyMap<string, unknown> = new Map([["a2027", 1]]);
const PATHS: ReadonlyMap<string, string> = new Map([["/a2027/ct/v1/get-sth", "GET"]]);
const PROXIES = [parseNetwork("10.0.0.0/8") ?? assert.fail()];

const HTTP: readonly FuzzTarget[] = [
  textTarget("http/query", ["/a?start=0&end=%2b9", "/a?hash=A+b%3D&x", "/a"], (target) => {
    const query = parseQuery(target);
    for (const name of ["start", "hash"]) assert.ok(query(name).length <= target.length);
  }),
  textTarget(
    "http/path",
    [
      "/a2027/ct/v1/get-sth?x",
      "http://h/a2027/tile/0/x001/002.p/3",
      `/a2027/issuer/${"0f".repeat(32)}`,
    ],
    (target) => {
      const plain = plainTarget(target);
      assert.equal(plainTarget(plain), plain);
      knownMethods(PATHS, SHARDS, plain);
    },
  ),
  textTarget("http/base64", ["AAAA", "AQ==", "AB==", "A\r\nA=="], parseNativeBase64),
  textTarget("http/accept-encoding", ["gzip;q=0, *", "br, gzip;q=0.5"], gzipWish),
  textTarget(
    "http/forwarded-for",
    ["192.0.2.1, 10.0.0.9", "[2001:db8::1]:80", "::ffff:1.2.3.4"],
    (text) => {
      clientOf({ peer: "10.1.2.3", forwardedFor: text }, PROXIES);
      clientOf({ peer: text, forwardedFor: undefined }, PROXIES);
    },
  ),
  {
    name: "http/chain-body",
    samples: CHAINS.slice(0, 4).map(({ chain }) => {
      const texts = chain.map((der) => Buffer.from(der).toString("base64"));
      return new Uint8Array(Buffer.from(JSON.stringify({ chain: texts })));
    }),
    run: (input) => {
      const chain = parseChainBody(Buffer.from(input));
      // The quick way and the one by JSON and our own decoder must agree.
      assert.deepEqual(
        chain.map((der) => new Uint8Array(der)),
        parseChainJson(Buffer.from(input).toString("utf8")).map((der) => new Uint8Array(der)),
      );
      const bytes = chain.reduce((sum, der) => sum + der.length, 0);
      assert.ok(bytes <= input.length, `${bytes} bytes out of ${input.length}`);
    },
  },
];

const SURROUNDING = {
  path: "log.yaml",
  cwd: "/srv",
  nowMs: Date.UTC(2026, 10, 23),
  shardFolders: ["nimbus2026"],
  overrides: {},
};

const CONFIG: FuzzTarget = textTarget(
  "config/parse",
  ["dev", "nimbus", "half-years"].map((name) => readFileSync(`${ROOT}config/${name}.yaml`, "utf8")),
  (text) => {
    const config = parseConfig(text, SURROUNDING);
    assert.ok(Object.isFrozen(config) && config.shards.length > 0);
  },
);

const publicKey = Buffer.from(ENGINE_KEY.publicKey);

const KEY: FuzzTarget = textTarget(
  "client/log-key",
  [
    publicKey.toString("latin1"),
    publicKey.toString("base64"),
    `-----BEGIN PUBLIC KEY-----\n${publicKey.toString("base64")}\n-----END PUBLIC KEY-----\n`,
  ],
  (text) => void parseLogKey(Buffer.from(text, "latin1")),
);

const HEAD = {
  treeSize: 300,
  timestampMs: 1_790_000_000_000,
  rootHash: new Uint8Array(32).fill(3),
};
const SIGNED = { ...HEAD, signature: new Uint8Array(70).fill(4) };

/** A record that was read is written back in the same bytes. */
function recordTarget<T>(
  name: string,
  records: readonly T[],
  encode: (record: T) => Uint8Array,
  decode: (bytes: Uint8Array) => T,
): FuzzTarget {
  return {
    name: `storage/${name}`,
    samples: records.map(encode),
    refusals: [FatalError],
    run: (input) => assert.deepEqual(encode(decode(input)), input),
  };
}

const SEALED_HEADER = encodeSealedHeader(0, [
  { length: 2_000, crc: 5, groupEnds: Array.from({ length: 16 }, (_, at) => 100 * (at + 1)) },
]);

const RECORDS: readonly FuzzTarget[] = [
  recordTarget(
    "head",
    [undefined, { ...HEAD, treeSize: 299 }].map((previous) => ({
      committed: HEAD,
      previous,
      entriesSha256: new Uint8Array(32),
      batchBytesTotal: 7,
      batchBytesMax: 5,
      writeBufferBytes: 16_777_216,
    })),
    encodeHead,
    decodeHead,
  ),
  recordTarget("published", [SIGNED], encodePublished, decodePublished),
  recordTarget(
    "identity",
    [
      {
        format: 1 as const,
        identity: {
          name: "a2027",
          logId: new Uint8Array(32),
          origin: "h/a2027",
          type: "rfc6962" as const,
          notAfterStartMs: 1,
          notAfterLimitMs: 2,
        },
        segmentTiles: 64,
      },
    ],
    encodeIdentity,
    decodeIdentity,
  ),
  recordTarget("dedup-hit", [{ leafIndex: 5, timestampMs: 9 }], encodeDedupHit, decodeDedupHit),
  recordTarget("leaf-index", [5], encodeLeafIndex, decodeLeafIndex),
  {
    name: "storage/sealed-header",
    samples: [SEALED_HEADER.subarray(0, -4)],
    refusals: [FatalError],
    run: (input) => {
      // Whatever it holds, its checksum is right: as after a bug, not after rot.
      const header = new Uint8Array(input.length + 4);
      header.set(input);
      new DataView(header.buffer).setUint32(input.length, crc32(input));
      const tile = decodeSealedHeader(header, 0, 1).tile(0);
      assert.deepEqual(encodeSealedHeader(0, [tile]), header);
    },
  },
  {
    name: "storage/sealed-groups",
    samples: [new Uint8Array(100), SEALED_HEADER].map((bytes) =>
      deflateRawSync(bytes, { finishFlush: constants.Z_FULL_FLUSH }),
    ),
    refusals: [FatalError],
    run: (input) => {
      for (const length of [0, 100, SEALED_HEADER.length]) {
        try {
          assert.equal(inflateGroups(input, length).length, length);
          return;
        } catch (error) {
          if (!(error instanceof FatalError) || length === SEALED_HEADER.length) throw error;
        }
      }
    },
  },
  {
    name: "storage/value",
    samples: Object.values(formatOneRecords()),
    refusals: [FatalError],
    run: (input) => void openValue(input.slice(0, 1), input.slice(1)),
  },
];

/** Records of the store's first format: key's first byte, then the value. */
function formatOneRecords(): Record<string, Uint8Array> {
  const url = new URL("../vectors/storage/format-1.json", import.meta.url);
  const { records } = JSON.parse(readFileSync(url, "utf8")) as { records: Record<string, string> };
  const short = Object.entries(records).filter(([key]) => key.length === 2);
  return Object.fromEntries(short.map(([key, value]) => [key, parseHex(key + value)]));
}

const GUARD_RECORDS: readonly GuardRecord[] = [
  { sequence: 1, logId: new Uint8Array(32), head: undefined },
  { sequence: 2, logId: new Uint8Array(32), head: SIGNED },
];

const GUARD: readonly FuzzTarget[] = [
  {
    name: "signer/guard-record",
    samples: GUARD_RECORDS.map(encodeGuardRecord),
    refusals: [FatalError],
    run: (input) => {
      // Whatever it holds, its checksum is right: as after a bug, not after rot.
      const body = new Uint8Array(480);
      body.set(input.subarray(0, 480));
      const record = decodeGuardRecord(new Uint8Array(Buffer.concat([body, sha256(body)])));
      if (record !== undefined)
        assert.deepEqual(decodeGuardRecord(encodeGuardRecord(record)), record);
    },
  },
];

/** Readers of requests, configuration, keys and records. */
export const TARGETS: readonly FuzzTarget[] = [...HTTP, CONFIG, KEY, ...RECORDS, ...GUARD].map(
  (target) => ({ refusals: [MalformedError], ...target }),
);
