import assert from "node:assert/strict";
import { test } from "node:test";
import { TlsWatch } from "../../src/tls/watch.ts";
import { freePort } from "../support/deploy.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { startTls } from "../support/tls-server.ts";

const EXPIRY = new Date("2031-05-06T07:08:09Z");

/** A watch, and a promise of the next thing that it tells. */
function watching(urls: readonly string[]) {
  const clock = new ManualClock();
  let tell: (told: string) => void = () => {};
  const watch = new TlsWatch({
    urls,
    clock,
    seen: (host, { expiresMs }) => tell(`${host} ${new Date(expiresMs).toISOString()}`),
    unseen: (host, message) => tell(`${host} ${message}`),
  });
  const next = async (afterMs: number): Promise<string> => {
    const told = new Promise<string>((resolve) => {
      tell = resolve;
    });
    await clock.advance(afterMs);
    return told;
  };
  return { watch, next, clock };
}

test("TlsWatch looks at each host once an hour, and sooner after a failure", async () => {
  const port = await freePort();
  const dead = `127.0.0.1:${port}`;
  {
    const { watch, next } = watching([`https://${dead}/a`, "http://127.0.0.1/"]);
    using _ = watch;
    assert.match(await next(1_000), /ECONNREFUSED/);
    assert.match(await next(300_000), /ECONNREFUSED/);
  }
  await using server = await startTls(EXPIRY, EXPIRY);
  const url = `https://${server.host}`;
  const { watch, next, clock } = watching([`${url}/a`, `${url}/b`]);
  const told = `${server.host} ${EXPIRY.toISOString()}`;
  assert.equal(await next(1_000), told);
  assert.equal(await next(3_600_000), told);
  watch[Symbol.dispose]();
  let isAsked = false;
  void next(0).then(() => {
    isAsked = true;
  });
  await clock.advance(10 * 3_600_000);
  assert.equal(isAsked, false);
});
