/**
 * The OpenAPI document of the public server, made from its routes. `npm run docs` writes it to
 * `docs/openapi.json`; the server answers it at `/openapi.json`.
 * @module
 */
import { VERSION } from "../base/version.ts";
import { type Answer, JSON_HEADERS, ok } from "./answer.ts";
import { SCHEMAS, type SchemaName } from "./openapi-schemas.ts";
import type { Handler } from "./responder.ts";
import { ALL_ROUTES, type Route, type RouteParameter } from "./routes.ts";
import { STATUS_TEXT } from "./status.ts";

const SHARD = {
  name: "shard",
  in: "path",
  required: true,
  description: "Name of a shard: /logs.json has them all.",
  schema: { type: "string", pattern: "^[a-z0-9][a-z0-9-]{0,62}$" },
  example: "nimbus2027",
};

/** The document: indented, newline at the end. */
export function formatOpenApi(): string {
  const paths: Record<string, Record<string, object>> = {};
  for (const [name, route] of ALL_ROUTES) {
    for (const path of route.paths) {
      paths[path] = { ...paths[path], [route.method]: operation(name, route, path) };
    }
  }
  const document = {
    openapi: "3.1.0",
    info: {
      title: "Stratus, a Certificate Transparency log",
      version: VERSION,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      description:
        "Every shard is one log, served by RFC 6962 and c2sp.org/static-ct-api alike. A refusal is text as CTFE words it, or JSON with code, message and detail where the client sends Accept: application/json. GET routes answer HEAD too. Every SCT carries extensions (leaf_index): docs/FOR-CAS.md.",
    },
    servers: [{ url: "/" }],
    paths,
    components: { schemas: SCHEMAS },
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

/** `/openapi.json`. */
export function getOpenApiHandler(): Handler {
  let answer: Answer | undefined;
  return () => {
    answer ??= ok(JSON_HEADERS, Buffer.from(formatOpenApi(), "utf8"));
    return answer;
  };
}

function operation(name: string, route: Route, path: string): object {
  // A route with two paths has two operations.
  const isFirst = path === route.paths[0];
  const parameters = route.parameters
    .filter((parameter) => parameter.in === "query" || path.includes(`{${parameter.name}}`))
    .map(parameterOf);
  return {
    operationId: isFirst ? name : `${name}-partial`,
    summary: route.summary,
    description: `Specified by ${route.source}.`,
    parameters: path.startsWith("/{shard}/") ? [SHARD, ...parameters] : parameters,
    ...(route.method === "post" && {
      requestBody: { required: true, content: contentOf("Chain") },
    }),
    responses: {
      "200": {
        description: "The answer.",
        content:
          "schema" in route.answer
            ? contentOf(route.answer.schema)
            : { [route.answer.mediaType]: {} },
        ...(route.isTagged && {
          headers: { ETag: { description: "Of these bytes.", schema: { type: "string" } } },
        }),
      },
      ...(route.isTagged && { "304": { description: "If-None-Match has the ETag." } }),
      ...Object.fromEntries(
        route.refusals
          .toSorted((a, b) => a - b)
          .map((status) => [String(status), refusalOf(status)]),
      ),
    },
  };
}

function parameterOf({ isRequired, example, ...parameter }: RouteParameter): object {
  const { name, in: place, description, schema } = parameter;
  const shown = example === "" ? {} : { example };
  return { name, in: place, required: isRequired, description, schema, ...shown };
}

function refusalOf(status: number): object {
  const isLater = status === 429 || status === 503;
  const retryAfter = { description: "Seconds.", schema: { type: "integer", minimum: 1 } };
  return {
    description: `${STATUS_TEXT[status] ?? "Refused"}.`,
    ...(isLater && { headers: { "Retry-After": retryAfter } }),
    content: { "text/plain": { schema: { type: "string" } }, ...contentOf("Problem") },
  };
}

function contentOf(name: SchemaName): object {
  return { "application/json": { schema: { $ref: `#/components/schemas/${name}` } } };
}
