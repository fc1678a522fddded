/**
 * A minimal reader of HTTP/1.1 responses (RFC 9112) for one request at a time on a
 * connection: cheap enough that the driver is not what is measured.
 * @module
 */

/** One response. */
export interface Response {
  readonly status: number;
  /** As sent: a `Content-Encoding` is not undone. May be a view of the socket's chunk. */
  readonly body: Buffer;
  /** Whether the server will close the connection. */
  readonly isLast: boolean;
}

/** At most this many bytes of head are read. */
const HEAD_BYTES_MAX = 65_536;

const EMPTY = Buffer.alloc(0);

/** Takes the bytes of a connection as they come. */
export class ResponseReader {
  #chunks: Buffer[] = [];
  #length = 0;
  /** Bytes of the whole response once its head says so; 0 before. */
  #expected = 0;

  /**
   * The response that `chunk` completes; undefined while it is incomplete.
   * @throws Error if the bytes are no HTTP/1.1 response, or more than one response.
   */
  push(chunk: Buffer): Response | undefined {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length < this.#expected) return undefined;
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks, this.#length);
    this.#chunks = [bytes];
    const response = this.#parse(bytes);
    if (response !== undefined) {
      this.#chunks = [];
      this.#length = 0;
      this.#expected = 0;
    }
    return response;
  }

  /** Whether the connection may end here without cutting a response. */
  get isIdle(): boolean {
    return this.#length === 0;
  }

  #parse(bytes: Buffer): Response | undefined {
    const headEnd = bytes.indexOf("\r\n\r\n");
    if (headEnd < 0) {
      if (bytes.length > HEAD_BYTES_MAX) throw new Error("the response's head does not end");
      return undefined;
    }
    const head = bytes.toString("latin1", 0, headEnd + 2);
    const status = Number(head.slice(9, 12));
    if (!head.startsWith("HTTP/1.1 ") || !(status >= 200 && status <= 599)) {
      throw new Error(`expected an HTTP/1.1 response, got ${JSON.stringify(head.slice(0, 64))}`);
    }
    const isLast = /\r\nconnection: *close\r\n/i.test(head);
    const start = headEnd + 4;
    const length = /\r\ncontent-length: *([0-9]+)\r\n/i.exec(head)?.[1];
    if (length !== undefined) {
      this.#expected = start + Number(length);
      if (bytes.length < this.#expected) return undefined;
      if (bytes.length > this.#expected) throw new Error("bytes behind the response");
      return { status, body: bytes.subarray(start), isLast };
    }
    if (status === 204 || status === 304) return { status, body: EMPTY, isLast };
    if (!/\r\ntransfer-encoding: *chunked\r\n/i.test(head)) {
      throw new Error("expected a content-length or chunks");
    }
    const body = joinChunks(bytes, start);
    return body === undefined ? undefined : { status, body, isLast };
  }
}

/** The body of a chunked response; undefined while incomplete. */
function joinChunks(bytes: Buffer, start: number): Buffer | undefined {
  const parts: Buffer[] = [];
  let offset = start;
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", offset);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(bytes.toString("latin1", offset, lineEnd), 16);
    if (!Number.isSafeInteger(size)) throw new Error("expected the size of a chunk");
    const dataEnd = lineEnd + 2 + size;
    if (bytes.length < dataEnd + 2) return undefined;
    if (size === 0) {
      if (bytes.length !== dataEnd + 2) throw new Error("bytes behind the response");
      return Buffer.concat(parts);
    }
    parts.push(bytes.subarray(lineEnd + 2, dataEnd));
    offset = dataEnd + 2;
  }
}
