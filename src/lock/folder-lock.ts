/**
 * Exclusive use of a folder, across processes: an abstract Unix socket named after the
 * folder's device and inode. The kernel refuses a second holder and frees it with the process,
 * however that ends; nothing is left on disk. It is seen within one network namespace: the
 * data folder has LevelDB's own lock besides.
 * @module
 */
import { stat } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { FatalError, UnavailableError } from "../base/errors.ts";

/** Takes a folder until the result is disposed of. */
export type LockFolder = (path: string) => Promise<AsyncDisposable>;

/** Names of the locks that this thread holds: refused here first, before anything is opened. */
const held = new Set<string>();

/**
 * Takes the folder `path`, which must exist; it does not keep the process alive.
 *
 * @throws FatalError `FATAL_LOCKED` if this or another process has it, under whatever path.
 * @throws UnavailableError `UNAVAILABLE_STORE` if the folder cannot be looked at.
 */
export const lockFolder: LockFolder = async (path) => {
  const name = await lockName(path);
  if (held.has(name)) throw new FatalError("FATAL_LOCKED", `${path} is in use by this process`);
  held.add(name);
  try {
    const server = await listen(name, path);
    return { [Symbol.asyncDispose]: () => release(name, server) };
  } catch (error) {
    held.delete(name);
    throw error;
  }
};

async function lockName(path: string): Promise<string> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    return `\0stratus-${dev}-${ino}`;
  } catch (cause) {
    throw new UnavailableError("UNAVAILABLE_STORE", `${path} cannot be looked at`, { cause });
  }
}

function listen(name: string, path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const isTaken = cause.code === "EADDRINUSE";
      reject(
        isTaken
          ? new FatalError("FATAL_LOCKED", `${path} is in use by another process`, { cause })
          : new UnavailableError("UNAVAILABLE_STORE", `${path} cannot be locked`, { cause }),
      );
    });
    server.listen({ path: name }, () => {
      server.unref();
      resolve(server);
    });
  });
}

async function release(name: string, server: Server): Promise<void> {
  if (!held.has(name) || !server.listening) return;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  held.delete(name);
}
