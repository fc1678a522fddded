/**
 * The browser's side of `check/world.ts`: fetch, localStorage, and the clock. The only file of
 * the browser's code that knows time.
 * @module
 */
import { sha256 } from "../../merkle/noble.ts";
import { AnswerError, type Api, type Memory, type World } from "../check/world.ts";

/** URL of the server's root, with its slash: where the page says that it is. */
export function rootUrl(): string {
  return new URL(document.body.dataset["root"] ?? "./", location.href).href;
}

/** Milliseconds since the Unix epoch, by the visitor's clock. */
export function nowMs(): number {
  return Date.now();
}

/** The world of one shard. */
export function worldOf(shard: string): World {
  const url = rootUrl() + shard;
  return { api: apiOf(url), memory: MEMORY, url, sha256, nowMs };
}

/** How long an answer may take. */
const ANSWER_MS_MAX = 30_000;

function apiOf(url: string): Api {
  return {
    get: async (path) => bodyOf(path, await ask(`${url}/${path}`, {})),
    post: async (path, body) =>
      bodyOf(path, await ask(`${url}/${path}`, { "Content-Type": "application/json" }, body)),
  };
}

/** What came back. */
interface Reply {
  readonly response: Response;
  readonly text: string;
}

/** @throws AnswerError for any answer but 200, with the server's line of detail. */
function bodyOf(path: string, { response, text }: Reply): string {
  if (response.ok) return text;
  const [, detail = ""] = text.split("\n");
  throw new AnswerError(response.status, `${path.split("?")[0]}: ${response.status} ${detail}`);
}

/** One exchange. @throws AnswerError where there is no answer. */
async function ask(
  url: string,
  headers: Readonly<Record<string, string>>,
  body?: string,
): Promise<Reply> {
  try {
    const signal = AbortSignal.timeout(ANSWER_MS_MAX);
    const method = body === undefined ? "GET" : "POST";
    const sent = { method, headers, ...(body !== undefined && { body }), signal };
    const response = await fetch(url, { ...sent, cache: "no-store", credentials: "omit" });
    return { response, text: await response.text() };
  } catch {
    throw new AnswerError(0, "the server does not answer");
  }
}

/** The data of a page of this server. @param path Below the root. @throws AnswerError. */
export async function pageData(path: string): Promise<unknown> {
  const { response, text } = await ask(rootUrl() + path, { Accept: "application/json" });
  if (!response.ok) throw new AnswerError(response.status, `${path}: ${response.status}`);
  return JSON.parse(text);
}

/** A document of this server. @param path Below the root. @throws AnswerError. */
export async function documentText(path: string): Promise<string> {
  return bodyOf(path, await ask(rootUrl() + path, {}));
}

/** localStorage, which a visitor may have switched off or filled. */
const MEMORY: Memory = {
  read: (key) => orUndefined(() => localStorage.getItem(key) ?? undefined),
  write: (key, text) => orUndefined(() => localStorage.setItem(key, text)),
  forget: (key) => orUndefined(() => localStorage.removeItem(key)),
};

function orUndefined<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}

/**
 * How long the server may keep a question until the tree has grown; in seconds. Then it answers
 * with the newest head of the same tree, whose age is news as well.
 */
const WAIT_SECONDS = 10;

/** Before the next question, where the answer was no news. */
const POLL_MS = 2_000;

/** Before the next question, where it was. */
const BREATH_MS = 250;

/** After an answer that did not come. */
const RETRY_MS = 5_000;

/**
 * Calls `see` with each checkpoint that differs from the last, and `fail` where there was no
 * answer, as long as the page is shown. The one place that knows how news come: a question that
 * the server keeps until there are some, and a pause where it answers at once.
 * @returns Ends it.
 */
export function followCheckpoint(
  { api }: World,
  see: (text: string) => Promise<void>,
  fail: (error: AnswerError) => void,
): () => void {
  let last: string | undefined;
  let isOver = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = async (): Promise<void> => {
    let pauseMs = POLL_MS;
    try {
      if (document.visibilityState === "visible") {
        // Without its size, growth between two questions would be missed.
        const [, size = "0"] = last?.split("\n") ?? [];
        const isSize = /^[0-9]+$/.test(size);
        const wait = last === undefined ? "" : `?wait=${WAIT_SECONDS}&size=${isSize ? size : 0}`;
        const text = await api.get(`checkpoint${wait}`);
        if (isOver) return;
        if (text !== last) {
          await see(text);
          pauseMs = BREATH_MS;
        }
        last = text;
      }
    } catch (thrown) {
      if (!(thrown instanceof AnswerError)) throw thrown;
      fail(thrown);
      pauseMs = RETRY_MS;
    }
    if (!isOver) timer = setTimeout(() => void look(), pauseMs);
  };
  void look();
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}

/** Calls `act` every `ms`, from then on. @returns Ends it. */
export function every(ms: number, act: () => void): () => void {
  const timer = setInterval(act, ms);
  return () => clearInterval(timer);
}

/** Offers bytes as a file. */
export function download(name: string, bytes: Uint8Array | string, type: string): void {
  const part = typeof bytes === "string" ? bytes : new Uint8Array(bytes);
  const url = URL.createObjectURL(new Blob([part], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken the file by the next turn; a minute is plenty.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
