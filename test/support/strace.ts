/**
 * The system calls of a real process, recorded by strace and read back: what it did to the
 * files below one folder, when each flush began and ended, and what it said on stdout.
 * @module
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";

/** One thing that the process did. Paths are as it gave them. */
export type Operation =
  | { readonly type: "open"; readonly fd: number; readonly path: string; readonly flags: string }
  | { readonly type: "close"; readonly fd: number }
  | {
      readonly type: "write";
      readonly fd: number;
      readonly bytes: Buffer;
      /** Undefined: where the descriptor stands. */
      readonly position: number | undefined;
    }
  | { readonly type: "truncate"; readonly fd: number; readonly length: number }
  /** `id` pairs the beginning of a flush with its end. */
  | { readonly type: "sync begins"; readonly id: number; readonly fd: number }
  | { readonly type: "sync ends"; readonly id: number; readonly fd: number }
  | { readonly type: "mkdir"; readonly path: string }
  | { readonly type: "link"; readonly path: string; readonly to: string }
  | { readonly type: "rename"; readonly path: string; readonly to: string }
  | { readonly type: "unlink"; readonly path: string }
  | { readonly type: "say"; readonly text: string };

/** Everything that changes files, and what would do so behind the model's back. */
const CALLS =
  "open,openat,openat2,creat,close,write,pwrite64,writev,pwritev,pwritev2,ftruncate,truncate," +
  "fallocate,copy_file_range,sendfile,fsync,fdatasync,sync_file_range,msync,mkdir,mkdirat,rmdir," +
  "link,linkat,rename,renameat,renameat2,unlink,unlinkat,io_uring_setup";

/** Why nothing can be recorded here; undefined if it can. */
export function whyNoStrace(): string | undefined {
  const probe = spawnSync("strace", ["-f", "-o", "/dev/null", "true"], { encoding: "utf8" });
  if (probe.error !== undefined) return "strace is not installed";
  if (probe.status !== 0) return `ptrace is refused: ${probe.stderr.trim().split("\n")[0]}`;
  return undefined;
}

/**
 * Runs `command` under strace until it ends well.
 * @param logPath Where strace writes; outside of the folder that is looked at.
 */
export async function recordCalls(
  command: readonly string[],
  logPath: string,
): Promise<readonly Operation[]> {
  const options = ["-f", "--seccomp-bpf", "-xx", "-s", "16777216", "-e", `trace=${CALLS}`];
  const child = spawn("strace", [...options, "-o", logPath, ...command], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, UV_USE_IO_URING: "0" },
  });
  let stderr = "";
  child.stderr.on("data", (data) => {
    stderr += data;
  });
  const [code] = await once(child, "close");
  assert.equal(code, 0, `the recorded process failed: ${stderr.slice(-2_000)}`);
  return parseCalls(await readFile(logPath, "latin1"));
}

/** Reads strace's log; a call that another thread interrupts stands there in two pieces. */
export function parseCalls(log: string): readonly Operation[] {
  const operations: Operation[] = [];
  const unfinished = new Map<string, { readonly id: number; readonly text: string }>();
  let id = 0;
  for (const line of log.split("\n")) {
    const parts = /^([0-9]+) +(.*)$/.exec(line);
    const [thread, text] = [parts?.[1], parts?.[2]];
    if (thread === undefined || text === undefined || /^(\+\+\+|---)/.test(text)) continue;
    const cut = / <unfinished \.\.\.>$/.exec(text);
    const resumed = /^<\.\.\. [a-z0-9_]+ resumed>(.*)$/.exec(text);
    id += 1;
    if (cut !== null) {
      const begun = { id, text: text.slice(0, cut.index) };
      unfinished.set(thread, begun);
      operations.push(...begin(begun.text, begun.id));
    } else if (resumed !== null) {
      const begun = unfinished.get(thread);
      if (begun === undefined) continue;
      unfinished.delete(thread);
      operations.push(...end(begun.text + resumed[1], begun.id));
    } else {
      operations.push(...begin(text, id), ...end(text, id));
    }
  }
  return operations;
}

/** What counts from the moment at which a call begins. */
function begin(text: string, id: number): readonly Operation[] {
  const [, name = "", rest = ""] = /^([a-z0-9_]+)\((.*)$/.exec(text) ?? [];
  const fd = Number.parseInt(rest, 10);
  switch (name) {
    case "fsync":
    case "fdatasync":
      return [{ type: "sync begins", id, fd }];
    case "close":
      return [{ type: "close", fd }];
    case "write": {
      const bytes = /"(.*)"/.exec(rest)?.[1];
      return fd === 1 && bytes !== undefined
        ? [{ type: "say", text: bytesOf(bytes).toString() }]
        : [];
    }
    default:
      return [];
  }
}

/** What counts only once a call has returned. */
function end(text: string, id: number): readonly Operation[] {
  const call = /^([a-z0-9_]+)\((.*)\) += (-?[0-9]+)/.exec(text);
  if (call === null) return [];
  const [, name = "", inner = "", returned = ""] = call;
  const result = Number(returned);
  if (result < 0) return [];
  const values = inner.split(", ");
  const value = (at: number): string => values[at] ?? assert.fail(`${name} has no argument ${at}`);
  const path = (at: number): string => bytesOf(value(at).slice(1, -1)).toString();
  const fd = Number(value(0));
  switch (name) {
    case "openat":
      return [{ type: "open", fd: result, path: path(1), flags: value(2) }];
    case "write":
    case "pwrite64": {
      const bytes = bytesOf(value(1).slice(1, -1)).subarray(0, result);
      const position = name === "write" ? undefined : Number(value(3));
      return fd <= 2 ? [] : [{ type: "write", fd, bytes, position }];
    }
    case "ftruncate":
      return [{ type: "truncate", fd, length: Number(value(1)) }];
    case "fsync":
    case "fdatasync":
      return [{ type: "sync ends", id, fd }];
    case "mkdir":
      return [{ type: "mkdir", path: path(0) }];
    case "link":
    case "rename":
      return [{ type: name, path: path(0), to: path(1) }];
    case "unlink":
    case "rmdir":
      return [{ type: "unlink", path: path(0) }];
    case "unlinkat":
      return [{ type: "unlink", path: path(1) }];
    case "close":
      return [];
    default:
      // Event descriptors and the like; what concerns a file is told by the model's comparison
      // with the folder that the process really left.
      return [];
  }
}

function bytesOf(text: string): Buffer {
  return Buffer.from(text.replaceAll("\\x", ""), "hex");
}
