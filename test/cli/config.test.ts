import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { MalformedError } from "../../src/base/errors.ts";
import { checkConfig } from "../../src/cli/config.ts";
import { listFolders, loadConfig } from "../../src/cli/load-config.ts";
import { makeCa } from "../support/certificates.ts";
import { makeOtherLog } from "../support/other-log.ts";
import { pemOf } from "../support/running-log.ts";

const NOW_MS = Date.UTC(2026, 10, 23);

/** An empty folder that is removed at the end of the test. */
async function makeFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "stratus-config-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

interface Checked {
  readonly code: number;
  readonly out: string;
  readonly errors: string;
}

async function check(cwd: string, path = "log.yaml"): Promise<Checked> {
  const out: string[] = [];
  const errors: string[] = [];
  const code = await checkConfig(path, {
    cwd,
    nowMs: NOW_MS,
    overrides: {},
    print: (line) => out.push(line),
    printError: (line) => errors.push(line),
  });
  return { code, out: out.join("\n"), errors: errors.join("\n") };
}

function keyPem(namedCurve = "prime256v1"): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

const DEVELOPMENT = `development: true
publicUrl: http://127.0.0.1:6962
series: [{ name: nimbus, years: 2 }]
`;

test("checkConfig() explains addresses, windows, origins and what does not exist yet", async () => {
  await using folder = await makeFolder();
  await writeFile(join(folder.path, "log.yaml"), DEVELOPMENT);
  const { code, out, errors } = await check(folder.path);
  assert.equal(code, 0);
  assert.equal(errors, "");
  const lines = out.split("\n");
  for (const line of [
    "Serves the log on 127.0.0.1:6962 and is reached at http://127.0.0.1:6962.",
    "Metrics and health are on 127.0.0.1:6963.",
    "This is a development configuration: 'stratus dev' creates what is missing.",
    `Data folder: ${folder.path}/data (does not exist yet).`,
    `Guard folder: ${folder.path}/guard (does not exist yet).`,
    "  warning: guard lies on the same device as data: a disk rolled back or lost takes both with it.",
    "Shard nimbus2027 (rfc6962) takes certificates that expire from 2027-01-01T00:00:00Z to before 2028-01-01T00:00:00Z.",
    "  URL http://127.0.0.1:6962/nimbus2027/, origin 127.0.0.1:6962/nimbus2027.",
    `  Folder ${folder.path}/data/nimbus2027 (does not exist yet: 'stratus init' creates it).`,
    `  Key ${folder.path}/data/nimbus2027/key.pem (does not exist yet: 'stratus init' creates it).`,
    "  Extended key usages: any.",
    "  A commit every 10 ms at most, of at most 4096 entries or 32 MiB; an idle head is renewed after 10000 ms.",
    "  At most 20000 submissions or 128 MiB wait, each at most 5000 ms.",
    "Roots are read again on SIGHUP and every 60 minutes; a reading that lost over 20 % is refused.",
    "log.yaml: 0 errors, 3 warnings.",
  ]) {
    assert(lines.includes(line), `missing: ${line}\n${out}`);
  }
  assert.match(out, /Roots: mozilla, [1-9]\d+ certificates/);
  assert.match(out, / {2}warning: nimbus2027: .* lack Google's Merge Delay Monitor Root /);
  assert.deepEqual(await listFolders(join(folder.path, "data")), [], "nothing was created");
});

test("checkConfig() prints mistakes with line and column on stderr and returns 1", async () => {
  await using folder = await makeFolder();
  await writeFile(join(folder.path, "log.yaml"), `${DEVELOPMENT}listen: 80\nxyz: 1\n`);
  const { code, out, errors } = await check(folder.path);
  assert.equal(code, 1);
  assert.equal(out, "");
  assert.match(
    errors,
    /^log\.yaml:4:9: listen: expected text, got 80 .*\nlog\.yaml:5:1: unknown key "xyz" /,
  );
});

test("checkConfig() of a file that is not there returns 1 and says so", async () => {
  await using folder = await makeFolder();
  const { code, errors } = await check(folder.path, "nope.yaml");
  assert.equal(code, 1);
  assert.match(errors, /^nope\.yaml: cannot be read: ENOENT/);
});

test("checkConfig() tells existing shards, keys, permissions and roots", async () => {
  await using folder = await makeFolder();
  const text = `${DEVELOPMENT}roots: [./roots.pem]\ndata: d\n`;
  await writeFile(join(folder.path, "log.yaml"), text);
  await writeFile(
    join(folder.path, "roots.pem"),
    [makeCa(), makeCa(), makeCa()].map((root) => pemOf(root.der)).join(""),
  );
  const shard = join(folder.path, "d/nimbus2026");
  await mkdir(join(shard, "db"), { recursive: true, mode: 0o700 });
  await writeFile(join(shard, "key.pem"), keyPem(), { mode: 0o600 });
  const first = await check(folder.path);
  assert.equal(first.code, 0, first.out);
  assert(first.out.includes(`  Folder ${shard} (exists).`), first.out);
  assert.match(first.out, /nimbus2026\/key\.pem \(exists, permissions 600\), log ID [\w+/]{43}=\./);
  assert(first.out.includes(`  Roots: ${folder.path}/roots.pem, 3 certificates.`), first.out);
  assert(!first.out.includes("open to others"), first.out);
  await chmod(join(shard, "key.pem"), 0o644);
  const second = await check(folder.path);
  assert.equal(second.code, 1);
  assert.match(second.out, /error: the key at .* is open to others \(mode 644\); run: chmod 600 /);
  await chmod(join(shard, "key.pem"), 0o600);
  await chmod(shard, 0o755);
  const loose = await check(folder.path);
  assert.equal(loose.code, 0);
  assert.match(loose.out, /warning: the folder .* is open to others \(mode 755\); run: chmod 700 /);
  await rm(join(shard, "key.pem"));
  const third = await check(folder.path);
  assert.equal(third.code, 1);
  assert.match(third.out, /error: key .* is gone, but the shard exists/);
});

test("checkConfig() fails for keys of another curve or form and for roots that are none", async () => {
  await using folder = await makeFolder();
  const roots = "roots: [./empty.pem, ./absent.pem]\n";
  await writeFile(join(folder.path, "log.yaml"), DEVELOPMENT + roots);
  await writeFile(join(folder.path, "empty.pem"), "no certificate\n");
  await mkdir(join(folder.path, "data/nimbus2026"), { recursive: true });
  await mkdir(join(folder.path, "data/nimbus2027"));
  await writeFile(join(folder.path, "data/nimbus2026/key.pem"), keyPem("secp384r1"));
  await writeFile(join(folder.path, "data/nimbus2027/key.pem"), "secret of mine");
  const { code, out } = await check(folder.path);
  assert.equal(code, 1);
  assert.match(out, /nimbus2026\/key\.pem cannot be used: expected a P-256 key, got secp384r1\./);
  assert.match(out, /nimbus2027\/key\.pem cannot be used: expected PKCS#8 PEM/);
  assert.match(out, /error: roots from .*empty\.pem: no certificate \(expected PEM, /);
  assert.match(out, /error: roots from .*absent\.pem: ENOENT/);
  assert(!out.includes("secret of mine"), "key material is never shown");
});

test("checkConfig() fails for two shards whose key files hold one key", async () => {
  await using folder = await makeFolder();
  await writeFile(join(folder.path, "log.yaml"), DEVELOPMENT);
  const pem = keyPem();
  for (const name of ["nimbus2026", "nimbus2027"]) {
    await mkdir(join(folder.path, "data", name), { recursive: true });
    await writeFile(join(folder.path, "data", name, "key.pem"), pem, { mode: 0o600 });
  }
  const { code, out } = await check(folder.path);
  assert.equal(code, 1);
  assert.match(out, /error: the shard nimbus2026 has the same key/);
});

test("checkConfig() warns of shards that nobody serves, http and open operations", async () => {
  await using folder = await makeFolder();
  const text = DEVELOPMENT.replace("development: true", "operations: 0.0.0.0:1");
  await writeFile(join(folder.path, "log.yaml"), `${text}data: d\n`);
  await mkdir(join(folder.path, "d/cirrus2025/db"), { recursive: true });
  await mkdir(join(folder.path, "d/lost+found"));
  const { code, out } = await check(folder.path);
  assert.equal(code, 0);
  assert(
    out.includes(`warning: ${folder.path}/d/cirrus2025 holds a shard that nobody serves`),
    out,
  );
  assert(!out.includes("lost+found"), out);
  assert.match(out, /warning: a public URL has http/);
  assert.match(out, /warning: operations is not bound to loopback/);
});

test("checkConfig() says that a shard past its window is closed", async () => {
  await using folder = await makeFolder();
  await writeFile(join(folder.path, "log.yaml"), DEVELOPMENT);
  await mkdir(join(folder.path, "data/nimbus2025"), { recursive: true });
  const { out } = await check(folder.path);
  assert.match(out, /Shard nimbus2025 .*\n {2}It is closed for submissions/);
  assert.equal(out.match(/It is closed/g)?.length, 1);
});

test("loadConfig() covers the folders of data, links among them", async () => {
  await using folder = await makeFolder();
  await writeFile(join(folder.path, "log.yaml"), DEVELOPMENT);
  const options = { cwd: folder.path, nowMs: NOW_MS, overrides: {} };
  const namesOf = async (): Promise<readonly string[]> =>
    (await loadConfig("log.yaml", options)).shards.map((shard) => shard.name);
  assert.deepEqual(await namesOf(), ["nimbus2026", "nimbus2027"]);
  await mkdir(join(folder.path, "data"));
  await writeFile(join(folder.path, "data/nimbus2020"), "a file is no shard");
  await mkdir(join(folder.path, "elsewhere"));
  await symlink("../elsewhere", join(folder.path, "data/nimbus2024"));
  assert.deepEqual(await namesOf(), ["nimbus2024", "nimbus2025", "nimbus2026", "nimbus2027"]);
  const absolute = await loadConfig(join(folder.path, "log.yaml"), { ...options, cwd: "/" });
  assert.equal(absolute.shards.length, 4);
});

test("loadConfig() refuses a data folder whose shards cannot be seen", async () => {
  await using folder = await makeFolder();
  await writeFile(join(folder.path, "log.yaml"), DEVELOPMENT);
  const options = { cwd: folder.path, nowMs: NOW_MS, overrides: {} };
  const isRefused = (error: unknown): boolean =>
    error instanceof MalformedError && /cannot be listed/.test(error.message);
  await symlink("unmounted", join(folder.path, "data"));
  await assert.rejects(loadConfig("log.yaml", options), isRefused);
  await rm(join(folder.path, "data"));
  await writeFile(join(folder.path, "data"), "");
  await assert.rejects(loadConfig("log.yaml", options), isRefused);
  await rm(join(folder.path, "data"));
  await mkdir(join(folder.path, "data"));
  await symlink("unmounted", join(folder.path, "data/nimbus2024"));
  await assert.rejects(loadConfig("log.yaml", options), isRefused);
});

test("checkConfig() counts the logs of a list, and names a list that cannot be used", async () => {
  await using folder = await makeFolder();
  const path = join(folder.path, "logs.json");
  const { listText } = makeOtherLog();
  await writeFile(join(folder.path, "log.yaml"), `${DEVELOPMENT}logList: ./logs.json\n`);
  await writeFile(path, listText);
  const good = await check(folder.path);
  assert.equal(good.code, 0);
  assert.match(good.out, new RegExp(`^Names other logs by ${path}: 1 log\\.$`, "m"));
  for (const [text, why] of [
    ["{", /JSON/],
    ['{"operators":[]}', /no log in the list/],
    [listText.replace(/"key":"..../, '"key":"AAAA'), /log_id is not the SHA-256 of key/],
    [" ".repeat(4_194_305), /more than 4194304 bytes/],
  ] as const) {
    await writeFile(path, text);
    const { code, out } = await check(folder.path);
    assert.equal(code, 1);
    const [line = ""] = /^ {2}error: .*$/m.exec(out) ?? [];
    assert.ok(line.includes(`logList ${path} cannot be used: `), line);
    assert.match(line, why);
  }
  await rm(path);
  assert.match((await check(folder.path)).out, / {2}error: logList .* ENOENT/);
});
