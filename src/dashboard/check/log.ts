/**
 * Who the log is, as far as this browser knows: its key is taken from the server once, at the
 * first visit, and pinned; from then on the server's word no longer counts. A visitor who has
 * the key from elsewhere can say so.
 * @module
 */
import { MalformedError } from "../../base/errors.ts";
import { type LogKey, openBrowserKey } from "../../checkpoint/browser-key.ts";
import { formatBase64, parseBase64 } from "../../encoding/base64.ts";
import { equalBytes } from "../../encoding/bytes.ts";
import { formatHex } from "../../encoding/hex.ts";
import { JsonObject, parseJsonObject } from "../../encoding/json.ts";
import { parseLogJson } from "../../static-ct/log-json.ts";
import { formatTime } from "../view/format.ts";
import type { Step, World } from "./world.ts";

/** What a browser keeps of a log. */
export interface Pin {
  readonly publicKey: Uint8Array;
  /** The origin line of its checkpoints. */
  readonly origin: string;
  /** When it was pinned; milliseconds since the Unix epoch. */
  readonly sinceMs: number;
  /** Whether the visitor had the key from elsewhere, and it was this one. */
  readonly isConfirmed: boolean;
}

/** A log whose key is settled. */
export interface OpenLog {
  readonly key: LogKey;
  readonly origin: string;
  readonly mmdMs: number;
  /** Whether the log says that it is not active: then its head need not be fresh. */
  readonly isFinal: boolean;
  readonly pin: Pin;
  /** What the key is trusted for. */
  readonly step: Step;
}

/** Reads `log.v3.json` and holds its key against the pin. @throws AnswerError, MalformedError. */
export async function openLog(world: World): Promise<OpenLog> {
  const text = await world.api.get("log.v3.json");
  const stated = parseLogJson(world.sha256, text);
  const body = parseJsonObject(text);
  const isFinal = body.has("status") && body.text("status") !== "active";
  const known = readPin(world);
  const fresh: Pin = {
    publicKey: stated.publicKey,
    origin: stated.description,
    sinceMs: world.nowMs(),
    isConfirmed: false,
  };
  const pin = known ?? fresh;
  if (known === undefined) writePin(world, fresh);
  const key = openBrowserKey(world.sha256, pin.publicKey);
  const step = known === undefined ? FIRST_VISIT : stepOfPin(pin, stated.publicKey, stated.logId);
  return { key, origin: pin.origin, mmdMs: stated.mmdSeconds * 1000, isFinal, pin, step };
}

const FIRST_VISIT: Step = {
  name: "Key",
  state: "warn",
  text: "First visit: this browser has just taken the log\u2019s key from this server, and keeps it. Compare the log ID with a log list to be sure of it.",
};

function stepOfPin(pin: Pin, stated: Uint8Array, statedId: Uint8Array): Step {
  const since = formatTime(pin.sinceMs);
  if (!equalBytes(stated, pin.publicKey)) {
    const text = `This server now states another key (log ID ${formatHex(statedId)}) than the one that this browser pinned on ${since}. What it signs with that key is not believed.`;
    return { name: "Key", state: "bad", text };
  }
  const how = pin.isConfirmed ? "confirmed by you" : "pinned at your first visit";
  return { name: "Key", state: "ok", text: `The key is the one ${how} on ${since}.` };
}

/**
 * Holds what the visitor has from elsewhere against the pinned key.
 * @param text The log ID or the public key, in base64 or hex.
 * @returns The log with its pin confirmed, from now on; undefined if it is another's.
 */
export function confirmKey(world: World, log: OpenLog, text: string): OpenLog | undefined {
  const given = bytesOf(text);
  const isSame =
    given !== undefined &&
    (equalBytes(given, log.key.logId) || equalBytes(given, log.key.publicKey));
  if (!isSame) return undefined;
  const pin = { ...log.pin, isConfirmed: true, sinceMs: world.nowMs() };
  writePin(world, pin);
  const step = log.step.state === "bad" ? log.step : stepOfPin(pin, pin.publicKey, log.key.logId);
  return { ...log, pin, step };
}

function bytesOf(text: string): Uint8Array | undefined {
  const plain = text.replaceAll(/-----[A-Z ]+-----|[\s:]/g, "");
  try {
    if (/^(?:[0-9a-f]{2})+$/i.test(plain)) {
      return Uint8Array.from(plain.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
    }
    return parseBase64(plain);
  } catch (thrown) {
    if (thrown instanceof MalformedError) return undefined;
    throw thrown;
  }
}

/** Forgets the pin: the next visit is a first one. */
export function forgetPin(world: World): void {
  world.memory.forget(pinKey(world));
}

function pinKey(world: World): string {
  return `stratus:key:${world.url}`;
}

function readPin(world: World): Pin | undefined {
  const text = world.memory.read(pinKey(world));
  if (text === undefined) return undefined;
  try {
    const body = new JsonObject(JSON.parse(text));
    return {
      publicKey: body.bytes("publicKey"),
      origin: body.text("origin"),
      sinceMs: body.uint("sinceMs"),
      isConfirmed: body.boolean("isConfirmed"),
    };
  } catch {
    // Somebody else's text under our name.
    return undefined;
  }
}

function writePin(world: World, pin: Pin): void {
  const { origin, sinceMs, isConfirmed } = pin;
  const publicKey = formatBase64(pin.publicKey);
  world.memory.write(pinKey(world), JSON.stringify({ publicKey, origin, sinceMs, isConfirmed }));
}
