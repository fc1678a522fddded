/**
 * Mutations of the real code: a copy of the module graph under `?plant=name`, in which one
 * file's text is changed as it is loaded.
 * @module
 */
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";

/** A change of one source file: each `find` must be there exactly once. */
export interface Mutation {
  /** Below the root of the repository. */
  readonly file: string;
  readonly edits: readonly { readonly find: string; readonly replace: string }[];
}

const ROOT = new URL("../../", import.meta.url).href;
const mutations = new Map<string, Mutation>();

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    const plant = new URLSearchParams(context.parentURL?.split("?")[1]).get("plant");
    const isOurs = resolved.url.startsWith(ROOT) && !resolved.url.includes("/node_modules/");
    if (plant === null || !isOurs || resolved.url.includes("?")) return resolved;
    return { ...resolved, url: `${resolved.url}?plant=${plant}` };
  },
  load(url, context, next) {
    const [path = "", query] = url.split("?");
    const mutation = mutations.get(new URLSearchParams(query).get("plant") ?? "");
    if (mutation === undefined || path !== ROOT + mutation.file) return next(url, context);
    let source = readFileSync(fileURLToPath(path), "utf8");
    for (const { find, replace } of mutation.edits) {
      const count = source.split(find).length - 1;
      if (count !== 1) throw new Error(`${mutation.file}: ${count} times ${JSON.stringify(find)}`);
      source = source.replace(find, () => replace);
    }
    return { format: "module-typescript", source, shortCircuit: true };
  },
});

/** The module at `path` (below this folder) with everything that it imports, mutated. */
export async function importMutated<Module>(
  name: string,
  mutation: Mutation,
  path: string,
): Promise<Module> {
  mutations.set(name, mutation);
  return (await import(`${new URL(path, import.meta.url).href}?plant=${name}`)) as Module;
}
