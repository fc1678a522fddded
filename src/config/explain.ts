/**
 * What the schema finds wrong, in words: `field: expected X, got Y (write Z)`.
 * The words come from the same schema, as JSON Schema.
 * @module
 */
import { z } from "zod";
import { quote } from "../base/errors.ts";
import type { ConfigDocument, Path, Problem } from "./document.ts";
import { configSchema } from "./schema.ts";

/** The part of JSON Schema that the configuration's schema uses. */
export interface FieldSchema {
  readonly type?: string;
  readonly const?: unknown;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly FieldSchema[];
  readonly items?: FieldSchema;
  readonly properties?: Readonly<Record<string, FieldSchema>>;
  readonly required?: readonly string[];
}

/** JSON Schema (draft 7) of the file as it is written, for editors. */
export const configJsonSchema: FieldSchema = z.toJSONSchema(configSchema, {
  io: "input",
  target: "draft-7",
}) as FieldSchema;

/** Mistakes that are told at most, of one kind: a text that is no configuration has thousands. */
export const PROBLEMS_MAX = 100;

/** One thing that the schema found wrong. */
export type SchemaIssue = z.core.$ZodIssue;

/** The problems of one issue: one, or one for each unknown key. */
export function problemsOfIssue(document: ConfigDocument, issue: SchemaIssue): readonly Problem[] {
  const path = issue.path.map((part) => (typeof part === "number" ? part : String(part)));
  if (issue.code === "unrecognized_keys") {
    const known = Object.keys(fieldAt(path)?.properties ?? {});
    return issue.keys
      .slice(0, PROBLEMS_MAX)
      .map((key) => document.problemOfKey(path, key, unknownKeyMessage(path, key, known)));
  }
  const name = formatPath(path);
  const value = valueAt(document.value, path);
  if (issue.code === "custom") {
    const [expected = "", write = ""] = splitHint(issue.message);
    return [document.problemOfValue(path, `${name}: ${expected}, got ${show(value)} ${write}`)];
  }
  const field = fieldAt(path) ?? {};
  const write = `(write ${advice(path, field)})`;
  const expected =
    Array.isArray(value) && value.length > (field.maxItems ?? value.length)
      ? `a list of at most ${field.maxItems}`
      : expectation(field);
  const message =
    value === undefined
      ? `${name} is missing ${write}`
      : `${name}: expected ${expected}, got ${show(value)} ${write}`;
  return [document.problemOfValue(path, message)];
}

/** `shards[0].batch.intervalMs`; the whole file is `configuration`. */
export function formatPath(path: Path): string {
  if (path.length === 0) return "configuration";
  return path
    .map((part, index) => {
      if (typeof part === "number") return `[${part}]`;
      return index === 0 ? part : `.${part}`;
    })
    .join("");
}

/** What a field takes, as the reference page and the errors say it. */
export function expectation(field: FieldSchema): string {
  if (field.anyOf !== undefined) return field.anyOf.map(expectation).join(" or ");
  if (field.const !== undefined) return String(field.const);
  if (field.enum !== undefined) return field.enum.join(" or ");
  switch (field.type) {
    case "integer":
      return `a whole number from ${field.minimum} to ${field.maximum}`;
    case "boolean":
      return "true or false";
    case "array": {
      const kind = field.items?.type === "object" ? "a list of maps" : "a list";
      return field.minItems === undefined ? kind : `${kind} of at least ${field.minItems}`;
    }
    case "object":
      return "a map";
    default:
      if (field.pattern === undefined) return "text";
      return `lower-case letters, digits and hyphens, at most ${field.maxLength}`;
  }
}

function advice(path: Path, field: FieldSchema): string {
  const example = field.examples?.[0];
  if (example !== undefined) {
    const key = path.findLast((part) => typeof part === "string");
    return `for example ${key}: ${inlineYaml(example)}`;
  }
  const parent = fieldAt(path.slice(0, -1));
  const parentExample = parent?.examples?.[0];
  if (typeof path.at(-1) === "number" && Array.isArray(parentExample)) {
    return `for example ${inlineYaml(parentExample[0])}`;
  }
  const keys = Object.keys((field.items ?? field).properties ?? {});
  return keys.length === 0 ? expectation(field) : `the keys ${keys.slice(0, 5).join(", ")}...`;
}

/** A value as YAML on one line: JSON without needless quotes. */
export function inlineYaml(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inlineYaml).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const pairs = Object.entries(value).map(([key, item]) => `${key}: ${inlineYaml(item)}`);
    return `{ ${pairs.join(", ")} }`;
  }
  return String(value);
}

function unknownKeyMessage(path: Path, key: string, known: readonly string[]): string {
  const place = path.length === 0 ? "" : ` in ${formatPath(path)}`;
  const head = `unknown key ${quote(key)}${place}`;
  if (key === "key" && path[0] === "series") {
    return `${head} (write the shard under shards: each shard has a key of its own)`;
  }
  const [near] = known
    .map((name) => ({ name, edits: distance(name.toLowerCase(), key.toLowerCase()) }))
    .filter(({ name, edits }) => edits <= Math.max(2, Math.floor(name.length / 3)))
    .sort((a, b) => a.edits - b.edits);
  return near === undefined
    ? `${head} (write one of ${known.join(", ")})`
    : `${head} (write ${near.name})`;
}

/** Levenshtein's; `b` is cut at 64 characters, since it may be anything. */
function distance(a: string, b: string): number {
  const target = b.slice(0, 64);
  let row = Array.from({ length: target.length + 1 }, (_, index) => index);
  for (const [i, left] of [...a].entries()) {
    const next = [i + 1];
    for (let j = 0; j < target.length; j += 1) {
      const replaced = (row[j] ?? 0) + (left === target[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

function fieldAt(path: Path): FieldSchema | undefined {
  let field: FieldSchema | undefined = configJsonSchema;
  for (const part of path) {
    if (typeof part === "number") field = field?.items;
    else {
      const properties: Readonly<Record<string, FieldSchema>> = field?.properties ?? {};
      field = Object.hasOwn(properties, part) ? properties[part] : undefined;
    }
  }
  return field;
}

function valueAt(value: unknown, path: Path): unknown {
  let current = value;
  for (const part of path) {
    if (typeof current !== "object" || current === null) return undefined;
    current = Object.hasOwn(current, part) ? Reflect.get(current, part) : undefined;
  }
  return current;
}

function show(value: unknown): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object") return "a map";
  return typeof value === "string" ? quote(value) : String(value);
}

/** `expected X (write Y)` in its two halves. */
function splitHint(message: string): readonly string[] {
  const at = message.lastIndexOf(" (");
  return [message.slice(0, at), message.slice(at + 1)];
}
