/**
 * Submissions over HTTP: the order of the checks, texts that say what to do, the NotAfter
 * window to the second, a closed shard, and what JSON is taken.
 * @module
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Clock } from "../../src/clock/clock.ts";
import { systemClock } from "../../src/clock/system.ts";
import { ENDPOINTS } from "../support/admission.ts";
import { makeCa, POISON_OID, poison } from "../support/certificates.ts";
import { extension, nothing } from "../support/der-builder.ts";
import {
  chainJson,
  leafIndexOf,
  type RunningLog,
  startRunningLog,
} from "../support/running-log.ts";

const root = makeCa({ subject: "order root" });
const issuer = root.intermediate({ subject: "order issuer" });
const stranger = makeCa({ subject: "order stranger" });
const START = "2031-01-01T00:00:00Z";
const LIMIT = "2032-01-01T00:00:00Z";
const NOW = Date.UTC(2031, 5, 1);

/** The system's clock, set so that the process starts at `startMs`. */
function clockFrom(startMs: number): Clock {
  const offsetMs = startMs - systemClock.nowMs();
  return {
    nowMs: () => systemClock.nowMs() + offsetMs,
    monotonicMs: () => systemClock.monotonicMs(),
    after: (delayMs, run) => systemClock.after(delayMs, run),
  };
}

let log: RunningLog;
before(async () => {
  log = await startRunningLog(
    [
      {
        name: "y2031",
        roots: [root],
        window: [START, LIMIT],
        lines: ["extendedKeyUsages: [serverAuth]"],
      },
      { name: "y2032", roots: [root], window: [LIMIT, "2033-01-01T00:00:00Z"] },
      { name: "y2020", roots: [root], window: ["2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"] },
    ],
    { clock: clockFrom(NOW) },
  );
});
after(() => log[Symbol.asyncDispose]());

const VERIFY = "failed to verify add-chain contents: ";
const CHAIN = `${VERIFY}chain failed to verify: `;

for (const endpoint of ENDPOINTS) {
  const right = endpoint === "add-pre-chain";

  /** Each step's defect in the order in which they are found, and the words for it. */
  const STEPS = [
    ["closed", 410, "shard y2020 is closed"],
    ["size", 413, "certificate chain exceeds 512000-byte limit: http: request body too large"],
    ["body", 400, "failed to parse add-chain body: expected base64 at chain[2]"],
    ["parse", 400, `${CHAIN}certificate 1 of the chain: `],
    ["window", 400, `${CHAIN}certificate NotAfter (2030-12-31 23:59:59 +0000 UTC) < 2031-01-01`],
    ["usage", 400, `${CHAIN}rejecting certificate without EKU in [1.3.6.1.5.5.7.3.1]`],
    ["path", 400, `${CHAIN}x509: certificate signed by unknown authority: looked for "CN=order s`],
    ["poison", 400, `${VERIFY}precert test failed: CT poison ext is not critical or invalid`],
    ["type", 400, `${VERIFY}cert / precert mismatch: `],
  ] as const;
  for (const [first, [defect, status, detail]] of STEPS.entries()) {
    test(`${endpoint}: ${defect} is answered before all that follows`, async () => {
      const has = (one: (typeof STEPS)[number][0]): boolean =>
        STEPS.findIndex(([name]) => name === one) >= first;
      const leaf = (has("path") ? stranger : issuer).issue({
        notAfter: new Date(has("window") ? "2030-12-31T23:59:59Z" : START),
        extendedKeyUsages: has("usage") ? ["1.2.3"] : ["1.3.6.1.5.5.7.3.1"],
        precert: has("poison") ? false : has("type") ? !right : right,
        extensions: has("poison") ? [extension(POISON_OID, nothing(), false)] : [],
      });
      const sound = chainJson([leaf, has("parse") ? Uint8Array.of(0x30, 0) : issuer.der]);
      const json = has("body") ? sound.replace(/"\]/, '","?"]') : sound;
      const body = has("size") ? json + " ".repeat(512_000) : json;
      const shard = has("closed") ? "y2020" : "y2031";
      const target = `/${shard}/ct/v1/${endpoint}`;
      const reply = await log.call(target, { body });
      assert.equal(reply.status, status, reply.text);
      assert.equal(reply.text.split("\n")[1]?.startsWith(`${shard}: ${detail}`), true, reply.text);
      const wrong = await log.call(target, { body, method: "PUT" });
      assert.equal(wrong.status, 405);
    });
  }

  test(`${endpoint}: NotAfter at the start and a second before the limit is taken, else 400`, async () => {
    const at = async (shard: string, notAfter: string): Promise<string> => {
      const leaf = issuer.issue({ notAfter: new Date(notAfter), precert: right });
      const { status, text } = await log.submit(shard, endpoint, [leaf, issuer.der]);
      return `${status} ${status === 200 ? "" : text.split("\n")[1]}`;
    };
    assert.equal(await at("y2031", START), "200 ");
    assert.equal(await at("y2031", "2031-12-31T23:59:59Z"), "200 ");
    assert.equal(
      await at("y2031", "2030-12-31T23:59:59Z"),
      `400 y2031: ${CHAIN}certificate NotAfter (2030-12-31 23:59:59 +0000 UTC) < 2031-01-01 00:00:00 +0000 UTC`,
    );
    assert.equal(
      await at("y2031", LIMIT),
      `400 y2031: ${CHAIN}certificate NotAfter (2032-01-01 00:00:00 +0000 UTC) >= 2032-01-01 00:00:00 +0000 UTC; shard "y2032" takes it`,
    );
    assert.equal(await at("y2032", LIMIT), "200 ");
    assert.match(await at("y2032", "2031-12-31T23:59:59Z"), /; shard "y2031" takes it$/);
    // A shard that is closed takes nothing, so nobody is sent there.
    assert.doesNotMatch(await at("y2032", "2020-06-01T00:00:00Z"), /takes it/);
  });

  test(`${endpoint}: two poisons, and a root as precertificate, build no leaf`, async () => {
    const twice = issuer.issue({
      notAfter: new Date(START),
      extensions: [poison(), poison()],
    });
    const reply = await log.submit("y2031", endpoint, [twice, issuer.der]);
    assert.equal(reply.status, 400);
    const detail = right
      ? "failed to build MerkleTreeLeaf: expected exactly one poison"
      : `${VERIFY}cert / precert mismatch: a precertificate belongs to add-pre-chain`;
    assert.ok(reply.text.startsWith(`Bad Request\ny2031: ${detail}`), reply.text);
  });

  const CHAINS: readonly (readonly [string, (text: string) => string])[] = [
    ["unknown fields", (chain) => `{"a":{"chain":[]},"chain":${chain},"b":null}`],
    ["a __proto__ field", (chain) => `{"__proto__":{"chain":null},"chain":${chain}}`],
    ["a constructor field", (chain) => `{"constructor":{"prototype":1},"chain":${chain}}`],
    ["the last of two chains", (chain) => `{"chain":["AA=="],"chain":${chain}}`],
    [
      "CR and LF in base64",
      (chain) => `{"chain":${chain.replaceAll(/[A-Za-z0-9+/]{64}/g, "$&\\r\\n")}}`,
    ],
    ["escapes", (chain) => `{"\\u0063hain":${chain.replaceAll("/", "\\/")}}`],
    ["white space", (chain) => `\r\n\t { "chain" :\n${chain.replaceAll(",", " ,\n")} }\n`],
  ];
  for (const [title, write] of CHAINS) {
    test(`${endpoint}: takes ${title} in JSON`, async () => {
      serials += 1;
      const serial = serials;
      const leaf = issuer.issue({ serial, notAfter: new Date(START), precert: right });
      const plain = JSON.stringify(JSON.parse(chainJson([leaf, issuer.der])).chain);
      const target = `/y2031/ct/v1/${endpoint}`;
      const reply = await log.call(target, { body: write(plain) });
      assert.equal(reply.status, 200, reply.text);
      const fields = { serial, notAfter: new Date(START) };
      await log.requireLogged("y2031", JSON.parse(reply.text), {
        entry: right ? { tbs: issuer.tbs(fields), issuerSpki: issuer.spki } : { certificate: leaf },
        ...(right ? { precertificate: leaf } : {}),
        path: [issuer.der, root.der],
      });
      assert.equal(Reflect.get({}, "chain"), undefined, "nothing was put on Object.prototype");
    });
  }
}

let serials = 20_000;

test("a shard closes 7 days after its limit: 410, reads go on, the final head is listed", async () => {
  const closesMs = Date.UTC(2041, 0, 8);
  const window = ["2040-01-01T00:00:00Z", "2041-01-01T00:00:00Z"] as const;
  const spec = { name: "y2040", roots: [root], window };
  await using own = await startRunningLog([spec], { clock: clockFrom(closesMs - 60_000) });
  const leaf = root.issue({ notAfter: new Date(window[0]) });
  const sct = await own.submitted("y2040", "add-chain", [leaf]);
  assert.equal(leafIndexOf(sct), 0);
  const open = await own.json("/y2040/log.v3.json");
  assert.equal(open["status"], "active");
  assert.equal(open["final_tree_head"], undefined);
  await own.restart({ clock: clockFrom(closesMs + 1) });
  for (const endpoint of ENDPOINTS) {
    const reply = await own.submit("y2040", endpoint, [leaf]);
    assert.equal(reply.status, 410);
    assert.match(reply.text, /^Gone\ny2040: shard y2040 is closed/);
  }
  await own.requireLogged("y2040", sct, { entry: { certificate: leaf }, path: [root.der] });
  const sth = await own.json("/y2040/ct/v1/get-sth");
  assert.equal(sth["tree_size"], 1);
  const closed = await own.json("/y2040/log.v3.json");
  assert.equal(closed["status"], "readonly");
  const { sha256_root_hash, tree_size } = sth;
  assert.deepEqual(closed["final_tree_head"], { sha256_root_hash, tree_size });
});

test("a planned shard shows its empty tree and answers 403 until it opens", async () => {
  const opensMs = Date.UTC(2039, 8, 1);
  const window = ["2040-01-01T00:00:00Z", "2041-01-01T00:00:00Z"] as const;
  await using own = await startRunningLog(
    [{ name: "y2040", roots: [root], window }],
    { clock: clockFrom(opensMs - 60_000) },
    () => Promise.resolve(),
    0,
    ["dates: [{ shard: y2040, opens: 2039-09-01T00:00:00Z, pending: 2039-01-01T00:00:00Z }]"],
  );
  const leaf = root.issue({ notAfter: new Date(window[0]) });
  for (const endpoint of ENDPOINTS) {
    const reply = await own.submit("y2040", endpoint, [leaf]);
    assert.equal(reply.status, 403);
    assert.match(reply.text, /^Forbidden\ny2040: .* takes submissions from 2039-09-01T00:00:00/);
    assert.equal(reply.headers["retry-after"], undefined);
  }
  assert.equal((await own.json("/y2040/ct/v1/get-sth"))["tree_size"], 0);
  assert.equal((await own.call("/y2040/ct/v1/get-roots")).status, 200);
  const planned = await own.json("/y2040/log.v3.json");
  assert.equal(planned["status"], "inactive");
  assert.deepEqual(planned["state"], { pending: { timestamp: "2039-01-01T00:00:00Z" } });
  const [opening] = planned["planned_changes"] as { new_status: string; effective_date: string }[];
  assert.equal(opening?.new_status, "active");
  assert.equal(opening?.effective_date, "2039-09-01T00:00:00Z");
  await own.restart({ clock: clockFrom(opensMs + 1) });
  assert.equal(leafIndexOf(await own.submitted("y2040", "add-chain", [leaf])), 0);
  assert.equal((await own.json("/y2040/log.v3.json"))["status"], "active");
});
