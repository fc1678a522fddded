/**
 * What a browser remembers of a log: the newest head that it verified, and a fault that it
 * found. By log ID: whoever shows the log, under whatever address, is held to both.
 * @module
 */
import { type Checkpoint, parseCheckpoint } from "../../checkpoint/checkpoint.ts";
import { formatHex } from "../../encoding/hex.ts";
import type { Evidence } from "./evidence.ts";
import type { OpenLog } from "./log.ts";
import type { World } from "./world.ts";

/** A head that was verified. */
export interface RememberedHead {
  readonly head: Checkpoint;
  /** The checkpoint as it was shown. */
  readonly text: string;
}

/** The newest head of this log that was verified here; undefined if there was none. */
export function readHead(world: World, log: OpenLog): RememberedHead | undefined {
  const text = world.memory.read(keyOf("head", log));
  if (text === undefined) return undefined;
  try {
    const named = { origin: log.origin, logId: log.key.logId };
    return { head: parseCheckpoint(world.sha256, text, named), text };
  } catch {
    // Somebody else's text under our name.
    return undefined;
  }
}

/** Remembers a head. The caller has verified it, and that it extends the one before. */
export function rememberHead(world: World, log: OpenLog, head: Checkpoint, text: string): void {
  const known = readHead(world, log)?.head;
  // Another tab may have seen a newer one meanwhile.
  if (known !== undefined && known.timestampMs > head.timestampMs) return;
  world.memory.write(keyOf("head", log), text);
}

/** The fault that was found in this log; undefined if none was. */
export function readAlarm(world: World, log: OpenLog): Evidence | undefined {
  const text = world.memory.read(keyOf("alarm", log));
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Evidence;
  } catch {
    return undefined;
  }
}

/** Remembers a fault until the visitor dismisses it; the first one stays. */
export function rememberAlarm(world: World, log: OpenLog, evidence: Evidence): void {
  if (readAlarm(world, log) === undefined) {
    world.memory.write(keyOf("alarm", log), JSON.stringify(evidence));
  }
}

/** The visitor has seen it. */
export function dismissAlarm(world: World, log: OpenLog): void {
  world.memory.forget(keyOf("alarm", log));
}

function keyOf(what: string, log: OpenLog): string {
  return `stratus:${what}:${formatHex(log.key.logId)}`;
}
