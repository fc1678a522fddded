/**
 * HTTP as tests want it: the path goes out as it is written, nothing is decompressed, no
 * redirect is followed, and a request can have a connection of its own.
 * @module
 */
import { Agent, type IncomingHttpHeaders, request } from "node:http";

/** An answer, undecoded. */
export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The body as UTF-8. */
  readonly text: string;
}

/** What a call can say beyond its URL. */
export interface CallOptions {
  readonly method?: string;
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  /** Opens a connection for this call alone. */
  readonly fresh?: boolean;
}

const agent = new Agent({ keepAlive: true, maxSockets: 64, scheduling: "fifo" });

/** Sends one request and reads the whole answer. `target` is sent as it stands. */
export function call(origin: string, target: string, options: CallOptions = {}): Promise<Reply> {
  const { body, fresh = false, headers = {} } = options;
  const method = options.method ?? (body === undefined ? "GET" : "POST");
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const sent = request({
      hostname,
      port,
      path: target,
      method,
      headers: { ...length, ...headers },
      agent: fresh ? false : agent,
    });
    sent.once("error", reject);
    sent.once("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () => {
        const whole = Buffer.concat(chunks);
        const { statusCode = 0, headers: received } = response;
        resolve({ status: statusCode, headers: received, body: whole, text: whole.toString() });
      });
    });
    sent.end(body);
  });
}

/** Closes the connections that wait for further calls. */
export function closeCalls(): void {
  agent.destroy();
}
