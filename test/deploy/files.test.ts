/**
 * The files of deploy/ and the Dockerfile name paths, ports, commands and settings that exist,
 * and the same ones. No container engine is at hand: what can be read out of them is checked.
 * @module
 */
import assert from "node:assert/strict";
import { accessSync, constants, existsSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Config } from "../../src/config/config.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { BODY_BYTES_MAX } from "../../src/http/body.ts";
import { items, readYaml, texts } from "../support/deploy.ts";
import { ROOT, readSource } from "../support/source.ts";

/** One instruction of a Dockerfile, its continued lines joined. */
interface Instruction {
  readonly name: string;
  readonly rest: string;
}

function parseDockerfile(text: string): readonly Instruction[] {
  const lines = text.split("\n").filter((line) => !/^\s*#/.test(line));
  const joined = lines.join("\n").replaceAll(/\\\n\s*/g, "");
  return joined
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const [, name = "", rest = ""] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? assert.fail(line);
      return { name, rest };
    });
}

const DOCKERFILE = parseDockerfile(readSource("Dockerfile"));
const COMPOSE = readYaml("deploy/docker-compose.yml");
const CONFIG: Config = parseConfig(readSource("deploy/log.yaml"), {
  path: "deploy/log.yaml",
  cwd: ROOT,
  nowMs: Date.UTC(2026, 10, 23),
  shardFolders: [],
  overrides: {},
});
const NGINX = readSource("deploy/nginx.conf");
const CADDY = readSource("deploy/Caddyfile");
const MANIFEST = JSON.parse(readSource("package.json"));

function instructions(name: string): readonly string[] {
  return DOCKERFILE.filter((instruction) => instruction.name === name).map(({ rest }) => rest);
}

function one(name: string): string {
  const found = instructions(name);
  assert.equal(found.length, 1, `one ${name}`);
  return found[0]!;
}

/** The variables that ENV sets. */
function environment(): ReadonlyMap<string, string> {
  const words = instructions("ENV").flatMap((rest) => rest.trim().split(/\s+/));
  return new Map(words.map((word) => word.split("=", 2) as [string, string]));
}

function directives(unit: string): ReadonlyMap<string, readonly string[]> {
  const all = new Map<string, string[]>();
  for (const [, key = "", value = ""] of unit.matchAll(/^([A-Za-z]+)=(.*)$/gm)) {
    all.set(key, [...(all.get(key) ?? []), value]);
  }
  return all;
}

const UNIT = directives(readSource("deploy/stratus.service"));

/** Seconds of `40s`. */
function seconds(text: unknown): number {
  const [, number = ""] = /^([0-9]+)s?$/.exec(String(text)) ?? assert.fail(String(text));
  return Number(number);
}

describe("deploy/log.yaml", () => {
  test("is a production configuration with ports for this machine only", () => {
    assert.equal(CONFIG.development, false);
    assert.equal(CONFIG.listen.host, "127.0.0.1");
    assert.equal(CONFIG.operations.host, "127.0.0.1");
    assert.ok(CONFIG.shards.length >= 4);
  });

  test("has data and guard in two folders, none within the other", () => {
    const [data, guard] = [`${CONFIG.data}/`, `${CONFIG.guard}/`];
    assert.ok(!data.startsWith(guard) && !guard.startsWith(data));
  });
});

describe("Dockerfile", () => {
  test("stands on slim images of the Node that package.json asks for, by tag", () => {
    const images = instructions("FROM").map((rest) => rest.split(" ")[0]);
    assert.ok(images.length >= 1);
    const [, major = ""] = />=([0-9]+)/.exec(MANIFEST.engines.node) ?? [];
    for (const image of images)
      assert.match(image ?? "", new RegExp(`^node:${major}-[a-z]+-slim$`));
  });

  test("installs from the lock file, without development packages", () => {
    const install = instructions("RUN").filter((rest) => rest.includes("npm"));
    assert.equal(install.length, 1);
    assert.match(install[0]!, /^npm ci .*--omit=dev/);
  });

  test("copies only what exists and what .dockerignore lets through", () => {
    const ignore = readSource(".dockerignore").split("\n");
    assert.equal(
      ignore.find((line) => line !== "" && !line.startsWith("#")),
      "*",
    );
    const copied = instructions("COPY")
      .filter((rest) => !rest.startsWith("--from="))
      .flatMap((rest) => rest.split(/\s+/).slice(0, -1));
    assert.ok(copied.includes("src") && copied.includes("package-lock.json"));
    for (const path of copied) {
      assert.ok(existsSync(join(ROOT, path)), path);
      assert.ok(ignore.includes(`!${path}`), `.dockerignore: !${path}`);
    }
    for (const line of ignore.filter((line) => line.startsWith("!"))) {
      assert.ok(copied.includes(line.slice(1)), `${line} is copied by nothing`);
    }
  });

  test("copies every file that the program imports", () => {
    const copied = instructions("COPY").flatMap((rest) => rest.split(/\s+/).slice(0, -1));
    for (const folder of ["stratus", "scripts", "src", "config", "package.json"]) {
      assert.ok(copied.includes(folder), folder);
    }
  });

  test("runs as a user by number that is not root", () => {
    const [, uid = "", gid = ""] = /^([0-9]+):([0-9]+)$/.exec(one("USER")) ?? assert.fail("USER");
    assert.ok(Number(uid) >= 1_000 && Number(gid) >= 1_000);
    const create = instructions("RUN").find((rest) => rest.includes("useradd"));
    assert.ok(create?.includes(`--uid ${uid}`) && create.includes(`--gid ${gid}`));
  });

  test("has volumes for data and guard apart, made for its user, as the configuration says", () => {
    const volumes = JSON.parse(one("VOLUME"));
    assert.deepEqual(volumes, [CONFIG.data, CONFIG.guard]);
    const make = instructions("RUN").find((rest) => rest.includes("install -d")) ?? "";
    for (const path of volumes) assert.ok(make.includes(` ${path}`), path);
    assert.match(make, /-o stratus -g stratus -m 0700/);
  });

  test("exposes and asks the ports that it sets", () => {
    const variables = environment();
    const port = (name: string) => (variables.get(name) ?? "").replace("0.0.0.0:", "");
    assert.deepEqual(one("EXPOSE").split(" "), [
      port("STRATUS_LISTEN"),
      port("STRATUS_OPERATIONS"),
    ]);
    assert.equal(port("STRATUS_LISTEN"), String(CONFIG.listen.port));
    assert.equal(port("STRATUS_OPERATIONS"), String(CONFIG.operations.port));
    assert.ok(one("HEALTHCHECK").includes(`http://127.0.0.1:${port("STRATUS_OPERATIONS")}/livez`));
  });

  test("starts a program that can be executed, with a configuration that it copied", () => {
    const [path] = JSON.parse(one("ENTRYPOINT"));
    assert.equal(path, "/opt/stratus/stratus");
    accessSync(join(ROOT, "stratus"), constants.X_OK);
    assert.deepEqual(JSON.parse(one("CMD")), ["serve"]);
    const config = environment().get("STRATUS_CONFIG");
    assert.ok(instructions("COPY").includes(`deploy/log.yaml ${config}`));
  });
});

describe("deploy/docker-compose.yml", () => {
  const services = COMPOSE["services"]!;
  const log = services["log"]!;

  test("builds the Dockerfile, and runs a command of the program", () => {
    const { context, dockerfile } = log["build"]!;
    const path = join("deploy", String(context), String(dockerfile));
    assert.equal(path, "Dockerfile");
    assert.ok(existsSync(join(ROOT, path)));
    assert.deepEqual(texts(log["command"]), ["serve"]);
  });

  for (const name of Object.keys(services)) {
    test(`${name} mounts files that exist and volumes that are declared`, () => {
      const declared = Object.keys(COMPOSE["volumes"]!);
      for (const volume of texts(services[name]?.["volumes"])) {
        const [source = "", target = ""] = volume.split(":");
        assert.match(target, /^\//);
        if (source.startsWith(".")) assert.ok(existsSync(join(ROOT, "deploy", source)), source);
        else assert.ok(declared.includes(source), `${source} is declared`);
      }
    });

    test(`${name} is reachable from this machine only, and has no rights to spare`, () => {
      for (const port of texts(services[name]?.["ports"])) assert.match(port, /^127\.0\.0\.1:/);
      assert.deepEqual(texts(services[name]?.["cap_drop"]), ["ALL"]);
      assert.deepEqual(texts(services[name]?.["security_opt"]), ["no-new-privileges:true"]);
      const image = String(services[name]?.["image"]);
      assert.match(image, /^[a-z/]+:[a-z0-9.]+$/, "by tag");
    });
  }

  test("has data and guard on two volumes, where image and configuration have them", () => {
    const targets = new Map(
      texts(log["volumes"]).map((volume) => volume.split(":").slice(0, 2).reverse()) as [
        string,
        string,
      ][],
    );
    const [data, guard] = JSON.parse(one("VOLUME"));
    assert.ok(targets.has(data) && targets.has(guard));
    assert.notEqual(targets.get(data), targets.get(guard));
    assert.equal(targets.get(environment().get("STRATUS_CONFIG") ?? ""), "./log.yaml");
  });

  test("has a read-only root, the image's user, no core dumps, and files for all connections", () => {
    assert.equal(log["read_only"], true);
    assert.equal(log["user"], one("USER"));
    const { nofile, core } = log["ulimits"]!;
    assert.equal(core, 0);
    assert.ok(Number(nofile?.["soft"]) >= 2 * CONFIG.limits.connectionsMax);
  });

  test("publishes the public port alone, and trusts the gateway that its proxy comes from", () => {
    const { port } = CONFIG.listen;
    assert.deepEqual(texts(log["ports"]), [`127.0.0.1:${port}:${port}`]);
    const [subnet] = items(COMPOSE["networks"]?.["inside"]?.["ipam"]?.["config"]);
    assert.ok(CONFIG.limits.trustedProxies.includes(`${subnet?.["gateway"]}/32`));
  });

  test("gives the log longer to stop than it drains", () => {
    assert.ok(seconds(log["stop_grace_period"]) * 1_000 >= CONFIG.drainMs + 20_000);
  });
});

describe("Prometheus and Grafana", () => {
  const prometheus = readYaml("deploy/prometheus.yml");
  const services = COMPOSE["services"]!;
  const mounts = (service: string): ReadonlyMap<string, string> =>
    new Map(
      texts(services[service]?.["volumes"]).map((volume) => {
        const [source = "", target = ""] = volume.split(":");
        return [target, source];
      }),
    );

  test("Prometheus is started with files that are mounted, and reads rules that exist", () => {
    const found = mounts("prometheus");
    const flags = texts(services["prometheus"]?.["command"]);
    const value = (flag: string) => flags.find((text) => text.startsWith(flag))?.slice(flag.length);
    assert.equal(found.get(value("--config.file=") ?? ""), "./prometheus.yml");
    assert.equal(found.get(value("--storage.tsdb.path=") ?? ""), "prometheus");
    for (const file of texts(prometheus["rule_files"])) {
      assert.equal(found.get(`/etc/prometheus/${file}`), `./${file}`);
    }
  });

  test("Prometheus scrapes the operations port of the log's service under the rules' job", () => {
    const [job, ...others] = items(prometheus["scrape_configs"]);
    assert.equal(others.length, 0);
    assert.equal(job?.["job_name"], "stratus");
    const targets = texts(items(job?.["static_configs"])[0]?.["targets"]);
    assert.deepEqual(targets, [`log:${CONFIG.operations.port}`]);
    assert.ok("log" in services);
    assert.deepEqual(texts(services["log"]?.["expose"]), [String(CONFIG.operations.port)]);
  });

  test("Grafana is given the datasource and the dashboard, where it looks for them", () => {
    const found = mounts("grafana");
    assert.equal(found.get("/etc/grafana/provisioning"), "./grafana/provisioning");
    const sources = "deploy/grafana/provisioning/datasources/prometheus.yaml";
    const [source] = items(readYaml(sources)["datasources"]);
    const port = texts(services["prometheus"]?.["ports"])[0]?.split(":").at(-1);
    assert.equal(source?.["url"], `http://prometheus:${port}`);
    const boards = "deploy/grafana/provisioning/dashboards/stratus.yaml";
    const [provider] = items(readYaml(boards)["providers"]);
    const home = String(
      services["grafana"]?.["environment"]?.["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"],
    );
    assert.equal(home, `${provider?.["options"]?.["path"]}/stratus.json`);
    assert.equal(found.get(home), "./grafana/stratus.json");
    const { list } = JSON.parse(readSource("deploy/grafana/stratus.json")).templating;
    assert.equal(list[0].current.value, source?.["uid"]);
  });
});

describe("deploy/stratus.service", () => {
  const single = (key: string): string => {
    const values = UNIT.get(key) ?? [];
    assert.equal(values.length, 1, `one ${key}`);
    return values[0]!;
  };

  test("runs commands of the program where the Dockerfile has it, too", () => {
    const [entry] = JSON.parse(one("ENTRYPOINT"));
    assert.equal(single("ExecStart"), `${entry} serve --config /etc/stratus/log.yaml`);
    assert.equal(single("ExecStartPre"), `${entry} config check /etc/stratus/log.yaml`);
    assert.equal(single("ExecReload"), "/bin/kill -HUP $MAINPID");
  });

  test("writes to data and guard of the configuration alone, and waits for their disks", () => {
    assert.deepEqual(single("ReadWritePaths").split(" "), [CONFIG.data, CONFIG.guard]);
    assert.deepEqual(single("RequiresMountsFor").split(" "), [CONFIG.data, CONFIG.guard]);
    assert.equal(single("ProtectSystem"), "strict");
  });

  test("gains no rights, and lets V8 compile", () => {
    assert.equal(single("NoNewPrivileges"), "yes");
    assert.equal(single("CapabilityBoundingSet"), "");
    assert.equal(single("MemoryDenyWriteExecute"), "no");
    assert.notEqual(single("User"), "root");
  });

  test("gives it longer to stop than it drains, and files for all connections", () => {
    assert.ok(seconds(single("TimeoutStopSec")) * 1_000 >= CONFIG.drainMs + 20_000);
    assert.ok(Number(single("LimitNOFILE")) >= 2 * CONFIG.limits.connectionsMax);
    assert.equal(single("LimitCORE"), "0");
  });
});

describe("deploy/stratus-probe.service", () => {
  const probe = directives(readSource("deploy/stratus-probe.service"));

  test("runs a command of the program, with the port that Prometheus's example scrapes", () => {
    const [command = ""] = probe.get("ExecStart") ?? [];
    const [entry] = JSON.parse(one("ENTRYPOINT"));
    assert.ok(command.startsWith(`${entry} probe https://`));
    const [, port = ""] = /--listen 127\.0\.0\.1:([0-9]+)$/.exec(command) ?? [];
    assert.ok(readSource("deploy/prometheus.yml").includes(`:${port}"]`), port);
    for (const flag of command.match(/--[a-z-]+/g) ?? []) {
      assert.ok(readSource("src/cli/probe-command.ts").includes(`"${flag} <`), flag);
    }
  });

  test("is as sandboxed as the log's, writes nothing, and has the CA's files of its own", () => {
    assert.equal(probe.has("ReadWritePaths"), false);
    for (const [key, values] of UNIT) {
      if (!/^(?:Protect|Private|Restrict|NoNew|Capab|Ambient|SystemCall|Lock)/.test(key)) continue;
      assert.deepEqual(probe.get(key), values, key);
    }
    const [command = ""] = probe.get("ExecStart") ?? [];
    for (const credential of probe.get("LoadCredential") ?? []) {
      const [name = ""] = credential.split(":");
      assert.ok(command.includes(`\${CREDENTIALS_DIRECTORY}/${name}`), name);
    }
  });
});

describe("deploy/nginx.conf and deploy/Caddyfile", () => {
  /** Milliseconds that the log keeps a connection without a request. */
  const idleMs = Number(
    /IDLE_MS_MAX = ([0-9_]+)/.exec(readSource("src/http/connection.ts"))?.[1]?.replaceAll("_", ""),
  );
  const nginx = (pattern: RegExp): string => pattern.exec(NGINX)?.[1] ?? assert.fail(`${pattern}`);
  const caddy = (pattern: RegExp): string => pattern.exec(CADDY)?.[1] ?? assert.fail(`${pattern}`);

  test("lead to the public port of the configuration, under its public name", () => {
    const address = `127.0.0.1:${CONFIG.listen.port}`;
    assert.equal(nginx(/^ {4}server ([0-9.:]+);/m), address);
    assert.equal(caddy(/reverse_proxy (\S+) \{/), address);
    const { hostname } = new URL(CONFIG.publicUrl);
    assert.equal(nginx(/server_name (\S+);/), hostname);
    assert.ok(CADDY.includes(`\n${hostname} {\n`));
    assert.ok(CONFIG.limits.trustedProxies.includes("127.0.0.1/32"));
  });

  test("let through every body that the log would read", () => {
    assert.ok(Number(nginx(/client_max_body_size ([0-9]+)k;/)) * 1_024 > BODY_BYTES_MAX);
    assert.ok(Number(caddy(/max_size ([0-9]+)KB/)) * 1_000 > BODY_BYTES_MAX);
  });

  test("close idle connections to the log before the log does", () => {
    const upstream = nginx(/upstream stratus \{([\s\S]*?)\n {2}\}/);
    const closed = /keepalive_timeout ([0-9]+)s;/.exec(upstream)?.[1] ?? assert.fail(upstream);
    assert.ok(Number(closed) * 1_000 < idleMs);
    assert.ok(Number(caddy(/keepalive ([0-9]+)s/)) * 1_000 < idleMs);
  });

  test("wait longer than any answer takes", () => {
    const slowest = Math.max(...CONFIG.shards.map((shard) => shard.answerWithinMs));
    assert.ok(Number(nginx(/proxy_read_timeout ([0-9]+)s;/)) * 1_000 > slowest);
    assert.ok(Number(caddy(/response_header_timeout ([0-9]+)s/)) * 1_000 > slowest);
  });

  test("explain themselves: no block of nginx's settings is without a comment", () => {
    // A line that is no comment may follow its own kind, but not open a paragraph.
    for (const text of [NGINX, CADDY, readSource("deploy/stratus.service")]) {
      for (const paragraph of text.split(/\n\s*\n/).slice(1)) {
        assert.ok(/^\s*(?:#|\[|events)/m.test(paragraph), paragraph);
      }
    }
  });
});
