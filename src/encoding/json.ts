/**
 * Reading JSON objects field by field: RFC 8259. Unknown fields are passed over, so that a
 * peer may add some; a field called `__proto__` is a field like any other.
 * @module
 */
import { MalformedError } from "../base/errors.ts";
import { parseBase64 } from "./base64.ts";

/** A JSON object whose fields are read by type; binary values are canonical base64. */
export class JsonObject {
  readonly #fields: Map<string, unknown>;

  /** @throws MalformedError `MALFORMED_JSON` unless `value` is an object. */
  constructor(value: unknown) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw malformed("expected an object");
    }
    this.#fields = new Map(Object.entries(value));
  }

  /** Whether the field is there and not `null`. */
  has(name: string): boolean {
    const value = this.#fields.get(name);
    return value !== undefined && value !== null;
  }

  /** Names of the fields, whatever they hold. */
  get names(): readonly string[] {
    return [...this.#fields.keys()];
  }

  /** @throws MalformedError `MALFORMED_JSON`. */
  boolean(name: string): boolean {
    const value = this.#fields.get(name);
    if (typeof value === "boolean") return value;
    throw malformed(`expected true or false in '${name}'`);
  }

  /** A safe integer >= 0. @throws MalformedError `MALFORMED_JSON`. */
  uint(name: string): number {
    const value = this.#fields.get(name);
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
    throw malformed(`expected an integer in '${name}'`);
  }

  /** @throws MalformedError `MALFORMED_JSON`. */
  text(name: string): string {
    const value = this.#fields.get(name);
    if (typeof value === "string") return value;
    throw malformed(`expected text in '${name}'`);
  }

  /** @throws MalformedError `MALFORMED_JSON`. */
  object(name: string): JsonObject {
    return new JsonObject(this.#fields.get(name));
  }

  /** @throws MalformedError `MALFORMED_JSON`. */
  bytes(name: string): Uint8Array {
    return bytesOf(this.#fields.get(name), name);
  }

  /** @throws MalformedError `MALFORMED_JSON`. */
  list(name: string): readonly unknown[] {
    const value = this.#fields.get(name);
    if (Array.isArray(value)) return value;
    throw malformed(`expected an array in '${name}'`);
  }

  /** @throws MalformedError `MALFORMED_JSON`. */
  byteList(name: string): readonly Uint8Array[] {
    return this.list(name).map((item) => bytesOf(item, name));
  }
}

/** The object that `text` holds. @throws MalformedError `MALFORMED_JSON`. */
export function parseJsonObject(text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new MalformedError("MALFORMED_JSON", "expected JSON", { cause });
  }
  return new JsonObject(value);
}

function bytesOf(value: unknown, name: string): Uint8Array {
  if (typeof value !== "string") throw malformed(`expected base64 in '${name}'`);
  try {
    return parseBase64(value);
  } catch (cause) {
    throw new MalformedError("MALFORMED_JSON", `expected base64 in '${name}'`, { cause });
  }
}

function malformed(message: string): MalformedError {
  return new MalformedError("MALFORMED_JSON", message);
}
