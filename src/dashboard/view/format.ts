/**
 * Numbers, times and bytes as pages show them: UTC, and spaces where an eye needs them.
 * @module
 */
import { formatHex } from "../../encoding/hex.ts";

/** `1 234 567`, with no-break spaces. */
export function formatCount(value: number): string {
  return String(value).replaceAll(/\B(?=(?:[0-9]{3})+$)/g, "\u00a0");
}

/** `2026-11-28`. */
export function formatDay(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10);
}

/** `2026-11-28 16:05:09 UTC`; what is no time that a calendar has comes as a number. */
export function formatTime(timeMs: number): string {
  if (Math.abs(timeMs) > TIME_MS_MAX) return `${timeMs} ms`;
  return `${new Date(timeMs).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** As {@link formatTime}, with milliseconds. */
export function formatTimeMs(timeMs: number): string {
  if (Math.abs(timeMs) > TIME_MS_MAX) return `${timeMs} ms`;
  return `${new Date(timeMs).toISOString().slice(0, 23).replace("T", " ")} UTC`;
}

/** What `Date` takes. */
const TIME_MS_MAX = 8_640_000_000_000_000;

/** `3 s`, `5 min`, `2 h`, `4 days`: one unit, rounded down. */
export function formatDuration(durationMs: number): string {
  const seconds = Math.floor(Math.max(0, durationMs) / 1000);
  if (seconds < 120) return `${seconds}\u00a0s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes}\u00a0min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours}\u00a0h`;
  return `${formatCount(Math.floor(hours / 24))}\u00a0days`;
}

/** `512 bytes`, `1.2 kB`, `3.4 MB`. */
export function formatBytes(count: number): string {
  if (count < 10_000) return `${formatCount(count)}\u00a0bytes`;
  if (count < 10_000_000) return `${(count / 1000).toFixed(1)}\u00a0kB`;
  return `${(count / 1_000_000).toFixed(1)}\u00a0MB`;
}

/** The first and last digits of a hash, where the whole one stands nearby. */
export function shortHash(hash: Uint8Array): string {
  const hex = formatHex(hash);
  return `${hex.slice(0, 8)}\u2026${hex.slice(-4)}`;
}
