/**
 * Listening and leaving. Fastify's own `listen` takes no `reusePort`.
 * @module
 */
import { createServer } from "node:net";
import type { FastifyInstance } from "fastify";
import type { Clock } from "../clock/clock.ts";
import { cutConnections } from "./connection.ts";

/** Where to listen. */
export interface Address {
  /** Host name or IP address, without brackets. */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Whether other sockets, of other threads too, may listen on the same port. */
  readonly reusePort?: boolean;
}

/**
 * Starts to listen.
 * @returns The address bound, with the port that the system chose.
 * @throws Error of the system: the address is in use, not ours, not allowed.
 */
export async function listen(
  app: FastifyInstance,
  address: Address,
): Promise<{ readonly host: string; readonly port: number }> {
  await app.ready();
  const { server } = app;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ ...address }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new RangeError("expected a TCP address");
  return { host: bound.address, port: bound.port };
}

/**
 * Requires that nobody listens on an address, not even to share it.
 * @throws Error of the system: the address is in use, not ours, not allowed.
 */
export async function requireFree(address: Address): Promise<void> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once("error", reject);
    probe.listen({ host: address.host, port: address.port, exclusive: true }, resolve);
  });
  await new Promise((resolve) => probe.close(resolve));
}

/** After the deadline, how soon a server that still listens is cut off again. */
const CUT_AGAIN_MS = 50;

/**
 * Closes the server: requests in flight are answered, new submissions are refused, then new
 * connections too, and what is still open after `drainMs` is cut off.
 */
export async function drain(app: FastifyInstance, clock: Clock, drainMs: number): Promise<void> {
  let cancel = () => {};
  const cut = (): void => {
    cutConnections(app.server);
    if (app.server.listening) cancel = clock.after(CUT_AGAIN_MS, cut);
  };
  cancel = clock.after(drainMs, cut);
  await app.close();
  cancel();
}
