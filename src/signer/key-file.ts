/**
 * The log's private key as a file: PKCS#8 PEM, readable by its owner alone.
 * @module
 */
import { generateKeyPairSync } from "node:crypto";
import { link, mkdir, open, readFile, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { FatalError, messageOf } from "../base/errors.ts";
import { problemOfKeyMode } from "../base/mode.ts";
import { syncFolders } from "./durable.ts";
import { EcdsaKey } from "./ecdsa.ts";

/**
 * Reads a key.
 * @throws FatalError `FATAL_STORE_MISSING` if there is none, it cannot be read, or others may;
 *   MalformedError `MALFORMED_KEY` if it is no P-256 key.
 */
export async function readKeyFile(path: string): Promise<EcdsaKey> {
  const mode = await stat(path).then(
    (found) => found.mode,
    (cause: unknown) => {
      throw new FatalError(
        "FATAL_STORE_MISSING",
        `no key at ${path} (${messageOf(cause)}); 'stratus init' creates one, if there never was one`,
        { cause },
      );
    },
  );
  const problem = problemOfKeyMode(path, mode);
  if (problem !== undefined) throw new FatalError("FATAL_STORE_MISSING", problem);
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    const message = `the key at ${path} cannot be read (${messageOf(cause)})`;
    throw new FatalError("FATAL_STORE_MISSING", message, { cause });
  });
  return new EcdsaKey(text);
}

/**
 * Makes a new P-256 key at `path`, mode 0600, durable before it resolves. Never overwrites, and
 * there is never a part of a key at `path`: a crash leaves a whole one or none.
 * @throws NodeJS.ErrnoException `EEXIST` if there is a file.
 */
export async function createKeyFile(path: string): Promise<EcdsaKey> {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const folder = dirname(path);
  const draft = `${path}.new`;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await rm(draft, { force: true });
  const file = await open(draft, "wx", 0o600);
  try {
    await file.writeFile(pem);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    // Unlike `rename`, it refuses where there is a file.
    await link(draft, path);
  } finally {
    await rm(draft, { force: true });
  }
  await syncFolders(folder);
  return new EcdsaKey(pem);
}
