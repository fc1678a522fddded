/**
 * Reads V8's CPU profiles (`--cpu-prof`: one file for each thread of JavaScript): the time of
 * each stack, and what part of the program each microsecond belongs to.
 * @module
 */

/** A `.cpuprofile`, as far as it is used; times in microseconds of the monotonic clock. */
export interface CpuProfile {
  readonly startTime: number;
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      /** 0-based. */
      readonly lineNumber: number;
    };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  /** Time since the sample before, or since `startTime`. */
  readonly timeDeltas: readonly number[];
}

/** Stacks put together: a function as it was called by the ones above it. */
export interface Frame {
  readonly name: string;
  /** File and line, or where it comes from. */
  readonly place: string;
  /** See {@link partOf}. */
  readonly part: string;
  /** Time in this function alone; microseconds. */
  selfUs: number;
  /** With all that it called. */
  totalUs: number;
  readonly children: Map<string, Frame>;
}

/** From when to when; microseconds of the monotonic clock, as `process.hrtime`. */
export interface ProfileWindow {
  readonly startUs: number;
  readonly endUs: number;
}

/** Parts that are not work of the thread's own. */
export const IDLE = "idle";

/** An empty root. */
export function rootFrame(name: string): Frame {
  return { name, place: "", part: "node", selfUs: 0, totalUs: 0, children: new Map() };
}

/** Adds what `profile` shows in `window` below `root`. */
export function addProfile(root: Frame, profile: CpuProfile, window?: ProfileWindow): void {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map<number, number>();
  for (const node of profile.nodes) {
    for (const child of node.children ?? []) parents.set(child, node.id);
  }
  const paths = new Map<number, readonly Frame[]>();
  const pathOf = (id: number): readonly Frame[] => {
    const known = paths.get(id);
    if (known !== undefined) return known;
    const parent = parents.get(id);
    const node = nodes.get(id);
    const above = parent === undefined ? [root] : pathOf(parent);
    // The profile's own root stands for ours.
    const path =
      parent === undefined || node === undefined ? above : [...above, enter(above, node)];
    paths.set(id, path);
    return path;
  };
  let atUs = profile.startTime;
  for (const [at, id] of profile.samples.entries()) {
    atUs += profile.timeDeltas[at] ?? 0;
    // A sample stands for the time until the next one.
    const us = Math.max(0, profile.timeDeltas[at + 1] ?? 0);
    if (window !== undefined && (atUs < window.startUs || atUs >= window.endUs)) continue;
    const path = pathOf(id);
    for (const frame of path) frame.totalUs += us;
    const last = path.at(-1);
    if (last !== undefined) last.selfUs += us;
  }
}

function enter(above: readonly Frame[], node: CpuProfile["nodes"][number]): Frame {
  const { functionName, url, lineNumber } = node.callFrame;
  const caller = above.at(-1);
  if (caller === undefined) throw new RangeError("a stack begins at a root");
  const name = functionName === "" ? "(anonymous)" : functionName;
  const key = `${name} ${url}:${lineNumber}`;
  const known = caller.children.get(key);
  if (known !== undefined) return known;
  const part = partOf(functionName, url) ?? caller.part;
  const place = url === "" ? "" : `${shortenUrl(url)}:${lineNumber + 1}`;
  const frame: Frame = { name, place, part, selfUs: 0, totalUs: 0, children: new Map() };
  caller.children.set(key, frame);
  return frame;
}

/** The functions of V8 itself. */
const V8_PARTS: Readonly<Record<string, string>> = {
  "(garbage collector)": "GC",
  "(idle)": IDLE,
  "(program)": "native, outside of JavaScript",
};

const PACKAGES: readonly (readonly [RegExp, string])[] = [
  [/\/node_modules\/(?:classic-level|abstract-level|level)\//, "storage: level"],
  [/\/node_modules\/(?:fastify|find-my-way|@fastify|avvio|light-my-request)\//, "http: fastify"],
  [/\/node_modules\/(?:prom-client|pino)\//, "telemetry"],
  [/\/node_modules\/(?:@?[^/]+)\//, "other packages"],
];

const NODE_PARTS: readonly (readonly [RegExp, string])[] = [
  [/^node:internal\/crypto\/(?:hash|util)/, "crypto: hash"],
  [/^node:(?:internal\/)?fs/, "node: fs"],
  [/^node:(?:internal\/)?zlib/, "zlib: CRC, gzip"],
  [
    /^node:(?:_http|http|net|_stream|internal\/(?:http|net|stream|timers|event_target|js_stream))/,
    "node: http, sockets",
  ],
];

/**
 * The part of the program that a function's own time belongs to: a folder of `src` or `dist`, a
 * package, OpenSSL's work, or V8's; undefined where it works for its caller.
 */
export function partOf(name: string, url: string): string | undefined {
  if (url === "") return V8_PARTS[name];
  const folder = /\/(?:src|dist)\/([a-z0-9-]+)\//.exec(url)?.[1];
  if (folder !== undefined && !url.includes("/node_modules/")) return folder;
  if (/\/(?:src|dist|bench)\/[a-z0-9-]+\.[jt]s$/.test(url)) return "composition";
  if (url.startsWith("node:internal/crypto/sig")) {
    return name.startsWith("verify") ? "crypto: verify" : "crypto: sign";
  }
  const known = [...PACKAGES, ...NODE_PARTS].find(([pattern]) => pattern.test(url));
  return known?.[1];
}

function shortenUrl(url: string): string {
  const folders = ["/src/", "/dist/", "/node_modules/"];
  const at = Math.max(...folders.map((folder) => url.lastIndexOf(folder)));
  return at < 0 ? url : url.slice(url.indexOf("/", at + 1) + 1);
}

/** Own time of each part, the largest first; microseconds. */
export function sumParts(root: Frame): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  const visit = (frame: Frame): void => {
    sums.set(frame.part, (sums.get(frame.part) ?? 0) + frame.selfUs);
    for (const child of frame.children.values()) visit(child);
  };
  visit(root);
  return new Map([...sums].filter(([, us]) => us > 0).sort(([, a], [, b]) => b - a));
}

/** Takes idle time out of the tree. */
export function withoutIdle(root: Frame): Frame {
  const children = new Map([...root.children].filter(([, child]) => child.part !== IDLE));
  const idleUs = [...root.children.values()]
    .filter((child) => child.part === IDLE)
    .reduce((sum, child) => sum + child.totalUs, 0);
  return { ...root, children, totalUs: root.totalUs - idleUs };
}
