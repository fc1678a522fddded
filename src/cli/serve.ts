/**
 * `stratus serve` and `stratus dev`: run the log in the foreground until SIGTERM or SIGINT.
 * @module
 */

import { type Running, startStratus } from "../compose.ts";
import type { Config } from "../config/config.ts";
import { formatTime } from "../config/scalar.ts";

/** How the commands speak and stop. */
export interface ServeIo {
  /** Takes one line for people, without its end. */
  readonly print: (line: string) => void;
  /** Resolves when the process is asked to stop. */
  readonly stopped: Promise<void>;
  /** Calls back each time the process is asked to read its roots again. */
  readonly onReload: (reload: () => void) => void;
}

/**
 * Serves until it is asked to stop, then drains.
 * @returns The exit code.
 * @throws FatalError, MalformedError if it cannot start: nothing was created or changed.
 */
export async function serve(config: Config, io: ServeIo): Promise<number> {
  const running = await startStratus(config);
  io.onReload(() => void running.reload());
  for (const line of describe(config, running)) io.print(line);
  const reason = await Promise.race([io.stopped, running.failed]);
  if (reason !== undefined) io.print(`Cannot go on: ${reason}`);
  io.print("Stopping: no new submissions, those in flight are answered first.");
  await running.stop();
  io.print("Stopped.");
  return reason === undefined ? 0 : 1;
}

function describe(config: Config, running: Running): readonly string[] {
  const lines = [
    "",
    `Stratus listens on ${running.listenUrl} (operations on ${running.operationsUrl}).`,
    "",
  ];
  for (const shard of config.shards) {
    const log = running.logs.get(shard.name);
    const { reason = "", state = "failed", phase = state } = log?.status() ?? {};
    const window = `${formatTime(shard.notAfterStartMs)} to ${formatTime(shard.notAfterLimitMs)}`;
    if (running.left.includes(shard.name)) {
      lines.push(`  ${shard.name}  NOT CREATED, not served: run 'stratus shard next'`);
      continue;
    }
    lines.push(
      `  ${shard.name}  ${state === "open" ? phase : state}  certificates that expire from ${window}`,
    );
    if (reason !== "") lines.push(`    ${reason}`);
  }
  const isServed = (name: string) =>
    (running.logs.get(name)?.status().state ?? "failed") !== "failed";
  const first = config.shards.find(({ name }) => isServed(name));
  if (first !== undefined) {
    const url = `${running.listenUrl}/${first.name}`;
    lines.push("", "Try:", `  curl ${url}/ct/v1/get-sth`);
    lines.push(`  ./stratus submit --url ${url} chain.pem`, "");
  }
  return lines;
}
