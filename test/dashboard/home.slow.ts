/**
 * The pages of a running log over HTTP: what they say to programs, and that what they tell
 * people to type works as it stands.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { entryOfChain } from "../../src/sct/entry.ts";
import { makeCa } from "../support/certificates.ts";
import { issuePair, sctOf } from "../support/embedded.ts";
import { makeOtherLog } from "../support/other-log.ts";
import { busyShard, startPageLog } from "../support/page-log.ts";
import { PUBLIC_URL, pemOf, startRunningLog } from "../support/running-log.ts";
import { sha256 } from "../support/sha256.ts";

const run = promisify(execFile);
const shard = busyShard(Date.now());
const JSON_ONLY = { headers: { accept: "application/json" } };

/** Text of an element, as a person would copy it. */
function textOf(markup: string): string {
  const names: Readonly<Record<string, string>> = {
    amp: "&",
    lt: "<",
    gt: ">",
    quot: '"',
    "#39": "'",
  };
  return markup.replaceAll(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => names[name] ?? "");
}

test("the pages of a running log, over HTTP", async (t) => {
  await using pages = await startPageLog(20);
  const { log, issuer, root } = pages;

  await t.test("home tells programs what it tells people", async () => {
    const home = await log.json("/", JSON_ONLY);
    const shards = home["shards"] as readonly Readonly<Record<string, unknown>>[];
    assert.deepEqual(
      shards.map(({ name, treeSize }) => [name, treeSize]),
      [
        [log.config.shards[0]?.name, 0],
        [shard, 20],
        [log.config.shards[2]?.name, 0],
      ],
    );
    assert.equal(shards[1]?.["entriesLastHour"], 20);
    assert.deepEqual(home["limits"], { submissionBytes: 512_000 });
    const { text } = await log.call("/");
    for (const { name } of log.config.shards) assert.match(text, new RegExp(`href="./${name}"`));
    for (const document of ["logs.json", "openapi.json", `${shard}/checkpoint`]) {
      assert.match(text, new RegExp(`href="./${document}"`));
      assert.equal((await log.call(`/${document}`)).status, 200);
    }
  });

  await t.test("the line of home that submits works as it stands", async () => {
    const { text } = await log.call("/");
    const [, markup = ""] =
      /<pre class="shell"[^>]*><code>([^<]*curl[^<]*)<\/code>/.exec(text) ?? [];
    const line = textOf(markup);
    assert.match(line, new RegExp(`${PUBLIC_URL}/${shard}/ct/v1/add-chain$`));
    const folder = await mkdtemp(join(tmpdir(), "stratus-curl-"));
    try {
      const notAfter = new Date(Date.UTC(new Date().getUTCFullYear() + 1, 3, 1));
      const chain = [issuer.issue({ notAfter }), issuer.der, root.der];
      await writeFile(join(folder, "chain.pem"), `a comment\r\n${chain.map(pemOf).join("\n")}`);
      const here = line.replace(PUBLIC_URL, log.origin);
      const { stdout } = await run("sh", ["-c", here], { cwd: folder });
      assert.equal(JSON.parse(stdout).sct_version, 0, stdout);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  await t.test("roots are searched by name and fingerprint, in any spelling", async () => {
    const all = await log.json("/-/roots", JSON_ONLY);
    const [first] = all["roots"] as readonly { readonly fingerprint: string }[];
    assert.ok(first);
    const colons = first.fingerprint.toUpperCase().replaceAll(/..(?=.)/g, "$&:");
    for (const [query, count] of [
      ["example+root", 1],
      ["EXAMPLE", 1],
      [first.fingerprint, 1],
      [encodeURIComponent(colons), 1],
      ["nobody", 0],
      [encodeURIComponent('"><script>'), 0],
    ] as const) {
      const found = await log.json(`/-/roots?q=${query}`, JSON_ONLY);
      assert.equal((found["roots"] as readonly unknown[]).length, count, query);
      const { text } = await log.call(`/-/roots?q=${query}`);
      assert.doesNotMatch(text, /"><script>/);
    }
  });

  await t.test("a shard and an entry, for programs; what is not there is 404", async () => {
    const page = await log.json(`/${shard}`, JSON_ONLY);
    const head = await log.json(`/${shard}/ct/v1/get-sth`);
    assert.equal(page["logId"], (await log.json(`/${shard}/log.v3.json`))["log_id"]);
    assert.equal((page["head"] as { treeSize: number }).treeSize, head["tree_size"]);
    const entry = await log.json(`/${shard}/entry/3`, JSON_ONLY);
    const { entries } = await log.json(`/${shard}/ct/v1/get-entries?start=3&end=3`);
    assert.equal(entry["leafInput"], (entries as { leaf_input: string }[])[0]?.leaf_input);
    const found = await log.call(
      `/${shard}/entry?find=${encodeURIComponent(String(entry["leafHash"]))}`,
    );
    assert.equal(found.status, 303);
    assert.equal(found.headers.location, `../${shard}/entry/3`);
    for (const path of [
      `/${shard}/entry/999`,
      `/${shard}/entry?find=x`,
      "/nope",
      "/nope/entry/1",
      "/-/nope",
    ]) {
      assert.equal((await log.call(path)).status, 404, path);
    }
    assert.equal((await log.call(`/${shard}/`)).headers.location, `../${shard}`);
  });
});

/** Whose SCT it is, and what came of its steps. */
function outcomeOf(sct: {
  readonly shard: string | null;
  readonly log: { readonly operator: string };
  readonly steps: readonly { readonly state: string }[];
}): string {
  return `${sct.shard ?? sct.log.operator}: ${sct.steps.map(({ state }) => state).join(" ")}`;
}

test("/-/submit answers chains and SCTs with JSON, in frontend threads too", async () => {
  const folder = await mkdtemp(join(tmpdir(), "stratus-list-"));
  const other = makeOtherLog();
  await writeFile(join(folder, "list.json"), other.listText);
  const lines = [`logList: ${join(folder, "list.json")}`];
  const root = makeCa({ subject: "Example Root R1" });
  const shards = [{ name: "a", roots: [root] }];
  await using log = await startRunningLog(shards, {}, undefined, 1, lines);
  const json = { accept: "application/json" };
  const post = async (body: string, status = 200) => {
    const reply = await log.call("/-/submit", { body, headers: json });
    assert.equal(reply.status, status, reply.text);
    return JSON.parse(reply.text);
  };
  const { shards: listed, logList } = await log.json("/-/submit", JSON_ONLY);
  assert.deepEqual(
    (listed as { name: string }[]).map(({ name }) => name),
    ["a"],
  );
  assert.equal((await log.call(`/${logList}`)).text, other.listText);

  const pair = issuePair(root, { serial: 9 });
  const chain = [pair.precertificate, root.der];
  const { verdict } = await post(chain.map(pemOf).join(""));
  assert.deepEqual(
    [verdict.isAccepted, verdict.shard, verdict.endpoint],
    [true, "a", "add-pre-chain"],
  );
  assert.equal((await log.json("/a/ct/v1/get-sth"))["tree_size"], 0, "nothing was logged");

  const own = sctOf(await log.submitted("a", "add-pre-chain", chain));
  const theirs = other.sctOf(entryOfChain(sha256, chain), own.timestampMs);
  const final = pair.withScts([own, theirs]);
  const text = [final, root.der].map(pemOf).join("");
  const { scts } = await post(new URLSearchParams({ text }).toString());
  assert.deepEqual(scts.map(outcomeOf), ["a: ok ok", "Other Operator: warn ok"]);
  const forged = pair.withScts([{ ...own, timestampMs: own.timestampMs + 1 }]);
  const bad = await post([forged, root.der].map(pemOf).join(""));
  assert.equal(bad.scts[0].steps[1].state, "bad");

  const strange = makeCa({ subject: "Nobody" }).issue({});
  assert.equal((await post(pemOf(strange))).verdict.code, "REJECTED_ISSUER_UNKNOWN");
  assert.equal((await post("nothing", 400)).problem.length > 10, true);
  const html = await log.call("/-/submit", { body: "text=%3Cscript%3Ealert(1)" });
  assert.equal(html.status, 400);
  assert.doesNotMatch(html.text, /<script>alert/);
  await rm(folder, { recursive: true });
});

test("pages: false leaves the pages out, and nothing else", async () => {
  const { log } = await startPageLog(0, ["pages: false"]);
  await using running = log;
  for (const path of ["/", `/${shard}`, "/-/roots"]) {
    assert.equal((await running.call(path)).status, 404, path);
  }
  assert.equal((await running.call(`/${shard}/checkpoint`)).status, 200);
});

test("frontend threads show the pages and load their files", async () => {
  const { root } = await (async () => {
    await using pages = await startPageLog(0);
    return pages;
  })();
  await using log = await startRunningLog([{ name: "a", roots: [root] }], {}, undefined, 1);
  const { text } = await log.call("/a");
  const files = [...text.matchAll(/(?:href|src)="\.\/(-\/assets\/[^"]+)"/g)];
  assert.equal(files.length, 3);
  for (const [, file] of files) assert.equal((await log.call(`/${file}`)).status, 200);
});
