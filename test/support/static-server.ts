/**
 * A plain static file server: what any web server does with a folder, and no more.
 * @module
 */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join, normalize } from "node:path";

/** It serves until it is disposed of. */
export interface StaticServer extends AsyncDisposable {
  /** `http://127.0.0.1:port`. */
  readonly origin: string;
}

/**
 * Serves the files below `folder`.
 * @param gzipOnly Gives `<path>.gz` with Content-Encoding, as nginx with `gzip_static always`.
 */
export async function serveFolder(
  folder: string,
  gzipOnly: boolean = false,
): Promise<StaticServer> {
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url ?? "/", "http://x").pathname);
    const plain = await readFile(join(folder, path)).catch(() => undefined);
    const packed =
      plain === undefined && gzipOnly
        ? await readFile(join(folder, `${path}.gz`)).catch(() => undefined)
        : undefined;
    if (packed !== undefined) response.setHeader("Content-Encoding", "gzip");
    const body = plain ?? packed;
    response.statusCode = body === undefined ? 404 : 200;
    response.end(body ?? "not found");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
