/**
 * From the text of a configuration to a frozen `Config`, or to all its mistakes at once.
 * Pure: the clock, the folders in `data` and what overrides the file are arguments.
 * @module
 */
import { MalformedError } from "../base/errors.ts";
import type { Config } from "./config.ts";
import { ConfigDocument, type Path, type Problem } from "./document.ts";
import { configJsonSchema, PROBLEMS_MAX, problemsOfIssue, type SchemaIssue } from "./explain.ts";
import type { Overrides } from "./override.ts";
import { resolveConfig } from "./resolve.ts";
import { folderOf, problemOfPath, resolvePath } from "./scalar.ts";
import { type ConfigFile, configSchema } from "./schema.ts";

/** Where the text stands and what surrounds it. */
export interface ParseOptions {
  /** Path of the file as the person wrote it; errors begin with it. */
  readonly path: string;
  /** Absolute path of the working folder: `path` and overriding paths are relative to it. */
  readonly cwd: string;
  /** Wall time, for `firstYear: current`. */
  readonly nowMs: number;
  /** Names of the folders in `data` ({@link dataFolderOf}); none if there is no `data` yet. */
  readonly shardFolders: readonly string[];
  readonly overrides: Overrides;
}

/**
 * Reads a configuration.
 *
 * @returns Deeply frozen; every path absolute; every default applied.
 * @throws MalformedError `MALFORMED_CONFIG`: one line for each mistake, in the order of the
 * file, `path:line:column: message (what to write instead)`.
 */
export function parseConfig(text: string, options: ParseOptions): Config {
  const document = new ConfigDocument(text);
  if (document.problems.length > 0) throw malformed(options.path, document.problems, []);
  const parsed = configSchema.safeParse(document.value);
  const problems: Problem[] = [];
  const overrideProblems: string[] = [];
  for (const issue of parsed.error?.issues.slice(0, PROBLEMS_MAX) ?? []) {
    problems.push(...problemsOfIssue(document, issue));
  }
  // What is right is still checked against the rest, so that all mistakes are told at once.
  const sound: SoundPart | undefined = parsed.success
    ? { file: parsed.data, missing: new Set(), placeOf: (path) => path }
    : soundPart(document.value, parsed.error.issues);
  const config =
    sound &&
    resolveConfig(sound.file, {
      folder: folderOf(resolvePath(options.cwd, options.path)),
      cwd: options.cwd,
      nowMs: options.nowMs,
      shardFolders: options.shardFolders,
      overrides: options.overrides,
      missing: sound.missing,
      report: (path, message) => {
        problems.push(document.problemOfValue(sound.placeOf(path), message(sound.placeOf)));
      },
      reportOverride: (line) => overrideProblems.push(line),
    });
  if (config === undefined || problems.length > 0 || overrideProblems.length > 0) {
    throw malformed(options.path, problems, overrideProblems);
  }
  return deepFreeze(config);
}

/**
 * Absolute path of the `data` folder that a text names, so that its folders can be listed
 * before {@link parseConfig}; undefined if the text does not tell.
 */
export function dataFolderOf(
  text: string,
  options: Pick<ParseOptions, "path" | "cwd" | "overrides">,
): string | undefined {
  const override = options.overrides.data?.value;
  if (override !== undefined) {
    return problemOfPath(override) === undefined ? resolvePath(options.cwd, override) : undefined;
  }
  const { value } = new ConfigDocument(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const parsed = configSchema.safeParse({ ...pick(value, "data"), series: [], shards: [] });
  if (!parsed.success) return undefined;
  return resolvePath(folderOf(resolvePath(options.cwd, options.path)), parsed.data.data);
}

function pick(value: object, key: string): Record<string, unknown> {
  return Object.hasOwn(value, key) ? { [key]: Reflect.get(value, key) } : {};
}

/** The part of a wrong file that is right by itself. */
interface SoundPart {
  readonly file: ConfigFile;
  /** Fields of the top level that were left out or lost items. */
  readonly missing: ReadonlySet<string>;
  /** The path in the whole file of a path in `file`. */
  readonly placeOf: (path: Path) => Path;
}

/** The file without the fields, series and shards that have a mistake of their own. */
function soundPart(value: unknown, issues: readonly SchemaIssue[]): SoundPart | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const missing = new Set<string>();
  const badItems = new Map<string, Set<number>>();
  for (const issue of issues) {
    const [field, index] = issue.path;
    if (typeof field === "string") {
      missing.add(field);
      if (typeof index === "number") {
        badItems.set(field, (badItems.get(field) ?? new Set()).add(index));
      }
    }
  }
  const kept = new Map<string, readonly number[]>();
  const entries = Object.keys(configJsonSchema.properties ?? {})
    .filter((key) => Object.hasOwn(value, key))
    .flatMap((key): [string, unknown][] => {
      const field: unknown = Reflect.get(value, key);
      if (!missing.has(key)) return [[key, field]];
      const bad = badItems.get(key);
      if (bad === undefined || !Array.isArray(field) || (key !== "series" && key !== "shards")) {
        return [];
      }
      const indexes = field.map((_, index) => index).filter((index) => !bad.has(index));
      kept.set(key, indexes);
      return [[key, indexes.map((index): unknown => field[index])]];
    });
  const again = configSchema.safeParse(Object.fromEntries(entries));
  if (!again.success) return undefined;
  const placeOf = (path: Path): Path => {
    const [field, index, ...rest] = path;
    const original =
      typeof field === "string" && typeof index === "number" ? kept.get(field)?.[index] : undefined;
    return original === undefined || field === undefined ? path : [field, original, ...rest];
  };
  return { file: again.data, missing, placeOf };
}

function malformed(
  path: string,
  problems: readonly Problem[],
  overrideProblems: readonly string[],
): MalformedError {
  const lines = problems
    .toSorted((a, b) => a.line - b.line || a.column - b.column)
    .map(({ line, column, message }) => `${path}:${line}:${column}: ${message}`);
  // A mistake in a series is found in each of its shards: it is told once.
  const message = [...new Set([...overrideProblems, ...lines])].join("\n");
  return new MalformedError("MALFORMED_CONFIG", message);
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const item of Object.values(value)) deepFreeze(item);
  }
  return value;
}
