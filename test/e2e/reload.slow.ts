/**
 * SIGHUP of a real process: besides roots (roots.slow.ts) it reads the list of other logs again,
 * and begins an access log that was renamed anew with the next line, in every thread.
 * @module
 */
import assert from "node:assert/strict";
import { readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { makeCa } from "../support/certificates.ts";
import { makeOtherLog } from "../support/other-log.ts";
import { LogFolder, shardReady, until } from "../support/process.ts";

const ROOT = makeCa();

for (const frontends of [0, 2]) {
  test(`SIGHUP reads the log list again and begins the access log anew: ${frontends} frontends`, async () => {
    const lines = ["logList: ./list.json", "accessLog: ./access.log", `frontends: ${frontends}`];
    await using folder = await LogFolder.make(ROOT, [{ name: "a2027" }], lines);
    await folder.init();
    const list = join(folder.path, "list.json");
    const [first, second] = [makeOtherLog().listText, makeOtherLog().listText];
    await writeFile(list, first);
    await using log = folder.serve();
    const { url, operationsUrl } = await log.listening();
    await shardReady(operationsUrl, "a2027");
    /** Asked on a connection of its own, so that every thread has its turn. */
    const nameNow = async (): Promise<string> => {
      const headers = { Accept: "application/json", Connection: "close" };
      const response = await fetch(`${url}/-/submit`, { headers });
      return String(((await response.json()) as { readonly logList: string }).logList);
    };
    const textOf = async (name: string) => (await fetch(`${url}/${name}`)).text();
    const before = await nameNow();
    assert.equal(await textOf(before), first);

    await writeFile(list, second);
    log.signal("SIGHUP");
    const after = await until("another list, everywhere", async () => {
      const names = new Set(await Promise.all(Array.from({ length: 20 }, nameNow)));
      return names.size === 1 && !names.has(before) ? [...names][0] : undefined;
    });
    assert.equal(await textOf(after), second);
    // Whoever has the page open still finds what it named.
    assert.equal(await textOf(before), first);

    await writeFile(list, "no list");
    log.signal("SIGHUP");
    await until("a word of the list", () =>
      log.logLines().find(({ message }) => {
        return /pages name other logs as before: logList .* cannot be used/.test(String(message));
      }),
    );
    assert.deepEqual(
      new Set(await Promise.all(Array.from({ length: 20 }, nameNow))),
      new Set([after]),
    );

    const access = join(folder.path, "access.log");
    await until("lines", async () => ((await stat(access)).size > 0 ? true : undefined));
    await rename(access, `${access}.1`);
    log.signal("SIGHUP");
    await until("another access log", async () => {
      await fetch(`${url}/a2027/ct/v1/get-sth`);
      const text = await readFile(access, "utf8").catch(() => "");
      return text.includes("get-sth") ? true : undefined;
    });
    assert.equal((await log.stop()).code, 0);
  });
}
