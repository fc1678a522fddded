/**
 * A whole life of a log in processes, with errors on purpose: the private key is in nothing
 * that they write or answer, and no other user can enter or read what they make.
 * @module
 */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { chmod, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { test } from "node:test";
import { inspect } from "node:util";
import { checkConfig } from "../../src/cli/config.ts";
import { initShards } from "../../src/cli/init.ts";
import { loadConfig } from "../../src/cli/load-config.ts";
import { createKeyFile } from "../../src/signer/key-file.ts";
import { makeCa } from "../support/certificates.ts";
import { call, closeCalls } from "../support/http-call.ts";
import { LogFolder, runStratus, type StratusProcess, shardReady } from "../support/process.ts";
import { chainJson } from "../support/running-log.ts";
import { Secret } from "../support/secret.ts";
import { pem } from "../support/submit-run.ts";

const ROOT = makeCa();
const WITHIN = { notAfter: new Date("2027-06-01T00:00:00Z") };

/** Everything that processes wrote and servers answered, by where it stood. */
type Outputs = Record<string, string>;

test("Secret.findIn() finds the key in each of its spellings, and not in other keys", () => {
  const [one, other] = [keyPem(), keyPem()];
  const secret = new Secret(one.text);
  for (const text of [one.text, one.hex, one.hex.toUpperCase(), `x${one.base64}`, one.sec1]) {
    assert.notEqual(secret.findIn(`a ${text} b`), undefined, text);
  }
  for (let shift = 0; shift < 3; shift += 1) {
    const among = Buffer.concat([Buffer.alloc(shift, 7), Buffer.from(one.hex, "hex"), one.public]);
    assert.notEqual(secret.findIn(among.toString("base64")), undefined);
    assert.notEqual(secret.findIn(among.toString("latin1")), undefined);
  }
  const spki = Buffer.from(one.public);
  for (const text of [other.text, other.hex, spki.toString("base64"), spki.toString("hex")]) {
    assert.equal(secret.findIn(text), undefined, text);
  }
});

test("no output of an end-to-end run holds the private key, errors included", async () => {
  const outputs: Outputs = {};
  await using folder = await LogFolder.make(
    ROOT,
    [{ name: "a2027", more: "key: ./given.pem" }],
    ["logLevel: trace"],
  );
  const keyPath = join(folder.path, "given.pem");
  await createKeyFile(keyPath);
  const key = await readFile(keyPath, "utf8");
  const secret = new Secret(key);
  await collectMistakes(folder, keyPath, key, outputs);

  await chmod(keyPath, 0o600);
  await writeFile(keyPath, key);
  record(outputs, "init", await folder.run("init"));
  record(outputs, "config check", await runStratus(["config", "check", folder.config]));
  await using first = folder.serve();
  const { url, operationsUrl } = await first.listening();
  await shardReady(operationsUrl, "a2027");
  await collectAnswers(`${url}`, operationsUrl, outputs);
  const submit = ["submit", "--url", `${url}/a2027`, "--key", keyPath, await writeChain(folder)];
  record(outputs, "submit --key of the private key", await runStratus(submit));
  record(outputs, "a second serve", await folder.run("serve"));
  first.signal("SIGKILL");
  await first.end();
  outputs["serve"] = first.stdout + first.stderr;

  // Damage on disk: the shard fails, and says why.
  const slot = (await folder.list()).filter((path) => /slot-[01]$/.test(path));
  for (const path of slot) await writeFile(path, Buffer.alloc(512, 1));
  await using second = folder.serve();
  await second.listening();
  await second.stop();
  outputs["serve of a damaged guard"] = second.stdout + second.stderr;
  closeCalls();

  assert.match(outputs["serve"] ?? "", /submission-refused/, "the log is written in full");
  assert.ok(Object.keys(outputs).length > 30);
  secret.requireAbsent(outputs);
  for (const path of (
    await Promise.all(["data", "guard"].map((top) => below(join(folder.path, top))))
  ).flat()) {
    if (!(await stat(path)).isFile()) continue;
    secret.requireAbsent({ [path]: (await readFile(path)).toString("latin1") });
  }
  for (const [where, text] of Object.entries(outputs)) {
    if (where.startsWith("GET") || where.startsWith("POST")) {
      assert.doesNotMatch(text, /\n\s+at |\.ts:\d+|node:internal|node_modules/, where);
    }
  }
});

test("init and serve make nothing that others can enter or read, whatever the umask was", async () => {
  await using folder = await LogFolder.make(ROOT, [{ name: "a2027" }]);
  // `umask 0` in the parent: the program sets its own.
  const before = process.umask(0);
  let serving: StratusProcess;
  try {
    await folder.init();
    serving = folder.serve();
  } finally {
    process.umask(before);
  }
  await using log = serving;
  const { url, operationsUrl } = await log.listening();
  await shardReady(operationsUrl, "a2027");
  const body = chainJson([ROOT.issue(WITHIN), ROOT.der]);
  assert.equal((await call(url, "/a2027/ct/v1/add-chain", { body })).status, 200);
  closeCalls();
  await log.stop();
  const seen = new Set<string>();
  for (const top of ["data", "guard"]) {
    for (const path of await below(join(folder.path, top))) {
      const { mode } = await stat(path);
      const isFolder = (await stat(path)).isDirectory();
      assert.equal((mode % 0o1000).toString(8), isFolder ? "700" : "600", path);
      seen.add(relative(folder.path, path).replace(/[0-9a-f]{64}/, "ID"));
    }
  }
  const expected = ["data/a2027/db", "data/a2027/db/CURRENT", "data/a2027/entries/00000000"];
  for (const path of [...expected, "data/a2027/key.pem", "guard/ID", "guard/ID/slot-0"]) {
    assert.ok(seen.has(path), `${path} was looked at, among ${[...seen].join(" ")}`);
  }
  const issuers = [...seen].filter((path) => path.startsWith("data/a2027/issuers/"));
  assert.equal(issuers.length > 0, true);
});

/** What a person does wrong with a key. */
async function collectMistakes(
  folder: LogFolder,
  keyPath: string,
  key: string,
  outputs: Outputs,
): Promise<void> {
  const lines = key.trim().split("\n");
  const quoted = JSON.stringify(key);
  const mistakes: Readonly<Record<string, string>> = {
    "a cut key": lines.slice(0, 2).join("\n"),
    "a key without its last line": `${lines.slice(0, -1).join("\n")}\n`,
    "a key with a wrong letter": key.replace(lines[1]?.slice(0, 6) ?? "", "AAAAAA"),
    "a key without armour": lines.slice(1, -1).join(""),
  };
  for (const [what, text] of Object.entries(mistakes)) {
    await writeFile(keyPath, text);
    await chmod(keyPath, 0o600);
    outputs[`init with ${what}`] = await initText(folder.config);
    outputs[`check of ${what}`] = await checkText(folder.config);
  }
  await writeFile(keyPath, key);
  await chmod(keyPath, 0o644);
  record(outputs, "init with an open key", await folder.run("init"));
  outputs["check of an open key"] = await checkText(folder.config);
  // The key in place of something else.
  await chmod(keyPath, 0o600);
  const elsewhere = join(folder.path, "elsewhere.yaml");
  const config = await readFile(folder.config, "utf8");
  const changed: Readonly<Record<string, string>> = {
    "the key as the key's path": config.replace("key: ./given.pem", `key: ${quoted}`),
    "the key as roots": config.replace("./roots.pem", "./given.pem"),
    "the key as a name": config.replace("name: a2027", `name: ${quoted}`),
    "the key as a URL": config.replace(/publicUrl: .*/, `publicUrl: ${quoted}`),
    "the key as data": `data: ${quoted}\n${config}`,
    "the key as a field": `${quoted}: 1\n${config}`,
    "the key as a configuration": key,
    "the key below the configuration": `${config}${key}`,
    "the key in place of roots": config.replace("[./roots.pem]", `[${quoted}]`),
  };
  for (const [what, text] of Object.entries(changed)) {
    await writeFile(elsewhere, text);
    outputs[`check with ${what}`] = await checkText(elsewhere);
  }
  record(outputs, "serve with the key", await runStratus(["serve", "--config", keyPath]));
  const url = "http://127.0.0.1:1/a2027";
  record(outputs, "the key as a chain", await runStratus(["submit", "--url", url, keyPath]));
}

/** What `config check` says, in this process. */
async function checkText(path: string): Promise<string> {
  const lines: string[] = [];
  const say = (line: string): void => {
    lines.push(line);
  };
  const io = { cwd: "/", nowMs: Date.UTC(2027, 0, 2), overrides: {} };
  await checkConfig(path, { ...io, print: say, printError: say });
  return lines.join("\n");
}

/** What `init` throws, in this process, with all that a careless reporter could print of it. */
async function initText(path: string): Promise<string> {
  const surroundings = { cwd: "/", nowMs: Date.UTC(2027, 0, 2), overrides: {} };
  const thrown: unknown = await initShards(await loadConfig(path, surroundings), () => {}).catch(
    (error: unknown) => error,
  );
  assert.ok(thrown instanceof Error, "a wrong key is refused");
  return inspect(thrown, { depth: 10, showHidden: true });
}

/** One of each answer, right and wrong. */
async function collectAnswers(url: string, operations: string, outputs: Outputs): Promise<void> {
  const leaf = ROOT.issue(WITHIN);
  const hash = encodeURIComponent(Buffer.alloc(32).toString("base64"));
  const bodies = [chainJson([leaf, ROOT.der]), chainJson([makeCa().der]), "{", '{"chain":["A"]}'];
  for (const [index, body] of [...bodies, chainJson([leaf.slice(0, 100)])].entries()) {
    for (const endpoint of ["add-chain", "add-pre-chain"]) {
      const reply = await call(url, `/a2027/ct/v1/${endpoint}`, { body });
      outputs[`POST ${endpoint} ${index}`] = reply.text + JSON.stringify(reply.headers);
    }
  }
  const api = "/a2027/ct/v1";
  const targets = [
    ...["/", "/logs.json", "/a2027/checkpoint", "/a2027/log.v3.json", "/nothing", "/a2027/key.pem"],
    ...["get-sth", "get-roots", "get-entries?start=0&end=9", "get-entries?start=9&end=%zz"].map(
      (rest) => `${api}/${rest}`,
    ),
    `${api}/get-proof-by-hash?tree_size=1&hash=${hash}`,
    `${api}/get-entry-and-proof?leaf_index=0&tree_size=1`,
    ...["/a2027/tile/data/000.p/1", "/a2027/tile/0/000.p/1", "/a2027/issuer/00"],
  ];
  for (const target of targets) {
    const reply = await call(url, target);
    outputs[`GET ${target}`] = reply.text + JSON.stringify(reply.headers);
  }
  for (const target of ["/metrics", "/healthz", "/readyz", "/readyz/a2027", "/nothing"]) {
    const reply = await call(operations, target);
    outputs[`GET operations ${target}`] = reply.text + JSON.stringify(reply.headers);
  }
}

function record(
  outputs: Outputs,
  name: string,
  ran: { readonly stdout: string; readonly stderr: string },
): void {
  outputs[name] = ran.stdout + ran.stderr;
}

async function writeChain(folder: LogFolder): Promise<string> {
  const path = join(folder.path, "chain.pem");
  await writeFile(path, pem(ROOT.issue(WITHIN)) + pem(ROOT.der));
  return path;
}

async function below(path: string): Promise<readonly string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return [path, ...entries.map((entry) => join(entry.parentPath, entry.name))];
}

interface KeyForms {
  readonly text: string;
  readonly sec1: string;
  readonly hex: string;
  readonly base64: string;
  readonly public: Uint8Array;
}

function keyPem(): KeyForms {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const { d = "" } = privateKey.export({ format: "jwk" });
  const raw = Buffer.from(d, "base64url");
  return {
    text: privateKey.export({ format: "pem", type: "pkcs8" }).toString(),
    sec1: privateKey.export({ format: "pem", type: "sec1" }).toString(),
    hex: raw.toString("hex"),
    base64: raw.toString("base64"),
    public: publicKey.export({ format: "der", type: "spki" }),
  };
}
