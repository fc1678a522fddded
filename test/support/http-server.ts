/**
 * The public server over fake logs, for tests: by injection, or listening on 127.0.0.1.
 * @module
 */
import { connect, type Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import { WIDE_LIMITS } from "../../bench/limits.ts";
import type { Clock } from "../../src/clock/clock.ts";
import { systemClock } from "../../src/clock/system.ts";
import { type AppOptions, buildApp, type ServerLimits } from "../../src/http/app.ts";
import { drain, listen } from "../../src/http/listen.ts";
import { TrafficCounter } from "../../src/http/traffic.ts";
import type { LogEvent } from "../../src/telemetry/observer.ts";
import { FakeLog } from "./fake-log.ts";

/** A server with one shard, `nimbus2026`, and all that a test looks at. */
export interface TestServer extends AsyncDisposable {
  readonly app: FastifyInstance;
  readonly log: FakeLog;
  readonly events: LogEvent[];
  readonly traffic: TrafficCounter;
  readonly clock: Clock;
}

/** A listening one. */
export interface ListeningServer extends TestServer {
  readonly port: number;
  /** The newest connection. */
  readonly newest: () => Socket | undefined;
  /** Resolves once there is one, and so many of its bytes were read. */
  readonly untilRead: (bytes: number) => Promise<void>;
}

/** Builds the server; requests come by `app.inject`. */
export function buildTestServer(
  entryCount = 0,
  limits: Partial<ServerLimits> = {},
  clock: Clock = systemClock,
  more: Partial<AppOptions> = {},
): TestServer {
  const log = new FakeLog("nimbus2026");
  log.fill(entryCount);
  const events: LogEvent[] = [];
  const prefix = "http://127.0.0.1/nimbus2026";
  const site = { submissionUrl: prefix, monitoringUrl: prefix, listed: {} };
  const traffic = new TrafficCounter(systemClock, []);
  const app = buildApp({
    logs: new Map([["nimbus2026", log]]),
    sites: new Map([["nimbus2026", site]]),
    operator: { name: "Test", emails: ["ct@example.org"] },
    software: { name: "stratus", version: "0.1.0" },
    clock,
    observer: (event) => events.push(event),
    limits: { ...WIDE_LIMITS, ...limits },
    traffic,
    compress: false,
    pages: undefined,
    ...more,
  });
  return {
    app,
    log,
    events,
    traffic,
    clock: systemClock,
    [Symbol.asyncDispose]: () => drain(app, systemClock, 100),
  };
}

/** Builds the server and listens on a free port. */
export async function startTestServer(
  entryCount = 0,
  limits: Partial<ServerLimits> = {},
  more: Partial<AppOptions> = {},
): Promise<ListeningServer> {
  const server = buildTestServer(entryCount, limits, systemClock, more);
  let newest: Socket | undefined;
  server.app.server.on("connection", (socket: Socket) => {
    newest = socket;
  });
  const untilRead = async (bytes: number): Promise<void> => {
    while (newest === undefined || newest.bytesRead < bytes) await setImmediate();
  };
  const { port } = await listen(server.app, { host: "127.0.0.1", port: 0 });
  return { ...server, port, newest: () => newest, untilRead };
}

/** A raw connection that collects what comes. */
export class RawClient implements Disposable {
  readonly socket: Socket;
  received = "";
  #isClosed = false;
  #wake: () => void = () => undefined;

  constructor(port: number) {
    this.socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.socket.on("data", (chunk) => {
      this.received += chunk.toString("latin1");
      this.#wake();
    });
    this.socket.on("error", () => undefined);
    this.socket.on("close", () => {
      this.#isClosed = true;
      this.#wake();
    });
  }

  /** Sends bytes as they are. */
  send(text: string): void {
    this.socket.write(text, "latin1");
  }

  /** Waits until what was received matches. @throws Error if the connection ends first. */
  async until(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.received)) {
      if (this.#isClosed) throw new Error(`closed after ${JSON.stringify(this.received)}`);
      await this.#change();
    }
    return this.received;
  }

  /** Waits until the server has closed the connection; gives all that came. */
  async closed(): Promise<string> {
    while (!this.#isClosed) await this.#change();
    return this.received;
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
