/**
 * Which folder may import which. The table is the newest architecture document: a row that
 * must change changes here, with its reason beside it.
 * @module
 */
import assert from "node:assert/strict";
import { dirname, join } from "node:path/posix";
import { test } from "node:test";
import { codeOf, importsOf, readSource, sourceFiles } from "./support/source.ts";

interface Layer {
  /** Folders below `src`; `ports` stands for the port files alone. */
  readonly folders: readonly string[];
  /** Whole package names, each with the files that may use it; `*` for all of the folder. */
  readonly packages?: Readonly<Record<string, string>>;
  /** Node's own modules: `any`, or each with the files that may use it. */
  readonly node?: "any" | Readonly<Record<string, string>>;
}

const CORE = ["base", "encoding", "merkle", "rfc6962", "static-ct", "checkpoint"] as const;

/** Interfaces between engine and adapters: types only. */
const PORTS: readonly string[] = [
  "src/clock/clock.ts",
  "src/signer/signer.ts",
  "src/storage/store.ts",
  "src/telemetry/observer.ts",
  "src/client/source.ts",
];

const LAYERS: Readonly<Record<string, Layer>> = {
  base: { folders: [] },
  encoding: { folders: ["base"] },
  merkle: { folders: ["base", "encoding"], packages: { "@noble/hashes": "noble.ts" } },
  rfc6962: { folders: ["base", "encoding", "merkle"] },
  checkpoint: {
    folders: ["base", "encoding", "merkle"],
    packages: { "@noble/hashes": "*", "@noble/curves": "*" },
  },
  "static-ct": { folders: ["base", "encoding", "merkle", "rfc6962", "checkpoint"] },
  x509: {
    folders: ["base", "encoding"],
    // Only the files that describe certificates to people.
    packages: {
      "@peculiar/x509": "describe.ts",
      asn1js: "describe.ts",
      "reflect-metadata": "describe.ts",
    },
    node: { "node:crypto": "verify.ts" },
  },
  // SCTs found, described and checked: on the command line and in a browser.
  sct: { folders: [...CORE, "x509"] },
  // What trust programs ask, judged by facts that others gather.
  program: { folders: [...CORE, "x509", "src/roots/monitor-root.ts"] },
  policy: { folders: ["base", "x509", "rfc6962"] },
  sequencer: { folders: [...CORE, "ports"] },
  log: { folders: [...CORE, "x509", "policy", "sequencer", "ports"] },
  monitor: { folders: [...CORE, "x509", "ports"] },
  // The lock on a folder is one thing that the data and the guard folder need alike; it stands
  // in a folder of its own so that neither adapter imports the other.
  lock: { folders: ["base"], node: "any" },
  // So does free space, which is looked at by the clock.
  space: { folders: ["base", "src/clock/clock.ts"], node: "any" },
  // And the certificate of a public address.
  tls: { folders: ["base", "src/clock/clock.ts"], node: "any" },
  storage: { folders: [...CORE, "lock"], packages: { level: "*" }, node: "any" },
  signer: { folders: [...CORE, "lock"], packages: { "@noble/curves": "*" }, node: "any" },
  // What carries messages to the sequencers, in groups that suit how those gather; threads are
  // named in one file.
  channel: {
    folders: [
      ...CORE,
      "ports",
      "src/clock/clock.ts",
      "src/sequencer/message.ts",
      "src/sequencer/message-codec.ts",
      "src/sequencer/stretch.ts",
    ],
    node: { "node:worker_threads": "thread.ts" },
  },
  clock: { folders: [...CORE], node: "any" },
  // Roots are read from files, Node's store and get-roots, parsed as certificates, and read
  // again by the clock; how a URL is fetched is passed in.
  roots: {
    folders: [
      "base",
      "encoding",
      "rfc6962",
      "x509",
      "src/clock/clock.ts",
      "src/telemetry/observer.ts",
    ],
    node: "any",
  },
  telemetry: {
    folders: [...CORE],
    packages: { pino: "logging.ts", "prom-client": "*" },
    node: "any",
  },
  // `local.ts` reads a shard through the Store port.
  client: { folders: [...CORE, "src/storage/store.ts"], node: "any" },
  http: {
    folders: [
      "base",
      "encoding",
      "rfc6962",
      "static-ct",
      "policy",
      "log",
      "src/telemetry/observer.ts",
      // Retry-After, rates and deadlines need time, and http must not read a clock itself.
      "src/clock/clock.ts",
    ],
    packages: { fastify: "*" },
    // Types of requests and sockets, the time of a deflate, and the hash that an entity tag is;
    // nothing that listens.
    node: {
      "node:http": "*",
      "node:net": "*",
      "node:util": "*",
      "node:zlib": "*",
      "node:crypto": "etag.ts",
    },
  },
  // Pages: values and markup, and in `browser/` what runs in the visitor's browser. How they are
  // served is http's; what they load is bundled by one file.
  dashboard: {
    // Of the history what is pure: types, and sums.
    folders: [
      ...CORE,
      "log",
      "x509",
      "sct",
      "src/history/range.ts",
      "src/history/sample.ts",
      "src/history/step.ts",
    ],
    packages: { preact: "*", uplot: "*", esbuild: "bundle.ts" },
    node: { "node:fs": "bundle.ts", "node:path": "bundle.ts", "node:zlib": "bundle.ts" },
  },
  // What a process did in the last day, in small files of its own; numbers that others counted.
  history: { folders: ["base", "encoding", "src/clock/clock.ts"], node: "any" },
  config: { folders: ["base"], packages: { yaml: "*", zod: "*" } },
  cli: {
    folders: [
      // The composition roots: a running log, `init`, a folder that is looked at, and
      // what is asked of a configuration without serving it.
      "src/archive.ts",
      "src/backup.ts",
      "src/compose.ts",
      "src/create.ts",
      "src/inspect.ts",
      "src/keep-roots.ts",
      "src/offline.ts",
      "src/shards.ts",
      "src/renew-guard.ts",
      "src/restore.ts",
      "src/signer/sha256.ts",
      // Pure words, and a file of fingerprints.
      "src/roots/blocklist.ts",
      "src/roots/monitor-root.ts",
      // When the certificate of an address expires, which a probe tells.
      "src/tls/certificate.ts",
      // `npm run build` makes the files of the pages.
      "src/dashboard/bundle.ts",
      // `npm run docs` writes the document that the server answers.
      "src/http/openapi.ts",
      "config",
      ...CORE,
      "x509",
      "client",
      "monitor",
      "program",
      "sct",
      "ports",
    ],
    // @peculiar/x509 makes certificates of the demo and of probes, and needs reflect-metadata.
    packages: { commander: "*", "@peculiar/x509": "*", "reflect-metadata": "*" },
    node: "any",
  },
};

/** `@scope/name` or `name` of an import. */
function packageOf(specifier: string): string {
  const parts = specifier.split("/");
  return specifier.startsWith("@") ? parts.slice(0, 2).join("/") : (parts[0] ?? "");
}

/** Why `file` must not import `specifier`; undefined if it may. */
function refusal(file: string, specifier: string): string | undefined {
  const own = file.split("/")[1] ?? "";
  const layer = LAYERS[own];
  if (layer === undefined) return `src/${own} has no row in LAYERS`;
  const isAllowed = (files: string | undefined): boolean =>
    files === "*" || (files !== undefined && file === `src/${own}/${files}`);
  // Starts the script that the composition root names.
  if (file === "src/channel/thread.ts" && specifier === "?") return undefined;
  if (specifier.startsWith("node:")) {
    const isNode = layer.node === "any" || isAllowed(layer.node?.[specifier.replace(/\/.*/, "")]);
    return isNode ? undefined : `${specifier} is not for src/${own}`;
  }
  if (!specifier.startsWith(".")) {
    const name = packageOf(specifier);
    const isPackage = isAllowed(layer.packages?.[name]);
    return isPackage ? undefined : `package ${name} is not for src/${own}`;
  }
  const target = join(dirname(file), specifier);
  if (!target.startsWith("src/")) return `${target} is outside src`;
  if (!/\.(ts|tsx|js|json)$/.test(target)) return `${specifier} does not name a file`;
  const folder = target.split("/")[1] ?? "";
  const isFolder = folder === own || layer.folders.includes(folder);
  const isFile = layer.folders.includes(target);
  const isPort = layer.folders.includes("ports") && PORTS.includes(target);
  return isFolder || isFile || isPort ? undefined : `${target} is not for src/${own}`;
}

for (const file of sourceFiles("src/*/**/*.{ts,tsx}")) {
  test(`${file} imports only what its layer allows`, () => {
    for (const specifier of importsOf(readSource(file))) {
      assert.equal(refusal(file, specifier), undefined);
    }
  });
}

for (const file of PORTS.filter((port) => sourceFiles(port).length > 0)) {
  test(`${file} is a port: types, and pure functions on them`, () => {
    const text = readSource(file);
    for (const line of codeOf(text).split("\n")) {
      const isValue = /^(?:export )?(?:const|let|var|class|abstract|enum|async)\b/.test(line);
      assert.ok(!isValue, `a port declares no value: ${line}`);
      assert.ok(!/^import (?!type )/.test(line), `a port imports types: ${line}`);
    }
    for (const specifier of importsOf(text)) {
      const folder = join(dirname(file), specifier).split("/")[1] ?? "";
      assert.ok(
        CORE.some((name) => name === folder),
        `a port knows the core only: ${specifier}`,
      );
    }
  });
}

/** Of the process, its operations port, of `init`, of a frontend thread, of commands that serve nothing; and what the first and the last share. */
const ROOTS: readonly string[] = [
  "archive",
  "backup",
  "compose",
  "create",
  "frontend",
  "inspect",
  "keep-roots",
  "main",
  "missing",
  "offline",
  "open-shards",
  "operations",
  "page-files",
  "renew-guard",
  "restore",
  "server-parts",
  "shards",
];

test("only the composition roots and main.ts stand directly in src", () => {
  const roots = ROOTS.map((root) => `src/${root}.ts`);
  for (const file of sourceFiles("src/*.ts")) assert.ok(roots.includes(file), file);
});

const REFUSED: readonly (readonly [string, string])[] = [
  ["src/base/x.ts", "../encoding/hex.ts"],
  ["src/merkle/x.ts", "../rfc6962/entry.ts"],
  ["src/merkle/x.ts", "node:crypto"],
  ["src/merkle/x.ts", "@noble/hashes/sha2.js"],
  ["src/merkle/x.ts", "@noble/hashes-evil"],
  ["src/rfc6962/x.ts", "../../test/support/sha256.ts"],
  ["src/sequencer/x.ts", "../storage/memory.ts"],
  ["src/sequencer/x.ts", "../config/config.ts"],
  ["src/storage/level/x.ts", "../../signer/guard.ts"],
  ["src/http/x.ts", "../storage/store.ts"],
  ["src/http/x.ts", "../cli/dev.ts"],
  ["src/http/x.ts", "fastify-cors"],
  ["src/http/x.ts", "node:crypto"],
  ["src/cli/x.ts", "../http/app.ts"],
  ["src/x509/certificate.ts", "node:crypto"],
  ["src/base/x.ts", "?"],
  ["src/utils/x.ts", "../base/errors.ts"],
];

for (const [file, specifier] of REFUSED) {
  test(`the table refuses ${specifier} in ${file}`, () => {
    assert.notEqual(refusal(file, specifier), undefined);
  });
}

test("importsOf() sees every way to import", () => {
  const text = `
import { a } from "./a.ts";
import type {
  B,
} from "./b.ts";
import "./c.ts";
export { d } from "./d.ts";
export * from './e.ts';
const f = await import("./f.ts");
type G = import("./g.ts").G;
new Worker(new URL("./h.ts", import.meta.url));
await import(name);
// import { no } from "./no.ts";
/* import("./no.ts") */
const pattern = /["'/*]/; const division = 4 / 2; const glob = "src/**/*.ts";
import { i } from "./i.ts";
`;
  assert.deepEqual(importsOf(text).toSorted(), [
    "./a.ts",
    "./b.ts",
    "./c.ts",
    "./d.ts",
    "./e.ts",
    "./f.ts",
    "./g.ts",
    "./h.ts",
    "./i.ts",
    "?",
  ]);
});
