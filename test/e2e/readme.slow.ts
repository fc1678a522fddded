/**
 * What the README promises, done by real processes: the two commands, the first minute, the
 * tour, the help; and that nothing printed holds a private key.
 * @module
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createPrivateKey } from "node:crypto";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { makeCa } from "../support/certificates.ts";
import { temporaryFolder } from "../support/level.ts";
import { LogFolder, runStratus, StratusProcess } from "../support/process.ts";
import { ROOT } from "../support/source.ts";
import { pem } from "../support/submit-run.ts";

const run = promisify(execFile);

/** What `curl URL` prints; asked by fetch where there is no curl. */
async function curlOf(url: string): Promise<string> {
  try {
    return (await run("curl", ["-sS", "--fail", url])).stdout;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return (await fetch(url)).text();
  }
}

/** The fenced blocks of the README. */
async function blocks(): Promise<readonly string[]> {
  const text = await readFile(join(ROOT, "README.md"), "utf8");
  return [...text.matchAll(/^```sh\n(.*?)^```/gms)].map(([, block = ""]) => block);
}

/** Every spelling in which a key could be printed. */
async function spellings(keyPath: string): Promise<readonly string[]> {
  const text = await readFile(keyPath, "utf8");
  const key = createPrivateKey(text);
  const { d } = key.export({ format: "jwk" });
  assert(d !== undefined);
  const secret = Buffer.from(d, "base64url");
  assert.equal(secret.length, 32);
  const ders = [
    key.export({ format: "der", type: "pkcs8" }),
    key.export({ format: "der", type: "sec1" }),
  ];
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("-----"));
  return [
    ...lines,
    d,
    secret.toString("base64").slice(0, 42),
    secret.toString("hex"),
    secret.toString("hex").toUpperCase(),
    [...secret].join(","),
    [...secret].join(", "),
    ...ders.flatMap((der) => [der.toString("base64"), der.toString("hex")]),
    "PRIVATE KEY",
  ];
}

/** Nothing that was printed holds any spelling of the key. */
async function requireNoKey(output: string, keyPath: string): Promise<void> {
  assert(output.length > 0);
  for (const spelling of await spellings(keyPath)) {
    assert(!output.includes(spelling), "the output holds a private key");
  }
}

test("README.md opens with exactly the two commands", async () => {
  const [first = ""] = await blocks();
  const commands = first.split("\n").map((line) => line.replace(/\s*#.*/, ""));
  assert.deepEqual(commands, ["npm ci && npm start", "npm ci && npm test", ""]);
  const parsed = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  assert.equal(parsed.scripts["start"], "./stratus dev");
});

test("npm start's command with config/dev.yaml: shards, warning, a curl line that works, submit", async () => {
  await using folder = await temporaryFolder();
  const root = makeCa();
  await cp(join(ROOT, "config/dev.yaml"), join(folder.path, "conf/dev.yaml"), { recursive: true });
  const config = join(folder.path, "conf/dev.yaml");
  // The same file, but for free ports and one more root, so that a chain made here is taken.
  const text = (await readFile(config, "utf8")).replace(
    /^roots: .*$/m,
    "roots: [mozilla, ./roots.pem]",
  );
  await writeFile(config, text);
  await writeFile(join(folder.path, "conf/roots.pem"), pem(root.der));
  const flags = ["--listen", "127.0.0.1:0", "--operations", "127.0.0.1:0"];
  await using log = new StratusProcess(["dev", "--config", config, ...flags]);
  const { url, operationsUrl } = await log.listening();
  const year = new Date().getUTCFullYear();
  for (const shard of [0, 1, 2, 3].map((ahead) => `nimbus${year + ahead}`)) {
    assert.match(log.stdout, new RegExp(`^${shard}: created$`, "m"));
    assert.match(log.stdout, new RegExp(`^ {2}${shard} {2}open {2}certificates`, "m"));
    assert.equal((await fetch(`${operationsUrl}/readyz/${shard}`)).status, 200);
  }
  assert.match(log.stdout, /WARNING: the keys above were made just now, for development only/);

  const curl = /^ {2}curl (\S+)$/m.exec(log.stdout)?.[1];
  assert(curl !== undefined, log.stdout);
  assert(curl.startsWith(url), curl);
  assert.match(await curlOf(curl), /"tree_size":0/);

  const chain = join(folder.path, "chain.pem");
  const notAfter = new Date(`${year + 1}-06-01T00:00:00Z`);
  await writeFile(chain, pem(root.issue({ notAfter }), root.der));
  const submitted = await runStratus(["submit", "--url", `${url}/nimbus${year + 1}`, chain]);
  assert.equal(submitted.code, 0, submitted.stderr);
  assert.match(submitted.stdout, /All checks hold: entry 0 is in the tree/);
  const wrong = await runStratus(["submit", "--url", `${url}/nimbus${year + 2}`, chain]);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, new RegExp(`nimbus${year + 1}`), "it names the shard that takes it");

  for (const path of ["ct/v1/get-sth", "checkpoint"]) {
    assert.equal((await fetch(`${url}/nimbus${year + 1}/${path}`)).status, 200);
  }
  assert.equal((await fetch(`${operationsUrl}/readyz`)).status, 200);
  assert.deepEqual(await log.stop(), { code: 0, signal: null });
  const output = [log, submitted, wrong].map(({ stdout, stderr }) => stdout + stderr).join("");
  for (const shard of [0, 1, 2, 3].map((ahead) => `nimbus${year + ahead}`)) {
    await requireNoKey(output, join(folder.path, "data", shard, "key.pem"));
  }

  // A second start finds everything and warns of nothing.
  await using again = new StratusProcess(["dev", "--config", config, ...flags]);
  const restarted = await again.listening();
  assert.doesNotMatch(again.stdout, /created|WARNING/);
  const head = await fetch(`${restarted.url}/nimbus${year + 1}/ct/v1/get-sth`);
  assert.match(await head.text(), /"tree_size":1/);
});

test("./stratus demo exits 0 and holds every check", async () => {
  const { code, stdout, stderr } = await runStratus(["demo"]);
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  assert.match(stdout, /Every check held/);
});

test("no output of init, serve, submit and refusals holds a private key", async () => {
  const root = makeCa();
  await using folder = await LogFolder.make(root, [{ name: "a2027" }], ["logLevel: trace"]);
  const outputs: string[] = [];
  const keep = ({ stdout, stderr }: { stdout: string; stderr: string }): void => {
    outputs.push(stdout, stderr);
  };
  keep(await folder.run("init"));
  {
    await using log = folder.serve();
    const { url, operationsUrl } = await log.listening();
    keep(await folder.run("serve"));
    const chain = join(folder.path, "chain.pem");
    await writeFile(chain, pem(root.issue({ notAfter: new Date("2027-06-01T00:00:00Z") })));
    keep(await runStratus(["submit", "--url", `${url}/a2027`, chain]));
    for (const path of ["", "/logs.json", "/a2027/log.v3.json", "/a2027/nowhere"]) {
      outputs.push(await (await fetch(`${url}${path}`)).text());
    }
    outputs.push(await (await fetch(`${operationsUrl}/metrics`)).text());
    await log.stop();
    keep(log);
  }
  keep(await runStratus(["config", "check", folder.config]));
  const keyPath = folder.shardPath("a2027", "key.pem");
  const text = await readFile(keyPath, "utf8");
  await requireNoKey(outputs.join("\n"), keyPath);
  // A damaged key file is quoted by nobody.
  const lines = text.split("\n");
  await writeFile(keyPath, [lines[0], lines[1]?.slice(0, 60), ...lines.slice(2)].join("\n"));
  const damaged = [await folder.run("serve"), await runStratus(["config", "check", folder.config])];
  await writeFile(keyPath, text);
  for (const { stdout, stderr } of damaged) await requireNoKey(stdout + stderr, keyPath);
  assert.match(damaged[0]?.stderr ?? "", /FATAL_STORE_MISSING: .* no key of a log/);
});

const COMMANDS = [[], ["dev"], ["init"], ["serve"], ["config"], ["config", "check"]].concat([
  ["submit"],
  ["demo"],
  ["validate"],
  ["sct"],
  ["sct", "decode"],
  ["cert"],
  ["cert", "check"],
  ["policy"],
  ["policy", "check"],
  ["policy", "export"],
]);

test("--help of each command exits 0; what is unknown exits 2 with a hint", async () => {
  for (const words of COMMANDS) {
    const { code, stdout, stderr } = await runStratus([...words, "--help"]);
    assert.equal(code, 0, `${words.join(" ")}: ${stderr}`);
    assert.match(stdout, /^Usage: stratus/);
  }
  const help = await runStratus(["help"]);
  assert.equal(help.code, 0);
  for (const [word] of COMMANDS.filter((words) => words.length === 1)) {
    assert.match(help.stdout, new RegExp(`^ {2}${word}\\b`, "m"));
  }
  for (const args of [["frobnicate"], ["serve", "--frobnicate"], ["submit"], ["config"], []]) {
    const { code, stderr } = await runStratus(args);
    assert.equal(code, 2, `${args.join(" ")}: ${stderr}`);
    assert.notEqual(stderr, "");
  }
  const version = await runStratus(["--version"]);
  assert.equal(version.code, 0);
  assert.match(version.stdout, /^[0-9]+\.[0-9]+\.[0-9]+\n$/);
});

test("config check explains each example of config/, and says what of it is missing", async () => {
  for (const name of ["dev.yaml", "half-years.yaml", "nimbus.yaml"]) {
    const file = join(ROOT, "config", name);
    await using folder = await temporaryFolder();
    const { code, stdout, stderr } = await runStratus(
      ["config", "check", file, "--data", join(folder.path, "data")],
      { cwd: folder.path },
    );
    assert.match(stdout, /^Shard (?:nimbus|cirrus)2026/m, `${name}: ${stderr}`);
    if (name === "nimbus.yaml") assert.match(stdout + stderr, /\/etc\/stratus\/.*\.pem/);
    else assert.equal(code, 0, `${name}: ${stdout}\n${stderr}`);
  }
});
