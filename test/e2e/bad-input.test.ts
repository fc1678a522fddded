/**
 * Input that is made to hurt: DER and JSON of any depth and size, bodies that are slow, cut
 * off or pipelined. Each gets its 4xx, or nothing if the client left, and the log goes on.
 * @module
 */
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { ENDPOINTS } from "../support/admission.ts";
import { makeCa } from "../support/certificates.ts";
import {
  constructed,
  derLength,
  extension,
  name,
  sequence,
  tlv,
  tlvWithLength,
} from "../support/der-builder.ts";
import { RawClient } from "../support/http-server.ts";
import {
  chainJson,
  leafIndexOf,
  type RunningLog,
  type SctJson,
  startRunningLog,
} from "../support/running-log.ts";

const root = makeCa();
let log: RunningLog;
before(async () => {
  log = await startRunningLog([{ name: "bad", roots: [root] }]);
});
after(() => log[Symbol.asyncDispose]());

afterEach(async () => {
  const leaf = root.issue();
  const sct = await log.submitted("bad", "add-chain", [leaf]);
  await log.requireLogged("bad", sct, { entry: { certificate: leaf }, path: [root.der] });
});

/** `depth` TLVs, each inside the one before. */
function nested(tag: number, depth: number): Buffer {
  const headers: Buffer[] = [];
  let length = 0;
  for (let level = 0; level < depth; level += 1) {
    const header = Buffer.concat([Buffer.of(tag), derLength(length)]);
    headers.push(header);
    length += header.length;
  }
  return Buffer.concat(headers.reverse());
}

const HUGE = Buffer.from("84ffffffff", "hex");
const DEEP = 60_000;
const MEGA = 350_000;

/** Certificates that do not parse, or parse after much work. */
const DER: readonly (readonly [string, () => Uint8Array])[] = [
  ["no bytes but one", () => Buffer.of(0x30)],
  ["zeros", () => Buffer.alloc(MEGA)],
  ["0xff", () => Buffer.alloc(MEGA, 0xff)],
  ["a length of 4 GB", () => tlvWithLength(0x30, HUGE, Buffer.alloc(10))],
  ["a length of 126 octets", () => tlvWithLength(0x30, Buffer.alloc(127, 0xfe), Buffer.alloc(10))],
  ["a high tag without end", () => Buffer.concat([Buffer.of(0x3f), Buffer.alloc(MEGA, 0xff)])],
  ["sequences in one another", () => nested(0x30, DEEP)],
  ["sets in one another", () => nested(0x31, DEEP)],
  ["explicit tags in one another", () => nested(0xa3, DEEP)],
  ["indefinite lengths in one another", () => Buffer.from("3080".repeat(DEEP), "hex")],
  ["a subject of deep nesting", () => root.issue({ subject: nested(0x30, DEEP) })],
  ["an issuer of deep nesting", () => root.issue({ issuer: nested(0x30, DEEP) })],
  ["a public key of deep nesting", () => root.issue({ spki: nested(0x30, DEEP) })],
  ["a validity of deep nesting", () => root.issue({ validity: nested(0x30, DEEP) })],
  ["a version of deep nesting", () => root.issue({ version: constructed(0, nested(0x30, DEEP)) })],
  ["an algorithm of deep nesting", () => root.issue({ outerAlgorithm: nested(0x30, DEEP) })],
  ["extensions of deep nesting", () => root.issue({ onlyExtensions: [nested(0x30, DEEP)] })],
  ...["2.5.29.30", "2.5.29.32", "2.5.29.37"].map((id): readonly [string, () => Uint8Array] => [
    `extension ${id} of deep nesting`,
    () => root.issue({ onlyExtensions: [extension(id, nested(0x30, DEEP))] }),
  ]),
  [
    "a serial of 300,000 octets that is no INTEGER",
    () => root.issue({ serial: tlv(0x04, Buffer.alloc(300_000)), subject: "s" }),
  ],
];
for (const [title, make] of DER) {
  test(`a certificate with ${title} is 400 on both endpoints, leaf or issuer`, async () => {
    const der = make();
    for (const endpoint of ENDPOINTS) {
      for (const chain of [[der], [root.issue(), der]]) {
        const { status, text } = await log.submit("bad", endpoint, chain);
        assert.equal(status, 400, text);
        assert.match(
          text,
          /^Bad Request\nbad: failed to verify add-chain contents: [^\n]{1,600}\n$/,
        );
      }
    }
  });
}

/** Certificates that are large and sound. */
const LARGE: readonly (readonly [string, () => Uint8Array])[] = [
  [
    "an extension of 300,000 octets",
    () => root.issue({ extensions: [extension("1.2.3", Buffer.alloc(300_000))] }),
  ],
  [
    "3,000 extensions",
    () =>
      root.issue({
        extensions: Array.from({ length: 3_000 }, (_, n) =>
          extension(`1.2.3.${n}`, Buffer.of(n % 256)),
        ),
      }),
  ],
  [
    "a name of 3,000 attributes",
    () =>
      root.issue({
        subject: sequence(...Array.from({ length: 3_000 }, (_, n) => name(`${n}`).subarray(2))),
      }),
  ],
  // Names and points of kinds that nobody knows are passed over, whatever is in them.
  ...["2.5.29.17", "2.5.29.31", "2.5.29.35"].map((id): readonly [string, () => Uint8Array] => [
    `extension ${id} of deep nesting`,
    () => root.issue({ onlyExtensions: [extension(id, nested(0x30, DEEP))] }),
  ]),
  [
    "an unknown extension of deep nesting",
    () => root.issue({ extensions: [extension("1.2.3.4", nested(0x30, DEEP))] }),
  ],
  [
    "10,000 names",
    () => root.issue({ dnsNames: Array.from({ length: 10_000 }, (_, n) => `h${n}.example`) }),
  ],
];
for (const [title, make] of LARGE) {
  test(`a certificate with ${title} is logged exactly`, async () => {
    const leaf = make();
    const sct = await log.submitted("bad", "add-chain", [leaf]);
    await log.requireLogged("bad", sct, { entry: { certificate: leaf }, path: [root.der] });
  });
}

/** Bodies that are no submission. */
const BODIES: readonly (readonly [string, () => string | Uint8Array])[] = [
  ["arrays in one another", () => "[".repeat(500_000)],
  ["objects in one another", () => '{"chain":'.repeat(50_000)],
  ["closed arrays in one another", () => `{"chain":${"[".repeat(200_000)}${"]".repeat(200_000)}}`],
  ["100,000 empty certificates", () => `{"chain":[${'"",'.repeat(100_000)}""]}`],
  ["100,000 tiny certificates", () => `{"chain":[${'"MA",'.repeat(60_000)}"MAA="]}`],
  ["50,000 certificates of one byte", () => `{"chain":[${'"MA==",'.repeat(50_000)}"MA=="]}`],
  ["a number of 400,000 digits", () => `{"chain":${"9".repeat(400_000)}}`],
  ["invalid UTF-8", () => Buffer.alloc(100_000, 0xff)],
  ["zeros", () => Buffer.alloc(100_000)],
  ["UTF-16", () => Buffer.from(chainJson([root.issue()]), "utf16le")],
  ["lone surrogates", () => '{"chain":["\\ud800"]}'],
];
for (const [title, make] of BODIES) {
  test(`a body of ${title} is 400 on both endpoints`, async () => {
    for (const endpoint of ENDPOINTS) {
      const reply = await log.call(`/bad/ct/v1/${endpoint}`, { body: make() });
      assert.equal(reply.status, 400, reply.text);
      assert.ok(reply.text.length < 1_000);
    }
  });
}

/** A whole request as text. */
function post(body: string, headers = ""): string {
  const length = `Content-Length: ${Buffer.byteLength(body)}\r\n`;
  return `POST /bad/ct/v1/add-chain HTTP/1.1\r\nHost: x\r\n${length}${headers}\r\n${body}`;
}

function connectTo(origin: string): RawClient {
  return new RawClient(Number(new URL(origin).port));
}

test("a body that comes in two hundred pieces is taken", async () => {
  using client = connectTo(log.origin);
  const text = post(chainJson([root.issue()]));
  const step = Math.ceil(text.length / 200);
  for (let at = 0; at < text.length; at += step) {
    client.send(text.slice(at, at + step));
    await new Promise(setImmediate);
  }
  assert.match(await client.until(/"signature":"[^"]+"}/), /^HTTP\/1\.1 200 OK/);
});

test("bodies that are cut off at any place leave nothing in the log", async () => {
  const sizeBefore = (await log.json("/bad/ct/v1/get-sth"))["tree_size"];
  const text = post(chainJson([root.issue()]));
  const clients = Array.from({ length: 40 }, (_, n) => {
    const client = connectTo(log.origin);
    client.send(text.slice(0, Math.floor((text.length * n) / 40)));
    return client;
  });
  await Promise.all(
    clients.map(async (client) => {
      await new Promise((resolve) => client.socket.once("connect", resolve));
      client.socket.end();
      await client.closed();
    }),
  );
  for (const client of clients) client.socket.destroy();
  assert.equal((await log.json("/bad/ct/v1/get-sth"))["tree_size"], sizeBefore);
});

test("a client that leaves before its answer loses nothing: the retry gets the one entry", async () => {
  const leaf = root.issue();
  const client = connectTo(log.origin);
  await new Promise((resolve) => client.socket.once("connect", resolve));
  await new Promise<void>((resolve) => {
    client.socket.write(post(chainJson([leaf])), () => resolve());
  });
  client.socket.destroy();
  const sct = await log.submitted("bad", "add-chain", [leaf]);
  const again = await log.submitted("bad", "add-chain", [leaf]);
  assert.deepEqual([again.timestamp, again.extensions], [sct.timestamp, sct.extensions]);
});

test("pipelined submissions and reads are answered in their order", async () => {
  using client = connectTo(log.origin);
  const get = "GET /bad/ct/v1/get-sth HTTP/1.1\r\nHost: x\r\n\r\n";
  const bad = post('{"chain":[]}');
  const last = "GET /logs.json HTTP/1.1\r\nHost: x\r\n\r\n";
  const requests = Array.from({ length: 30 }, () => [post(chainJson([root.issue()])), get, bad]);
  client.send(`${requests.flat().join("")}${last}`);
  const statuses = (text: string): readonly string[] =>
    [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status ?? "");
  await client.until(/"operators":/);
  const got = statuses(client.received);
  assert.equal(got.length, 91);
  for (const [index, status] of got.slice(0, 90).entries()) {
    assert.equal(status, index % 3 === 2 ? "400" : "200", `answer ${index}`);
  }
  const scts = [...client.received.matchAll(/\{"sct_version":.*?\}/g)].map(
    ([json]): SctJson => JSON.parse(json),
  );
  assert.equal(new Set(scts.map(leafIndexOf)).size, 30);
});
