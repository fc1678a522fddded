/**
 * Bodies, and how they are written: whole ones in one stroke or piece by piece, streams as fast
 * as their reader takes them.
 * @module
 */
import { bufferOf } from "./base64.ts";
import type { HttpResponse } from "./exchange.ts";

/** Text is ASCII. */
export type Piece = string | Uint8Array;

/** A whole body, in one piece or in several. */
export type WholeBody = Piece | readonly Piece[];

/** What an answer may carry. */
export type Body = WholeBody | BodyStream;

/** A body of which the rest is made once its reader has taken what there was. */
export class BodyStream {
  /** What there is from the start. */
  readonly first: readonly Piece[];
  /** The next pieces, which may be none; undefined at the end. Not called before it resolved. */
  readonly rest: () => Promise<readonly Piece[] | undefined>;

  /** To be told of each piece that is not looked at any more: its memory may be used again. */
  readonly taken: (piece: Piece) => void;

  constructor(
    first: readonly Piece[],
    rest: () => Promise<readonly Piece[] | undefined>,
    taken: (piece: Piece) => void = () => {},
  ) {
    this.first = first;
    this.rest = rest;
    this.taken = taken;
  }
}

/** Bytes of pieces. */
export function piecesLength(pieces: readonly Piece[]): number {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  return length;
}

/** Bytes of a body, of a stream those of its first pieces. */
export function bodyLength(body: Body): number {
  if (typeof body === "string" || body instanceof Uint8Array) return body.length;
  return piecesLength(body instanceof BodyStream ? body.first : body);
}

/** Writes the body and ends the response. */
export function endWith(response: HttpResponse, body: WholeBody): void {
  if (typeof body === "string" || body instanceof Uint8Array) {
    response.end(inOneWrite(body), "latin1");
    return;
  }
  writeInTurn(response, body.values());
}

/** Writes the body and leaves the response open; nothing for HEAD. */
export function writeBody(response: HttpResponse, body: WholeBody): void {
  const pieces = typeof body === "string" || body instanceof Uint8Array ? [body] : body;
  for (const piece of pieces) response.write(piece, "latin1");
}

/**
 * Writes a stream and ends the response; no more is made than the reader takes.
 * @returns Whether all of it was written; if not, the client left.
 * @throws what `rest` throws.
 */
export async function endWithStream(
  response: HttpResponse,
  { first, rest, taken }: BodyStream,
): Promise<boolean> {
  let pieces: readonly Piece[] | undefined = first;
  while (pieces !== undefined) {
    for (const piece of pieces) {
      const done = (error: Error | null | undefined) => {
        // Of a connection that broke, the system may still hold it.
        if (!error) taken(piece);
      };
      if (!response.write(piece, "latin1", done)) await drained(response);
      if (response.destroyed) return false;
    }
    pieces = await rest();
    if (response.destroyed) return false;
  }
  response.end();
  return true;
}

/** Resolves once more can be written, or the client left. */
function drained(response: HttpResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.once("drain", done);
    response.once("close", done);
  });
}

/** Writes pieces as fast as the reader takes them: the rest stays out of the socket's buffer. */
function writeInTurn(response: HttpResponse, pieces: Iterator<Piece>): void {
  for (let next = pieces.next(); next.done !== true; next = pieces.next()) {
    if (response.write(next.value, "latin1")) continue;
    response.once("drain", () => writeInTurn(response, pieces));
    return;
  }
  response.end();
}

/**
 * Node sends text in one write with the headers, bytes in a second one; for a small body the
 * copy is cheaper than that.
 */
function inOneWrite(body: Piece): Piece {
  if (typeof body === "string" || body.length > ONE_WRITE_BYTES_MAX) return body;
  return bufferOf(body).toString("latin1");
}

const ONE_WRITE_BYTES_MAX = 16_384;
