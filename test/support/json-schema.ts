/**
 * A small checker of JSON against a schema: the words of JSON Schema that our documents use,
 * and no other: an unknown word is an error, so that nothing is passed over.
 * @module
 */

/** A schema; `$ref` is resolved against `definitions`. */
export type Schema = Readonly<Record<string, unknown>>;

const WORDS = new Set([
  "$ref",
  "additionalProperties",
  "const",
  "description",
  "enum",
  "example",
  "format",
  "items",
  "maxItems",
  "maxLength",
  "maximum",
  "minItems",
  "minLength",
  "minimum",
  "oneOf",
  "pattern",
  "properties",
  "required",
  "title",
  "type",
]);

const TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  array: Array.isArray,
  boolean: (value) => typeof value === "boolean",
  integer: Number.isInteger,
  null: (value) => value === null,
  number: (value) => typeof value === "number",
  object: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  string: (value) => typeof value === "string",
};

/**
 * What `value` does not fulfil of `schema`, one line for each; empty if it fulfils it.
 * @throws Error for a schema that says what this does not know.
 */
export function schemaProblems(
  value: unknown,
  schema: Schema,
  definitions: Readonly<Record<string, Schema>> = {},
  path: string = "$",
): readonly string[] {
  for (const word of Object.keys(schema)) {
    if (!WORDS.has(word)) throw new Error(`${path}: the checker does not know '${word}'`);
  }
  const { $ref: reference } = schema;
  if (typeof reference === "string") {
    const name = reference.split("/").at(-1) ?? "";
    const target = definitions[name];
    if (target === undefined) throw new Error(`${path}: there is no ${reference}`);
    return schemaProblems(value, target, definitions, path);
  }
  const check = (part: Schema, inner: unknown, at: string) =>
    schemaProblems(inner, part, definitions, at);
  const problems = [...scalarProblems(value, schema, path)];
  if (Array.isArray(schema["oneOf"])) {
    const fitting = schema["oneOf"].filter((one: Schema) => check(one, value, path).length === 0);
    if (fitting.length !== 1) problems.push(`${path}: ${fitting.length} of oneOf fit`);
  }
  if (Array.isArray(value)) {
    const { items, minItems = 0, maxItems = Number.POSITIVE_INFINITY } = schema;
    if (value.length < Number(minItems) || value.length > Number(maxItems)) {
      problems.push(`${path}: ${value.length} items`);
    }
    for (const [index, item] of value.entries()) {
      if (items !== undefined) problems.push(...check(items as Schema, item, `${path}[${index}]`));
    }
  } else if (TYPES["object"]?.(value)) {
    problems.push(...objectProblems(value as object, schema, path, check));
  }
  return problems;
}

function objectProblems(
  value: object,
  schema: Schema,
  path: string,
  check: (part: Schema, inner: unknown, at: string) => readonly string[],
): readonly string[] {
  const problems: string[] = [];
  const properties = (schema["properties"] ?? {}) as Readonly<Record<string, Schema>>;
  for (const name of (schema["required"] ?? []) as readonly string[]) {
    if (!Object.hasOwn(value, name)) problems.push(`${path}: ${name} is missing`);
  }
  for (const [name, inner] of Object.entries(value)) {
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (property !== undefined) problems.push(...check(property, inner, `${path}.${name}`));
    else if (schema["additionalProperties"] === false) problems.push(`${path}: ${name} is unknown`);
  }
  return problems;
}

function scalarProblems(value: unknown, schema: Schema, path: string): readonly string[] {
  const problems: string[] = [];
  const { type, enum: all, pattern, format } = schema;
  if (type !== undefined) {
    const types = Array.isArray(type) ? type : [type];
    if (!types.some((one) => TYPES[String(one)]?.(value) ?? false)) {
      problems.push(`${path}: expected ${types.join(" or ")}, got ${JSON.stringify(value)}`);
    }
  }
  if (Array.isArray(all) && !all.includes(value))
    problems.push(`${path}: ${value} is none of ${all}`);
  if ("const" in schema && value !== schema["const"])
    problems.push(`${path}: not ${schema["const"]}`);
  if (typeof value === "string") {
    const { minLength = 0, maxLength = Number.POSITIVE_INFINITY } = schema;
    if (value.length < Number(minLength) || value.length > Number(maxLength)) {
      problems.push(`${path}: ${value.length} characters`);
    }
    if (typeof pattern === "string" && !new RegExp(pattern).test(value)) {
      problems.push(`${path}: ${value.slice(0, 80)} does not match ${pattern}`);
    }
    if (format === "date-time" && Number.isNaN(Date.parse(value)))
      problems.push(`${path}: no time`);
    if (format === "uri" && !URL.canParse(value)) problems.push(`${path}: no URI`);
  }
  if (typeof value === "number") {
    const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = schema;
    if (value < Number(minimum) || value > Number(maximum)) problems.push(`${path}: ${value}`);
  }
  return problems;
}
