/**
 * Fuzz targets of sct: what a stranger's certificate, answer or log list may hold.
 * @module
 */
import assert from "node:assert/strict";
import { encodeUtf8 } from "../../src/encoding/utf8.ts";
import { parseSctJson } from "../../src/rfc6962/json.ts";
import { decodeSct, encodeSct, encodeSctList } from "../../src/rfc6962/sct.ts";
import { describeExtensions } from "../../src/sct/describe.ts";
import { findScts } from "../../src/sct/find.ts";
import { parseLogList } from "../../src/sct/log-list.ts";
import { octetString } from "../support/der-builder.ts";
import { sha256 } from "../support/sha256.ts";
import type { FuzzTarget } from "./fuzz.ts";

const JSON_TEXT =
  '{"sct_version":0,"id":"FlZSDsmUoYrYvd0XJAte8SSZSuO+LJJ7gX44ORe7wsk=","timestamp":1795452048374,"extensions":"AAAFAAAAAAU=","signature":"BAMABDACBQA="}';
const SCT = parseSctJson(JSON_TEXT);
const TLS = encodeSct(SCT);
const LIST = encodeSctList([SCT, SCT]);

const KEY = Uint8Array.of(0x30, 3, 1, 2, 3);
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
const LOG = {
  key: base64(KEY),
  log_id: base64(sha256(KEY)),
  mmd: 60,
  state: { usable: { timestamp: "2026-01-01T00:00:00Z" } },
  temporal_interval: {
    start_inclusive: "2027-01-01T00:00:00Z",
    end_exclusive: "2028-01-01T00:00:00Z",
  },
};
const LOG_LIST = JSON.stringify({
  operators: [
    {
      name: "x",
      logs: [{ ...LOG, url: "https://a.example/" }],
      tiled_logs: [
        { ...LOG, submission_url: "https://s.example/", monitoring_url: "https://m.example/" },
      ],
    },
  ],
});

/** Every reader of src/sct. */
export const TARGETS: readonly FuzzTarget[] = [
  {
    name: "sct/find",
    samples: [
      encodeUtf8(JSON_TEXT),
      TLS,
      LIST,
      Uint8Array.from(octetString(LIST)),
      encodeUtf8(base64(TLS)),
      encodeUtf8(Buffer.from(LIST).toString("hex")),
    ],
    run: (input) => {
      const { form, scts } = findScts(input);
      assert.ok(scts.length > 0);
      for (const sct of form === "JSON" ? [] : scts) {
        // What was found is what stands there.
        assert.deepEqual(decodeSct(encodeSct(sct)), sct);
      }
    },
  },
  {
    name: "sct/extensions",
    samples: [SCT.extensions, encodeUtf8(base64(SCT.extensions)), new Uint8Array(0)],
    run: (input) => {
      const { text, leafIndex } = describeExtensions(input);
      assert.ok(text.length > 0 && text.length < 2 * input.length + 300, text.slice(0, 80));
      assert.ok(leafIndex === undefined || Number.isSafeInteger(leafIndex));
    },
  },
  {
    name: "sct/log-list",
    samples: [encodeUtf8(LOG_LIST)],
    run: (input) => {
      const { logs } = parseLogList(sha256, Buffer.from(input).toString("utf8"));
      for (const { publicKey, logId } of logs) assert.deepEqual(sha256(publicKey), logId);
    },
  },
];
