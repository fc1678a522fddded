/**
 * Fuzz over real HTTP: mutated chains, mutated bodies and mutated targets against the composed
 * log with LevelDB. Every answer is a documented one, and the log is as sound as before.
 *
 * Environment: FUZZ_HTTP_REQUESTS (default 1,500), FUZZ_SEED (default 42).
 * @module
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { LogEvent } from "../../src/telemetry/observer.ts";
import { mutateBytes, Random } from "../fuzz/fuzz.ts";
import { CHAINS, decodeChain, encodeChain, mutateChain, ROOTS } from "../fuzz/samples.ts";
import { call } from "../support/http-call.ts";
import { chainJson, type RunningLog, startRunningLog } from "../support/running-log.ts";

const REQUESTS = Number(process.env["FUZZ_HTTP_REQUESTS"] ?? 1_500);
const SEED = Number(process.env["FUZZ_SEED"] ?? 42);

const SAMPLES = CHAINS.map(encodeChain);
const TARGETS = [
  "/f/ct/v1/get-entries?start=0&end=3",
  "/f/ct/v1/get-proof-by-hash?tree_size=3&hash=AAAA",
  "/f/tile/data/000.p/3",
  "/f/issuer/00",
  "/f/entry?find=0",
].map((target) => new Uint8Array(Buffer.from(target)));

let log: RunningLog;
const bugs: LogEvent[] = [];
before(async () => {
  const observer = (event: LogEvent): void => {
    if (event.type === "request-bug" || event.type === "shard-fatal") bugs.push(event);
  };
  log = await startRunningLog([{ name: "f", roots: ROOTS }], { observer });
});
after(() => log[Symbol.asyncDispose]());

function checkAnswer(
  reply: { readonly status: number; readonly text: string },
  what: string,
): void {
  assert.ok([200, 400, 404, 405, 413].includes(reply.status), `${reply.status}: ${what}`);
  if (reply.status !== 200) assert.doesNotMatch(reply.text, /\n\s+at |\.ts:\d+|node:/, what);
}

test(`add-chain over HTTP: ${REQUESTS} mutated submissions of seed ${SEED} get documented answers`, async () => {
  const random = new Random(SEED);
  let takenCount = 0;
  for (let count = 0; count < REQUESTS; count += 1) {
    let input = random.pick(SAMPLES);
    for (let rounds = random.below(3); rounds > 0; rounds -= 1) {
      input = mutateChain(random, input, SAMPLES);
    }
    const { endpoint, chain } = decodeChain(input);
    let body: string | Uint8Array = chainJson(chain);
    if (random.below(5) === 0) body = mutateBytes(random, Buffer.from(body), SAMPLES);
    const reply = await log.call(`/f/ct/v1/${endpoint}`, { body });
    checkAnswer(reply, `${endpoint} ${Buffer.from(input).toString("hex")}`);
    if (reply.status === 200) takenCount += 1;
  }
  assert.ok(takenCount > REQUESTS / 20, `${takenCount} were taken`);
  assert.deepEqual(bugs, []);
});

test(`reads over HTTP: ${REQUESTS} mutated targets of seed ${SEED} get documented answers`, async () => {
  const random = new Random(SEED);
  for (let count = 0; count < REQUESTS; count += 1) {
    const input = mutateBytes(random, random.pick(TARGETS), TARGETS);
    // What HTTP itself forbids in a request line cannot be sent by this client.
    const target = Buffer.from(input)
      .toString("latin1")
      .replaceAll(/[^!-~]/g, "~");
    const reply = await call(log.origin, target.startsWith("/") ? target : `/${target}`);
    // Pages alone lead elsewhere: to a shard without its slash, to the entry that was asked for.
    if (reply.status === 303) assert.match(target, /^\/?f\/(?:entry)?(?:\?|$)/);
    else checkAnswer(reply, target);
  }
  assert.deepEqual(bugs, []);
});

test("after the fuzz the log proves each of its entries and takes submissions", async () => {
  const { tree_size: size } = await log.json("/f/ct/v1/get-sth");
  assert.ok(typeof size === "number" && size > 0);
  for (let leafIndex = 0; leafIndex < size; leafIndex += 1) {
    await log.json(`/f/ct/v1/get-entry-and-proof?leaf_index=${leafIndex}&tree_size=${size}`);
  }
  const { endpoint, chain } = CHAINS[0] ?? assert.fail("there are samples");
  assert.equal((await log.submit("f", endpoint, chain)).status, 200);
  await log.restart();
  assert.equal((await log.submit("f", endpoint, chain)).status, 200);
});
