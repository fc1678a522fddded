/**
 * Programs of the system that the tests of deploy/ run, as Debian packages them; what is not
 * installed is skipped with a line that says so. Files of deploy/, parsed.
 * @module
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { parse } from "yaml";
import { until } from "./process.ts";
import { ROOT, readSource } from "./source.ts";

/** Debian's package of each program. */
const PACKAGES: Readonly<Record<string, string>> = {
  promtool: "prometheus",
  prometheus: "prometheus",
  nginx: "nginx-light",
  caddy: "caddy",
  "systemd-analyze": "systemd",
  openssl: "openssl",
  strace: "strace",
};

/** Beside PATH: where administrators' programs lie. */
const FOLDERS = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/sbin"];

/** The path of a program; undefined if it is not installed. */
export function programPath(name: string): string | undefined {
  return FOLDERS.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** For `skip` of a test: false, or which package would be needed. */
export function unlessInstalled(...names: readonly string[]): string | false {
  const missing = names.filter((name) => programPath(name) === undefined);
  if (missing.length === 0) return false;
  const packages = new Set(missing.map((name) => PACKAGES[name] ?? name));
  return `not installed: ${missing.join(", ")} (Debian: apt-get install ${[...packages].join(" ")})`;
}

/** What a program said. */
export interface Said {
  readonly code: number | null;
  /** Both outputs. */
  readonly text: string;
}

/** Runs a program to its end, at most a minute. */
export function runProgram(name: string, args: readonly string[], cwd: string = ROOT): Said {
  const path = programPath(name) ?? assert.fail(`${name} is not installed`);
  const ran = spawnSync(path, args, { cwd, encoding: "utf8", timeout: 60_000 });
  return { code: ran.status, text: `${ran.stdout}${ran.stderr}` };
}

/** A server of the system's, in the foreground; killed when disposed of. */
export class ServerProgram implements AsyncDisposable {
  output = "";
  readonly #child: ChildProcess;
  #isOver = false;

  constructor(name: string, args: readonly string[]) {
    const path = programPath(name) ?? assert.fail(`${name} is not installed`);
    this.#child = spawn(path, args, { stdio: ["ignore", "pipe", "pipe"] });
    const take = (data: Buffer): void => {
      this.output += String(data);
    };
    this.#child.stdout?.on("data", take);
    this.#child.stderr?.on("data", take);
    this.#child.once("close", () => {
      this.#isOver = true;
    });
  }

  /** Waits until `probe` gives something. @throws Error with its output if it ends instead. */
  async until<T>(what: string, probe: () => Promise<T | undefined>): Promise<T> {
    return until(what, () => {
      if (this.#isOver) throw new Error(`it ended:\n${this.output}`);
      return probe();
    });
  }

  /** SIGTERM, and SIGKILL for one that does not end within five seconds. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOver) this.#child.kill("SIGTERM");
    const over = () => (this.#isOver ? true : undefined);
    await until("its end", over, 5_000).catch(() => this.#child.kill("SIGKILL"));
    await until("its end", over);
  }
}

/** A port of 127.0.0.1 on which nobody listened a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  assert.ok(address !== null && typeof address === "object");
  return address.port;
}

/** Replaces every `from`, which must be there. */
export function substitute(text: string, pairs: readonly (readonly [string, string])[]): string {
  let result = text;
  for (const [from, to] of pairs) {
    assert.ok(result.includes(from), `${from} stands in the file`);
    result = result.replaceAll(from, to);
  }
  return result;
}

/** What YAML comes to. */
export interface Tree {
  readonly [key: string]: Tree;
}

/** A YAML file, without a type: what is asked of it and not there is undefined. */
export function readYaml(path: string): Tree {
  return parse(readSource(path)) as Tree;
}

/** A list in a tree, of trees. */
export function items(tree: Tree | undefined): readonly Tree[] {
  assert.ok(Array.isArray(tree), `expected a list, got ${JSON.stringify(tree)}`);
  return tree as readonly Tree[];
}

/** A list of texts in a tree. */
export function texts(tree: Tree | undefined): readonly string[] {
  return items(tree).map(String);
}

/** An alert rule of deploy/alerts.yml. */
export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook_url: string };
}

/** All alert rules, in order. */
export function alertRules(): readonly AlertRule[] {
  const groups = items(readYaml("deploy/alerts.yml")["groups"]);
  return groups.flatMap((group) => items(group["rules"]) as unknown as readonly AlertRule[]);
}
