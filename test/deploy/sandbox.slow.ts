/**
 * A real process in what deploy/stratus.service and the container leave it: no system call that
 * the unit's filter refuses, a read-only root, /proc of its own processes alone, no
 * capabilities, another user. And with the files alone that the Dockerfile copies.
 * @module
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, chown, cp, mkdir, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { chainOf, makeCa } from "../support/certificates.ts";
import { programPath, runProgram, unlessInstalled } from "../support/deploy.ts";
import { temporaryFolder } from "../support/level.ts";
import { LogFolder, StratusProcess, shardReady } from "../support/process.ts";
import { chainJson } from "../support/running-log.ts";
import { ROOT, readSource } from "../support/source.ts";
import { whyNoStrace } from "../support/strace.ts";

const CA = makeCa();
const SHARD = "test2027";

/** Submits once, reads once and stops the log as its supervisor does. */
async function useAndStop(
  log: StratusProcess,
  stop: () => void = () => log.signal("SIGTERM"),
): Promise<void> {
  const { url, operationsUrl } = await log.listening();
  await shardReady(operationsUrl, SHARD);
  const leaf = CA.issue({ notAfter: new Date("2027-03-01T00:00:00Z") });
  const body = chainJson(chainOf(leaf, CA));
  const sent = await fetch(`${url}/${SHARD}/ct/v1/add-chain`, { method: "POST", body });
  assert.equal(sent.status, 200, await sent.text());
  const tile = await fetch(`${url}/${SHARD}/tile/data/000.p/1`);
  assert.equal(tile.status, 200);
  await tile.arrayBuffer();
  const metrics = await fetch(`${operationsUrl}/metrics`);
  assert.match(await metrics.text(), /^process_open_fds [1-9]/m);
  stop();
  assert.deepEqual(await log.end(), { code: 0, signal: null }, log.stderr);
}

/** The system calls of a set of systemd's: `@system-service`. */
function callsOf(set: string): ReadonlySet<string> {
  const { code, text } = runProgram("systemd-analyze", ["syscall-filter", set]);
  assert.equal(code, 0, text);
  const calls = new Set<string>();
  for (const line of text.split("\n").slice(1)) {
    const name = line.trim();
    if (name.startsWith("@")) for (const call of callsOf(name)) calls.add(call);
    else if (/^[a-z_0-9]+$/.test(name)) calls.add(name);
  }
  return calls;
}

/** What the unit's `SystemCallFilter` lines leave. */
function allowedCalls(): ReadonlySet<string> {
  const allowed = new Set<string>();
  const lines = readSource("deploy/stratus.service").matchAll(/^SystemCallFilter=(.+)$/gm);
  for (const [, value = ""] of lines) {
    const isRefused = value.startsWith("~");
    for (const set of value.replace("~", "").split(" ")) {
      for (const call of callsOf(set)) {
        if (isRefused) allowed.delete(call);
        else allowed.add(call);
      }
    }
  }
  return allowed;
}

test("no system call of a log is one that the unit's filter refuses", {
  skip: unlessInstalled("systemd-analyze") || (whyNoStrace() ?? false),
}, async () => {
  const allowed = allowedCalls();
  assert.ok(allowed.has("openat") && allowed.has("flock") && !allowed.has("mount"));
  await using folder = await LogFolder.make(CA, [{ name: SHARD }], ["frontends: 1"]);
  await folder.init();
  const calls = join(folder.path, "calls");
  // Only what is refused is recorded, so that the rest costs little. `?`: unknown here is fine.
  const others = [...allowed].map((call) => `?${call}`).join(",");
  const strace = ["strace", "-f", "--seccomp-bpf", "-e", `trace=!${others}`, "-o", calls];
  await using log = new StratusProcess(["serve", "--config", folder.config], { wrapper: strace });
  const childOf = () => runProgram("pgrep", ["-P", String(log.pid)]).text.trim();
  await log.listening();
  // strace passes no signal on: the one to stop is its child.
  const pid = Number(childOf());
  await useAndStop(log, () => process.kill(pid, "SIGTERM"));
  const lines = (await readFile(calls, "utf8")).split("\n");
  assert.ok(
    lines.some((line) => line.includes("+++ exited with 0 +++")),
    "it was traced",
  );
  const refused = lines.filter((line) => /^\d+ +[a-z_0-9]+\(/.test(line));
  assert.deepEqual(refused, []);
});

/** A namespace as the unit makes it: `$1` the folders that stay writable, then the command. */
const SANDBOX = `
set -e
mount --make-rprivate /
mount -t proc -o subset=pid,hidepid=invisible proc /proc
for folder in $1; do mount --bind "$folder" "$folder"; done
while read -r _ place _; do
  case " $1 /proc " in *" $place "*) continue ;; esac
  case "$place" in /proc/*|/dev|/dev/*) continue ;; esac
  mount -o remount,bind,ro "$place" 2>/dev/null || true
done </proc/self/mounts
if touch /etc/stratus-test 2>/dev/null; then echo "the root is writable" >&2; exit 9; fi
shift
exec setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs \\
  --bounding-set=-all --inh-caps=-all "$@"
`;

/** Why no such namespace can be made here; false if it can. */
function unlessNamespaces(): string | false {
  const missing = unlessInstalled("unshare", "setpriv");
  if (missing !== false) return missing;
  const probe = "mount --make-rprivate / && mount -t proc -o subset=pid proc /proc";
  const { status } = spawnSync(programPath("unshare") ?? "", ["-m", "sh", "-c", probe]);
  return status === 0 ? false : "no mount namespace can be made here";
}

test("a log runs with a read-only root, its own /proc, no capabilities, another user", {
  skip: unlessNamespaces(),
}, async () => {
  await using folder = await LogFolder.make(CA, [{ name: SHARD }]);
  const writable = [join(folder.path, "data"), join(folder.path, "guard")];
  for (const path of writable) await mkdir(path);
  for (const path of [folder.path, folder.config, join(folder.path, "roots.pem"), ...writable]) {
    await chown(path, 65_534, 65_534);
  }
  const wrapper = ["unshare", "-m", "sh", "-c", SANDBOX, "sandbox", writable.join(" ")];
  await using init = new StratusProcess(["init", "--config", folder.config], { wrapper });
  assert.deepEqual(await init.end(), { code: 0, signal: null }, init.stderr);
  await using log = new StratusProcess(["serve", "--config", folder.config], { wrapper });
  await useAndStop(log);
});

test("a log runs from the files alone that the Dockerfile copies; its health check tells", async () => {
  await using image = await temporaryFolder();
  const dockerfile = readSource("Dockerfile");
  for (const [, paths = ""] of dockerfile.matchAll(/^COPY (?!--)(.+) \.\/?[a-z]*$/gm)) {
    for (const path of paths.split(" ")) {
      await cp(join(ROOT, path), join(image.path, path), { recursive: true });
    }
  }
  await symlink(join(ROOT, "node_modules"), join(image.path, "node_modules"));
  await chmod(join(image.path, "stratus"), 0o755);
  await using folder = await LogFolder.make(CA, [{ name: SHARD }]);
  const program = join(image.path, "stratus");
  const env = { STRATUS_CONFIG: folder.config };
  await using init = new StratusProcess(["init"], { program, env });
  assert.deepEqual(await init.end(), { code: 0, signal: null }, init.stderr);
  const [, command] = /^ {2}CMD (\["node", "-e", .*\])$/m.exec(dockerfile) ?? assert.fail();
  const [, ...args] = JSON.parse(command ?? "") as string[];
  const check = (port: string): number | null => {
    const own = args.map((text) => text.replace(":6963/", `:${port}/`));
    return spawnSync(process.execPath, own, { timeout: 20_000 }).status;
  };
  await using log = new StratusProcess(["serve"], { program, env });
  const { operationsUrl } = await log.listening();
  const { port } = new URL(operationsUrl);
  assert.equal(check(port), 0);
  await useAndStop(log);
  assert.equal(check(port), 1);
});
