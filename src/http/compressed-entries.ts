/**
 * Pages of get-entries as gzip, for logs without a proxy that does it: compressed while they are
 * sent, off the main thread, and outside the turns in which pages are made.
 * @module
 */
import { createGzip, type Gzip } from "node:zlib";
import { gzipWish } from "./accept-encoding.ts";
import { type Answer, isStreamed } from "./answer.ts";
import { BodyStream, bodyLength, type Piece, type WholeBody } from "./body-stream.ts";
import type { HttpResponse } from "./exchange.ts";
import type { Handler } from "./responder.ts";

/** Pages that are compressed at a time, in each thread; others are sent as they are. */
export const GZIP_PAGES_MAX = 64;

/** A page shorter than that is sent as it is. */
export const GZIP_BYTES_MIN = 1_024;

/** More takes much more CPU: base64 has few bytes to spare. */
const LEVEL = 1;

const VARY = ["Vary", "Accept-Encoding"];
const GZIP = ["Content-Encoding", "gzip"];

/** Compresses the pages of one server, for clients that say they take gzip. */
export class CompressedEntries {
  #running = 0;

  /** Pages that are being compressed. */
  get running(): number {
    return this.#running;
  }

  /** The handler of get-entries whose pages are compressed. */
  compress(handler: Handler): Handler {
    return async (request, response) => {
      const answer = await handler(request, response);
      if (answer === undefined || answer.status !== 200) return answer;
      const plain = { ...answer, headers: [...answer.headers, ...VARY] };
      const header = request.headers["accept-encoding"];
      const isWished = gzipWish(typeof header === "string" ? header : undefined) === "accepted";
      const isShort = !isStreamed(answer) && bodyLength(answer.body) < GZIP_BYTES_MIN;
      if (!isWished || isShort || this.#running >= GZIP_PAGES_MAX) return plain;
      const headers = [...plain.headers, ...GZIP];
      return await this.#compress({ ...answer, headers }, response);
    };
  }

  async #compress(answer: Answer, response: HttpResponse): Promise<Answer | undefined> {
    const page = new GzipPage();
    this.#running += 1;
    response.once("close", () => {
      this.#running -= 1;
      page.close();
    });
    if (response.destroyed) return undefined;
    const { status, headers } = answer;
    if (!isStreamed(answer)) {
      const pieces = [...(await page.add(piecesOf(answer.body))), ...(await page.end())];
      return { status, headers, body: Buffer.concat(pieces) };
    }
    const { first, rest, taken } = answer.body;
    const add = async (pieces: readonly Piece[]) => {
      const made = await page.add(pieces);
      for (const piece of pieces) taken(piece);
      return made;
    };
    let isEnded = false;
    const next = async (): Promise<readonly Piece[] | undefined> => {
      if (isEnded) return undefined;
      const pieces = await rest();
      isEnded = pieces === undefined;
      return pieces === undefined ? await page.end() : await add(pieces);
    };
    return { status, headers, body: new BodyStream(await add(first), next) };
  }
}

function piecesOf(body: WholeBody): readonly Piece[] {
  return typeof body === "string" || body instanceof Uint8Array ? [body] : body;
}

/** One page while it is compressed. */
class GzipPage {
  readonly #gzip: Gzip = createGzip({ level: LEVEL });
  #made: Uint8Array[] = [];
  #settle: () => void = () => {};

  constructor() {
    this.#gzip.on("data", (chunk: Uint8Array) => this.#made.push(chunk));
    this.#gzip.on("error", () => this.#settle());
    this.#gzip.on("close", () => this.#settle());
  }

  /** What came out while `pieces` went in: all but what the window holds back. */
  async add(pieces: readonly Piece[]): Promise<readonly Uint8Array[]> {
    for (const piece of pieces) {
      await this.#do((done) => this.#gzip.write(bytesOf(piece), done));
    }
    return this.#take();
  }

  /** What comes out at the end. */
  async end(): Promise<readonly Uint8Array[]> {
    await this.#do((done) => {
      this.#gzip.once("end", done);
      this.#gzip.end();
    });
    return this.#take();
  }

  /** Gives the memory back; whoever waits goes on, for nobody. */
  close(): void {
    this.#gzip.close();
  }

  #do(run: (done: () => void) => void): Promise<void> {
    if (this.#gzip.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#settle = resolve;
      run(resolve);
    });
  }

  #take(): readonly Uint8Array[] {
    const made = this.#made;
    this.#made = [];
    return made;
  }
}

function bytesOf(piece: Piece): Uint8Array {
  return typeof piece === "string" ? Buffer.from(piece, "latin1") : piece;
}
