/**
 * Reads that a client sends together, on one connection, before any answer: each gets its own
 * proof. They meet a log that has read nothing of its tree yet.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ReferenceTree } from "../reference/merkle.ts";
import { makeCa } from "../support/certificates.ts";
import { fillShard } from "../support/fill-shard.ts";
import { RawClient } from "../support/http-server.ts";
import { startRunningLog } from "../support/running-log.ts";

const SIZE = 300;
const CT = "/a/ct/v1";
/** Right of the oldest 256: what is right of them folds before what is left of them. */
const NEWER = Array.from({ length: 8 }, (_, position) => 256 + position);

for (const frontends of [0, 1]) {
  test(`pipelined proofs of one head, from ${frontends} frontend threads, are each right`, async () => {
    let leafHashes: readonly Uint8Array[] = [];
    await using log = await startRunningLog(
      [{ name: "a", roots: [makeCa()] }],
      {},
      async (config) => {
        ({ leafHashes } = await fillShard(config, [SIZE]));
      },
      frontends,
    );
    const tree = new ReferenceTree(leafHashes);
    const wanted = NEWER.flatMap((index) => {
      const path = tree.path(index, 0, SIZE).map(base64);
      const hash = encodeURIComponent(base64(leafHashes[index] ?? assert.fail()));
      return [
        {
          target: `${CT}/get-proof-by-hash?hash=${hash}&tree_size=${SIZE}`,
          text: JSON.stringify({ leaf_index: index, audit_path: path }),
        },
        {
          target: `${CT}/get-sth-consistency?first=${index + 1}&second=${SIZE}`,
          text: JSON.stringify({ consistency: tree.proof(index + 1, SIZE).map(base64) }),
        },
      ];
    });
    using client = new RawClient(Number(new URL(log.origin).port));
    const requests = wanted.map(({ target }) => `GET ${target} HTTP/1.1\r\nhost: log\r\n`);
    client.send(`${requests.join("\r\n")}connection: close\r\n\r\n`);
    const answers = (await client.closed()).split(/(?=HTTP\/1\.1 )/);
    assert.equal(answers.length, wanted.length);
    for (const [at, { target, text }] of wanted.entries()) {
      const [headers = "", body] = answers[at]?.split("\r\n\r\n") ?? [];
      assert.match(headers, /^HTTP\/1\.1 200 /, target);
      assert.equal(body, text, target);
    }
  });
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
