/**
 * The tour over the naive log, truthful and lying, and the demo's CA.
 * @module
 */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { access, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { test } from "node:test";
import { demo, type StartLog } from "../../src/cli/demo.ts";
import { makeDemoCa } from "../../src/cli/demo-ca.ts";
import type { Config } from "../../src/config/config.ts";
import type { Sct } from "../../src/rfc6962/sct.ts";
import { embeddedScts, entryOfChain, entryOfEmbedded } from "../../src/sct/entry.ts";
import { parsePem } from "../../src/x509/roots.ts";
import { type Lies, NaiveLog } from "../support/naive-log.ts";
import { sha256 } from "../support/sha256.ts";

const SCT: Sct = {
  logId: new Uint8Array(32).fill(7),
  timestampMs: 1_790_000_000_000,
  extensions: Uint8Array.of(0, 0, 5, 0, 0, 0, 0, 9),
  signature: Uint8Array.of(4, 3, 0, 2, 0x30, 0),
};

interface TourRun {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
  readonly config: Config | undefined;
  readonly stopCount: number;
}

/** Runs the demo with a naive log under the demo's name. */
async function tour(lies: Lies = {}): Promise<TourRun> {
  const out: string[] = [];
  const err: string[] = [];
  let config: Config | undefined;
  let stopCount = 0;
  await using log = await NaiveLog.start(0, "demo");
  log.lies = lies;
  const start: StartLog = async (wanted) => {
    config = wanted;
    const [roots] = wanted.shards[0]?.roots ?? [];
    log.roots.push(...parsePem(await readFile(roots!, "utf8")));
    const stop = async (): Promise<void> => {
      stopCount += 1;
    };
    return { listenUrl: log.url.replace(/\/demo$/, ""), stop };
  };
  const io = { out: (line: string) => out.push(line), err: (line: string) => err.push(line) };
  const exitCode = await demo(start, io);
  return { exitCode, out: out.join("\n"), err: err.join("\n"), config, stopCount };
}

test("demo() exits 0, says seven steps and leaves nothing behind", async () => {
  const { exitCode, out, err, config, stopCount } = await tour();
  assert.equal(err, "", out);
  assert.equal(exitCode, 0);
  assert.deepEqual(
    [...out.matchAll(/^(\d)\. /gm)].map((match) => match[1]),
    ["1", "2", "3", "4", "5", "6", "7"],
  );
  assert.match(out, /The log answered add-pre-chain/);
  assert.match(out, /The log answered add-chain with an SCT of its own/);
  assert.match(out, /ok {2}static-ct-api: entry 0 is the precertificate, entry 1 the certificate/);
  assert.match(out, /ok {2}RFC 6962: the tree of size 1 is a prefix of that of size 2/);
  assert.match(out, /the same 14 checks hold for it: it is entry 1\n/);
  assert.match(out, /the same 14 checks hold for it: it is entry 0\n/);
  assert.match(out, /Every check held/);
  assert.equal(stopCount, 1);
  const [shard] = config!.shards;
  assert.equal(shard?.name, "demo");
  assert.equal(config!.listen.port, 0);
  assert.equal(config!.listen.host, "127.0.0.1");
  await assert.rejects(access(dirname(config!.data)), { code: "ENOENT" });
});

const LIES: readonly (readonly [string, RegExp, Lies])[] = [
  [
    "an SCT from the future",
    /FAILED check "SCT timestamp"/,
    { logged: (truth) => ({ ...truth, timestampMs: truth.timestampMs + 120_000 }) },
  ],
  [
    "another certificate in get-entries",
    /FAILED check "entry": RFC 6962 does not show what was submitted/,
    {
      answer: (truth, path) => {
        if (path !== "ct/v1/get-entries") return truth;
        const body = JSON.parse(truth.body.toString()) as { entries: object[] };
        return { ...truth, body: JSON.stringify({ entries: [body.entries[0], body.entries[0]] }) };
      },
    },
  ],
  [
    "a wrong consistency proof",
    /FAILED check "heads agree": RFC 6962: the consistency proof is too short/,
    {
      answer: (truth, path) =>
        path === "ct/v1/get-sth-consistency" ? { ...truth, body: '{"consistency":[]}' } : truth,
    },
  ],
];

for (const [lie, expected, lies] of LIES) {
  test(`demo() exits 1 for ${lie}, and still stops the log`, async () => {
    const { exitCode, out, err, stopCount } = await tour(lies);
    assert.match(err, expected, out);
    assert.doesNotMatch(out, /Every check held/);
    assert.equal(exitCode, 1);
    assert.equal(stopCount, 1);
  });
}

test("demo() exits 1 and says so if the log does not start", async () => {
  const err: string[] = [];
  const io = { out: () => undefined, err: (line: string) => err.push(line) };
  const exitCode = await demo(() => Promise.reject(new Error("no port")), io);
  assert.equal(exitCode, 1);
  assert.match(err.join("\n"), /did not start or stop: no port/);
});

test("makeDemoCa() makes chains that OpenSSL verifies", async () => {
  const ca = await makeDemoCa(Date.now());
  const [root, intermediate] = [ca.root, ca.intermediate].map((der) => new X509Certificate(der));
  const order = await ca.order("a.example");
  const leaf = new X509Certificate(await order.issue([SCT]));
  assert.ok(root!.verify(root!.publicKey) && root!.ca && intermediate!.ca && !leaf.ca);
  assert.ok(intermediate!.checkIssued(root!) && intermediate!.verify(root!.publicKey));
  assert.ok(leaf.checkIssued(intermediate!) && leaf.verify(intermediate!.publicKey));
  assert.equal(leaf.subjectAltName, "DNS:a.example");
});

test("makeDemoCa(): the precertificate's TBS is the certificate's without its SCTs", async () => {
  const ca = await makeDemoCa(Date.now());
  const order = await ca.order("a.example");
  const certificate = await order.issue([SCT, { ...SCT, timestampMs: 1 }]);
  assert.deepEqual(
    entryOfEmbedded(sha256, certificate, ca.intermediate),
    entryOfChain(sha256, [order.precertificate, ca.intermediate]),
  );
  assert.deepEqual(embeddedScts(certificate), [SCT, { ...SCT, timestampMs: 1 }]);
  assert.deepEqual(embeddedScts(order.precertificate), []);
});
