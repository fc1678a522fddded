/**
 * `submit` against a log that refuses, or whose answers are wrong in form.
 * @module
 */
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { type Lies, NaiveLog } from "../support/naive-log.ts";
import {
  answering,
  chain,
  Files,
  pem,
  precertChain,
  run,
  submitTo,
} from "../support/submit-run.ts";

test("submit() shows status, text and Retry-After of a log that refuses", async () => {
  await using log = await NaiveLog.start(2);
  const answers: readonly (readonly [number, string, RegExp])[] = [
    [
      400,
      "Bad Request\nunknown issuer CN=x\u001b[31m\n",
      /answered 400: Bad Request: unknown issuer CN=x \[31m/,
    ],
    [503, "Service Unavailable\npool full\n", /Retry-After: 7 /],
    [200, "{", /does not parse/],
  ];
  for (const [status, body, expected] of answers) {
    log.lies.answer = (truth, path) =>
      path.includes("add-") ? { status, headers: { "retry-after": "7" }, body } : truth;
    const { exitCode, err } = await submitTo(log);
    assert.match(err, /^FAILED submission/);
    assert.match(err, expected);
    assert.equal(exitCode, 1);
  }
});

/** Answers that are wrong in form; each must end the command soon, with a reason. */
const TROUBLE: readonly (readonly [string, RegExp, (path: string) => Lies])[] = [
  ["garbage", /does not parse/, (at) => answering(at, () => "\u0000<html>")],
  ["an empty body", /does not parse/, (at) => answering(at, () => "")],
  [
    "status 500",
    /answered 500: oops/,
    (at) => ({
      answer: (truth, path) => (path === at ? { ...truth, status: 500, body: "oops" } : truth),
    }),
  ],
  [
    "status 204",
    /answered 204/,
    (at) => ({
      answer: (truth, path) => (path === at ? { status: 204, headers: {}, body: "" } : truth),
    }),
  ],
  [
    "a redirect",
    /answered 302, a redirect, which is not followed/,
    (at) => ({
      answer: (truth, path) =>
        path === at ? { status: 302, headers: { location: "/naive/secret" }, body: "" } : truth,
    }),
  ],
  [
    "a huge body",
    /longer than \d+ bytes/,
    (at) => ({
      answer: (truth, path) => (path === at ? { ...truth, body: Buffer.alloc(6e6, 32) } : truth),
    }),
  ],
  [
    "an endless body",
    /longer than \d+ bytes/,
    (at) => ({
      raw: (path, response) => {
        if (path !== at) return false;
        const chunk = Buffer.alloc(65_536, 32);
        const pour = (): void => {
          while (!response.destroyed && response.write(chunk));
        };
        response.on("drain", pour).writeHead(200);
        pour();
        return true;
      },
    }),
  ],
  [
    "a socket that closes",
    /no answer/,
    (at) => ({
      raw: (path, response) => {
        if (path === at) response.destroy();
        return path === at;
      },
    }),
  ],
  ["silence", /no whole answer within 300 ms/, (at) => ({ raw: (path) => path === at })],
  [
    "a body that stalls",
    /no whole answer within 300 ms/,
    (at) => ({
      raw: (path, response) => {
        if (path === at) response.writeHead(200, { "content-length": 100 }).write("{");
        return path === at;
      },
    }),
  ],
];

const PATHS = ["ct/v1/add-pre-chain", "checkpoint", "ct/v1/get-sth", "ct/v1/get-entry-and-proof"];

for (const [trouble, reason, lies] of TROUBLE) {
  test(`submit() to a log that answers ${trouble} exits 1 and says which URL`, async () => {
    await using files = await Files.make();
    await using log = await NaiveLog.start(4);
    const keyFile = await files.write(log.publicKey);
    // The slow ones cost their whole deadline.
    const isSlow = /within/.test(reason.source);
    for (const path of isSlow ? PATHS.slice(0, 2) : PATHS) {
      log.lies = lies(path);
      const { exitCode, err } = await submitTo(log, precertChain, { timeoutMs: 300, keyFile });
      assert.match(err, reason, path);
      assert.ok(err.includes(`${log.url}/${path}`), err);
      assert.equal(exitCode, 1);
    }
    assert.ok(!log.requests.includes("secret"), "the redirect was not followed");
  });
}

test("submit() where nothing listens exits 1 and says so", async () => {
  await using files = await Files.make();
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  const chainFile = await files.write(pem(...chain));
  const { exitCode, err } = await run({ url: `http://127.0.0.1:${port}/x`, chainFile });
  assert.match(err, /nothing listens there/);
  assert.equal(exitCode, 1);
});
