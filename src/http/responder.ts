/**
 * Runs a handler for one request and writes its answer: the one place that touches the
 * response. Fastify routes; bodies and headers are written here in one stroke.
 * @module
 */
import { CtError, messageOf } from "../base/errors.ts";
import type { Clock } from "../clock/clock.ts";
import { Deadlines } from "../log/deadline.ts";
import type { Observer } from "../telemetry/observer.ts";
import type { AccessLog } from "./access-log.ts";
import {
  type Answer,
  answerError,
  inFormOf,
  inNewsOf,
  isStreamed,
  type RetryAfter,
  refusal,
  type StreamedAnswer,
  spreadRetryAfter,
  type WholeAnswer,
} from "./answer.ts";
import {
  DRAIN_BYTES_MAX,
  DRAIN_MS_MAX,
  drainBody,
  isBodyDue,
  SMALL_BODY_BYTES_MAX,
  UNREAD_MS_MAX,
} from "./body.ts";
import { bodyLength, endWith, endWithStream, writeBody } from "./body-stream.ts";
import type { HttpRequest, HttpResponse, StreamedRequest } from "./exchange.ts";
import { LargeBodies } from "./large-bodies.ts";

/** Where a request belongs; both are labels of metrics, so their values are few. */
export interface Endpoint {
  /** Name of the shard; empty where there is none. */
  readonly shard: string;
  readonly name: string;
}

/** Gives the answer, or throws; undefined if the client went away. */
export type Handler = (
  request: HttpRequest,
  response: HttpResponse,
) => Answer | Promise<Answer | undefined>;

/** Answers a request that no route took. */
export type Unrouted = (request: StreamedRequest, response: HttpResponse) => void;

/** What a log of web servers writes for a client that closed the connection. */
const STATUS_CLIENT_GONE = 499;

/** Answers requests, counts them, and tells clients to leave once the server closes. */
export class Responder {
  readonly retryAfter: RetryAfter = spreadRetryAfter();
  /** Whose turn it is, also of bodies that are read past. */
  readonly largeBodies: LargeBodies;
  readonly #access: AccessLog | undefined;
  readonly #clock: Clock;
  readonly #observer: Observer;
  /** Small bodies whose answer went out before them: one timer for all, in an overload many. */
  readonly #stalled: Deadlines;
  #isClosing = false;
  readonly #onClosing: (() => void)[] = [];

  /** @param access Absent: no access log. */
  constructor(options: { readonly clock: Clock; readonly observer: Observer }, access?: AccessLog) {
    this.#access = access;
    this.#clock = options.clock;
    this.largeBodies = new LargeBodies(options.clock);
    this.#stalled = new Deadlines(options.clock, DRAIN_MS_MAX);
    this.#observer = options.observer;
  }

  /** Whether no new submission is taken. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** From now on every answer closes its connection. */
  beginClosing(): void {
    this.#isClosing = true;
    for (const run of this.#onClosing) run();
  }

  /** Has `run` called once the server begins to close. */
  onClosing(run: () => void): void {
    this.#onClosing.push(run);
  }

  /** Steady time, for durations. */
  nowMs(): number {
    return this.#clock.monotonicMs();
  }

  /** Reports to the observer. */
  get observe(): Observer {
    return this.#observer;
  }

  /** Answers one request. Never throws, never rejects. */
  serve(endpoint: Endpoint, request: HttpRequest, response: HttpResponse, handler: Handler): void {
    const startedMs = this.nowMs();
    this.#access?.begin(request, response);
    try {
      const answer = handler(request, response);
      if (!(answer instanceof Promise)) {
        this.#finish(endpoint, startedMs, request, response, answer);
        return;
      }
      answer.then(
        (settled) => this.#finish(endpoint, startedMs, request, response, settled),
        (thrown: unknown) => this.#fail(endpoint, startedMs, request, response, thrown),
      );
    } catch (thrown) {
      this.#fail(endpoint, startedMs, request, response, thrown);
    }
  }

  /** Reports what no code foresees: a bug of ours. */
  reportBug(endpoint: Endpoint, thrown: unknown): void {
    const trace = thrown instanceof Error ? (thrown.stack ?? messageOf(thrown)) : messageOf(thrown);
    const { shard, name } = endpoint;
    this.#observer({ type: "request-bug", shard, endpoint: name, message: trace });
  }

  #fail(
    endpoint: Endpoint,
    startedMs: number,
    request: HttpRequest,
    response: HttpResponse,
    thrown: unknown,
  ): void {
    if (!(thrown instanceof CtError)) this.reportBug(endpoint, thrown);
    const answer = answerError(thrown, this.retryAfter);
    this.#finish(endpoint, startedMs, request, response, answer);
  }

  #finish(
    endpoint: Endpoint,
    startedMs: number,
    request: HttpRequest,
    response: HttpResponse,
    answer: Answer | undefined,
  ): void {
    const durationMs = this.nowMs() - startedMs;
    if (answer === undefined || response.destroyed) {
      this.#tell(endpoint, answer?.status ?? STATUS_CLIENT_GONE, durationMs);
    } else if (isStreamed(answer)) {
      void this.#stream(endpoint, request, response, answer).then((status) =>
        this.#tell(endpoint, status, durationMs),
      );
    } else {
      this.#write(request, response, answer);
      this.#tell(endpoint, answer.status, durationMs);
    }
  }

  #tell({ shard, name }: Endpoint, status: number, durationMs: number): void {
    this.#observer({ type: "request", shard, endpoint: name, status, durationMs });
  }

  /** @returns The status that it came to: of an answer that could not be ended, of its error. */
  async #stream(
    endpoint: Endpoint,
    request: HttpRequest,
    response: HttpResponse,
    answer: StreamedAnswer,
  ): Promise<number> {
    response.writeHead(answer.status, headersOf(answer, this.#isClosing));
    if (request.method === "HEAD") {
      response.end();
      return answer.status;
    }
    try {
      const isWhole = await endWithStream(response, answer.body);
      return isWhole ? answer.status : STATUS_CLIENT_GONE;
    } catch (thrown) {
      // Too late for another status: a chunk that never comes tells the client.
      response.destroy();
      if (!(thrown instanceof CtError)) this.reportBug(endpoint, thrown);
      return answerError(thrown, this.retryAfter).status;
    }
  }

  /** Reads past a body; a large one waits for its turn, within the same time. */
  #drain(request: StreamedRequest, done: (isWhole: boolean) => void): void {
    if (!this.largeBodies.isLarge(request)) {
      drainBody(request, this.#clock, done).start();
      return;
    }
    let endTurn = () => {};
    let isDone = false;
    const draining = drainBody(request, this.#clock, (isWhole) => {
      isDone = true;
      endTurn();
      done(isWhole);
    });
    void this.largeBodies.turn().then((end) => {
      if (isDone) {
        end();
        return;
      }
      endTurn = end;
      draining.start();
    });
  }

  #write(request: HttpRequest, response: HttpResponse, given: WholeAnswer): void {
    // Node parses headers when they are asked for: most reads never do.
    const answer = asked(request, given);
    if (answer.status >= 400 && request.readWhole === undefined && isBodyDue(request)) {
      this.#writeEarly(request, response, answer);
      return;
    }
    response.writeHead(answer.status, headersOf(answer, this.#isClosing));
    endWith(response, answer.body);
  }

  /** Writes the answer to a request that is still being sent, so that it arrives. */
  #writeEarly(request: StreamedRequest, response: HttpResponse, answer: WholeAnswer): void {
    const length = Number(request.headers["content-length"] ?? Number.POSITIVE_INFINITY);
    if (length <= DRAIN_BYTES_MAX && !this.#isClosing) {
      response.writeHead(answer.status, headersOf(answer, false));
      endWith(response, answer.body);
      if (length <= SMALL_BODY_BYTES_MAX) {
        // Node reads past what is left of a request whose response is over, if it comes.
        request.once(
          "close",
          this.#stalled.add(() => request.destroy()),
        );
        return;
      }
      this.#drain(request, (isWhole) => {
        if (!isWhole) request.destroy();
      });
      return;
    }
    // The whole answer goes out at once, but the connection stays open behind it.
    response.writeHead(answer.status, headersOf(answer, true));
    response.flushHeaders();
    writeBody(response, answer.body);
    const isHopeless = Number.isFinite(length) && length > DRAIN_BYTES_MAX;
    // Of a body that cannot be read past nothing is read: the client has time for the answer.
    if (isHopeless) drainBody(request, this.#clock, () => response.end(), UNREAD_MS_MAX);
    else this.#drain(request, () => response.end());
  }
}

/** The answer to a request that HTTP itself refuses, as the bytes of a whole response. */
export function formatRawRefusal(status: number, detail: string): string {
  const { headers, body } = refusal(status, "MALFORMED_HTTP", detail);
  const lines = [`HTTP/1.1 ${status} ${String(body).split("\n", 1)[0]}`];
  for (let index = 0; index < headers.length; index += 2) {
    lines.push(`${headers[index]}: ${headers[index + 1]}`);
  }
  lines.push(`Content-Length: ${bodyLength(body)}`, "Connection: close", "", String(body));
  return lines.join("\r\n");
}

/** What a client's headers make of an answer. */
function asked(request: HttpRequest, answer: WholeAnswer): WholeAnswer {
  if (answer.problem !== undefined) return inFormOf(answer, request.headers.accept);
  if (answer.etag !== undefined) return inNewsOf(answer, request.headers["if-none-match"]);
  return answer;
}

function headersOf(answer: Answer, closes: boolean): string[] {
  const headers = [...answer.headers];
  // Of a stream nobody knows it: Node sends it in chunks.
  const hasLength = answer.status !== 204 && answer.status !== 304;
  if (hasLength && !isStreamed(answer)) {
    headers.push("Content-Length", String(bodyLength(answer.body)));
  }
  if (closes) headers.push("Connection", "close");
  return headers;
}
