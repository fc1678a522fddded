/**
 * The body of a submission: read up to a limit, or read past in a bounded way when the answer
 * was given before it. A socket that is closed with unread data is reset, and the client loses
 * the answer.
 * @module
 */
import { RejectedError, UnavailableError } from "../base/errors.ts";
import { LinkedMap } from "../base/linked-map.ts";
import type { Clock } from "../clock/clock.ts";
import type { HttpRequest, StreamedRequest } from "./exchange.ts";

/** The largest body of a submission, in bytes. */
export const BODY_BYTES_MAX = 512_000;

/** How much of a body is read past after an early answer, in bytes. */
export const DRAIN_BYTES_MAX = 1_000_000;

/**
 * A body of at most so many bytes is read past without a timer of its own, within the time of any
 * request: chains of usual size, whose refusals must cost little.
 */
export const SMALL_BODY_BYTES_MAX = 16_384;

/** How long a larger body is read past after an early answer, in milliseconds. */
export const DRAIN_MS_MAX = 2_000;

/** How long a connection stays open whose body is announced as more than that; milliseconds. */
export const UNREAD_MS_MAX = 500;

/** Whether the headers announce a body of which some is still to come. */
export function isBodyDue(request: StreamedRequest): boolean {
  const { headers } = request;
  if (request.complete || request.readableEnded) return false;
  if (headers["transfer-encoding"] !== undefined) return true;
  return headers["content-length"] !== undefined && headers["content-length"] !== "0";
}

/** One body's part of {@link BodiesInFlight}. */
export interface BodyClaim {
  /** Called when this body has to give way; set while it is being read. */
  giveWay: (() => void) | undefined;
  /** Counts what came. */
  grow(bytes: number): void;
  /** Ends the claim; harmless when called again. */
  release(): void;
}

/**
 * Bodies in memory between their first byte and their verdict, bounded in bytes as they come:
 * by what is announced, a few idle connections could lock out everybody. Beyond the bound the
 * body that has been coming the longest gives way, which is never an honest one's.
 */
export class BodiesInFlight {
  readonly #bytesMax: number;
  /** By the order in which they came, with what each holds. */
  readonly #claims = new LinkedMap<number, { readonly claim: BodyClaim; bytes: number }>();
  #lastNumber = 0;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes held now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Begins a claim of nothing. */
  open(): BodyClaim {
    this.#lastNumber += 1;
    const number = this.#lastNumber;
    const claim: BodyClaim = {
      giveWay: undefined,
      grow: (bytes) => this.#grow(number, bytes),
      release: () => this.#release(number),
    };
    this.#claims.set(number, { claim, bytes: 0 });
    return claim;
  }

  #grow(number: number, bytes: number): void {
    const held = this.#claims.get(number);
    if (held === undefined) return;
    held.bytes += bytes;
    this.#bytes += bytes;
    if (this.#bytes <= this.#bytesMax) return;
    for (const oldest of this.#claims.keys()) {
      if (this.#bytes <= this.#bytesMax) return;
      const giveWay = this.#claims.get(oldest)?.claim.giveWay;
      if (giveWay === undefined) continue;
      this.#release(oldest);
      giveWay();
    }
  }

  #release(number: number): void {
    this.#bytes -= this.#claims.get(number)?.bytes ?? 0;
    this.#claims.delete(number);
  }
}

/** What a body is refused with that had to give way. */
export function gaveWay(): UnavailableError {
  const message = "too many bodies are on their way, and this one has been the longest";
  return new UnavailableError("UNAVAILABLE_OVERLOADED", message);
}

/**
 * The whole body. The caller releases `claim` once it is judged.
 * @returns undefined if the client went away, or took too long.
 * @throws RejectedError `REJECTED_BODY_TOO_LARGE`, from the headers where they tell;
 *   UnavailableError `UNAVAILABLE_OVERLOADED` if it had to give way.
 */
export function readBody(request: HttpRequest, claim: BodyClaim): Promise<Buffer | undefined> {
  return request.readWhole === undefined ? readStreamed(request, claim) : request.readWhole(claim);
}

function readStreamed(request: StreamedRequest, claim: BodyClaim): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const refuse = () =>
      reject(new RejectedError("REJECTED_BODY_TOO_LARGE", `more than ${BODY_BYTES_MAX} bytes`));
    if (Number(request.headers["content-length"] ?? 0) > BODY_BYTES_MAX) {
      refuse();
      return;
    }
    const chunks: Buffer[] = [];
    let length = 0;
    const dropWhatCame = () => {
      request.off("data", onData);
      // What follows is read past, but not before `drainBody` counts it.
      request.pause();
      chunks.length = 0;
      claim.giveWay = undefined;
    };
    const onData = (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > BODY_BYTES_MAX) {
        dropWhatCame();
        refuse();
      } else claim.grow(chunk.length);
    };
    claim.giveWay = () => {
      dropWhatCame();
      reject(gaveWay());
    };
    request.on("data", onData);
    request.once("end", () => {
      claim.giveWay = undefined;
      const [only] = chunks;
      resolve(chunks.length === 1 ? only : Buffer.concat(chunks, length));
    });
    request.once("error", () => resolve(undefined));
    request.once("close", () => resolve(undefined));
  });
}

/**
 * Reads on and throws away, at most {@link DRAIN_BYTES_MAX} and `msMax` milliseconds, then
 * calls `done` once, saying whether the whole body came. The time runs from now on, but nothing
 * is read before `start`.
 */
export function drainBody(
  request: StreamedRequest,
  clock: Clock,
  done: (isWhole: boolean) => void,
  msMax: number = DRAIN_MS_MAX,
): { readonly start: () => void } {
  let length = 0;
  let isDone = false;
  const finish = (isWhole: boolean) => {
    if (isDone) return;
    isDone = true;
    cancel();
    done(isWhole);
  };
  const cancel = clock.after(msMax, () => finish(false));
  request.once("end", () => finish(true));
  request.once("error", () => finish(false));
  request.once("close", () => finish(false));
  return {
    start: () => {
      request.on("data", (chunk: Buffer) => {
        length += chunk.length;
        if (length > DRAIN_BYTES_MAX) finish(false);
      });
      request.resume();
    },
  };
}
