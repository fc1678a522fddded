/**
 * The OpenAPI document against the running log: every route is in it and the other way round,
 * and what is answered is what it says, refusals too.
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ALL_ROUTES } from "../../src/http/routes.ts";
import { makeCa } from "../support/certificates.ts";
import { expectedLeaf, expectedLeafHash } from "../support/expected-entry.ts";
import type { Reply } from "../support/http-call.ts";
import { buildTestServer } from "../support/http-server.ts";
import { type Schema, schemaProblems } from "../support/json-schema.ts";
import { chainJson, type RunningLog, startRunningLog } from "../support/running-log.ts";
import { ROOT } from "../support/source.ts";

interface Parameter {
  readonly name: string;
  readonly in: "path" | "query";
  readonly required: boolean;
  readonly schema: Schema;
  readonly example?: string | number;
}

interface Media {
  readonly schema?: Schema;
}

interface Operation {
  readonly operationId: string;
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, Media>>; readonly headers?: object }>
  >;
}

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

const text = readFileSync(join(ROOT, "docs/openapi.json"), "utf8");
const document: Document = JSON.parse(text);
const { schemas } = document.components;

const OPERATIONS = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);

const root = makeCa({ subject: "openapi root" });
const LEAF = root.issue({ notAfter: new Date("2031-06-01T00:00:00Z") });
const PRECERT = root.issue({ precert: true, notAfter: new Date("2031-06-01T00:00:00Z") });
const FINGERPRINT = (der: Uint8Array) => createHash("sha256").update(der).digest("hex");

let log: RunningLog;
/** Values of parameters that no document can know. */
const values = new Map<string, string>([["shard", "plain"]]);
before(async () => {
  log = await startRunningLog([
    { name: "plain", roots: [root], type: "rfc6962" },
    { name: "tiled", roots: [root], type: "static-ct-api" },
    { name: "closed", roots: [root], window: ["2001-01-01T00:00:00Z", "2002-01-01T00:00:00Z"] },
  ]);
  const sct = await log.submitted("plain", "add-chain", [LEAF]);
  await log.submitted("plain", "add-pre-chain", [PRECERT]);
  const leaf = expectedLeaf({ certificate: LEAF }, sct.timestamp, 0);
  values.set("hash", expectedLeafHash(leaf).toString("base64"));
  values.set("fingerprint", FINGERPRINT(root.der));
});
after(() => log[Symbol.asyncDispose]());

function schemaOf(operation: Operation, status: number, type: string): Schema | undefined {
  const content = operation.responses[String(status)]?.content;
  assert.ok(content !== undefined, `${operation.operationId} does not document ${status}`);
  const [media] = type.split(";");
  const found = content[media ?? ""];
  assert.ok(found !== undefined, `${operation.operationId} does not document ${status} as ${type}`);
  return found.schema;
}

/** Holds a reply against the document. */
function requireDocumented(operation: Operation, reply: Reply): void {
  const schema = schemaOf(operation, reply.status, reply.headers["content-type"] ?? "");
  if (schema === undefined || reply.headers["content-type"]?.startsWith("text/")) return;
  assert.deepEqual(schemaProblems(JSON.parse(reply.text), schema, schemas), []);
}

function targetOf(path: string, { parameters }: Operation): string {
  const textOf = ({ name, example }: Parameter): string => values.get(name) ?? String(example);
  let target = path;
  const query: string[] = [];
  for (const parameter of parameters) {
    const { name } = parameter;
    const value = textOf(parameter);
    assert.deepEqual(
      schemaProblems(
        typeof parameter.example === "number" ? parameter.example : value,
        parameter.schema,
      ),
      [],
    );
    if (parameter.in === "path") target = target.replace(`{${name}}`, value);
    else if (parameter.required) query.push(`${name}=${encodeURIComponent(value)}`);
  }
  return query.length === 0 ? target : `${target}?${query.join("&")}`;
}

function bodyOf({ operationId, requestBody }: Operation): { readonly body?: string } {
  if (requestBody === undefined) return {};
  const body = chainJson([operationId === "add-pre-chain" ? PRECERT : LEAF]);
  const schema = requestBody.content["application/json"]?.schema ?? assert.fail();
  assert.deepEqual(schemaProblems(JSON.parse(body), schema, schemas), []);
  return { body };
}

test("the document is OpenAPI 3.1 and the one that is served", async () => {
  assert.match(document.openapi, /^3\.1\./);
  const reply = await log.call("/openapi.json");
  assert.deepEqual([reply.status, reply.text], [200, text]);
  assert.equal(reply.headers["content-type"], "application/json");
});

test("every operation has an id of its own and documents its path's parameters", () => {
  const ids = OPERATIONS.map(({ operation }) => operation.operationId);
  assert.equal(new Set(ids).size, ids.length);
  for (const { path, operation } of OPERATIONS) {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const documented = operation.parameters.filter((parameter) => parameter.in === "path");
    assert.deepEqual(documented.map(({ name }) => name).toSorted(), inPath.toSorted(), path);
  }
});

test("every operation is routed, with its method and no other", async () => {
  await using server = buildTestServer();
  for (const { path, method } of OPERATIONS) {
    const url = path.replace("{shard}", "nimbus2026").replace(/(tile|issuer)\/.*$/, "$1/*");
    assert.ok(server.app.hasRoute({ method: method.toUpperCase() as "GET", url }), path);
    const other = method === "get" ? "POST" : "GET";
    assert.ok(!server.app.hasRoute({ method: other, url }), path);
  }
});

test("every route is in the document: the server routes by its table, in two places", () => {
  // A name that the table does not have does not compile; another place would go past it.
  const source = readFileSync(join(ROOT, "src/http/app.ts"), "utf8");
  assert.equal(source.match(/app\.route\(/g)?.length, 2);
  assert.equal(source.match(/const path = routePath\(name, shard\);/g)?.length, 2);
  assert.equal(source.match(/\bapp\.(?:get|post|head|put|all|register|options)\(/g), null);
  const names = new Set(OPERATIONS.map(({ operation }) => operation.operationId));
  for (const [name] of ALL_ROUTES) assert.ok(names.has(name), name);
});

test("a full tile is answered as documented", async () => {
  await using server = buildTestServer(256);
  for (const level of ["0", "data"]) {
    const reply = await server.app.inject(`/nimbus2026/tile/${level}/000`);
    assert.equal(reply.statusCode, 200);
    schemaOf(operationOf("tile"), 200, String(reply.headers["content-type"]));
  }
});

for (const { path, method, operation } of OPERATIONS) {
  // The log of this test has no full tile.
  if (operation.operationId === "tile") continue;
  test(`${method} ${path} answers 200 as documented`, async () => {
    const reply = await log.call(targetOf(path, operation), {
      method: method.toUpperCase(),
      ...bodyOf(operation),
    });
    assert.equal(reply.status, 200, reply.text);
    requireDocumented(operation, reply);
  });
}

/** The operation with this id. */
function operationOf(id: string): Operation {
  const found = OPERATIONS.find(({ operation }) => operation.operationId === id);
  return found?.operation ?? assert.fail(id);
}

test("other shards, and both verdicts, answer as documented", async () => {
  for (const shard of ["tiled", "closed"]) {
    requireDocumented(operationOf("log.v3.json"), await log.call(`/${shard}/log.v3.json`));
  }
  const submission = { body: chainJson([PRECERT]) };
  for (const shard of ["plain", "tiled", "closed"]) {
    const target = `/${shard}/stratus/v1/validate`;
    requireDocumented(operationOf("validate"), await log.call(target, submission));
  }
});

/** Requests that are refused, by the operation that refuses them. */
const REFUSED: readonly (readonly [id: string, target: string, status: number, body?: string])[] = [
  ["add-chain", "/plain/ct/v1/add-chain", 400, "{}"],
  ["add-chain", "/closed/ct/v1/add-chain", 410, "{}"],
  ["add-pre-chain", "/plain/ct/v1/add-pre-chain", 413, " ".repeat(512_001)],
  ["validate", "/plain/stratus/v1/validate", 400, "[]"],
  ["validate", "/plain/stratus/v1/validate", 413, " ".repeat(512_001)],
  ["get-entries", "/plain/ct/v1/get-entries?start=9&end=9", 400],
  ["get-proof-by-hash", "/plain/ct/v1/get-proof-by-hash?hash=&tree_size=1", 400],
  [
    "get-proof-by-hash",
    `/plain/ct/v1/get-proof-by-hash?tree_size=1&hash=${"A".repeat(43)}%3D`,
    404,
  ],
  ["tile", "/plain/tile/0/001", 404],
  ["issuer", `/plain/issuer/${"0".repeat(64)}`, 404],
  ["get-sth", "/plain/ct/v1/get-sth?%", 400],
];
for (const [id, target, status, body] of REFUSED) {
  test(`${id} refuses ${target} with ${status} as documented, as text and as JSON`, async () => {
    for (const headers of [{}, { accept: "application/json" }]) {
      const reply = await log.call(target, { headers, ...(body === undefined ? {} : { body }) });
      assert.equal(reply.status, status, reply.text);
      requireDocumented(operationOf(id), reply);
    }
  });
}

test("the checker finds what is wrong: it is held against answers with one thing changed", () => {
  const sct = schemas["Sct"] ?? assert.fail();
  const id = Buffer.alloc(32).toString("base64");
  const right = { sct_version: 0, id, timestamp: 1, extensions: "AAAFAAAAAAE=", signature: "BAM=" };
  assert.deepEqual(schemaProblems(right, sct, schemas), []);
  for (const wrong of [
    { ...right, sct_version: 1 },
    { ...right, id: "AAAA" },
    { ...right, timestamp: "1" },
    { ...right, timestamp: 1.5 },
    { ...right, extensions: "" },
    { ...right, more: 1 },
    { sct_version: 0 },
    [right],
    null,
  ]) {
    assert.notDeepEqual(schemaProblems(wrong, sct, schemas), [], JSON.stringify(wrong));
  }
  assert.throws(() => schemaProblems(1, { typo: "integer" }), /does not know 'typo'/);
});
