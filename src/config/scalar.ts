/**
 * The small texts of a configuration: addresses, times, URLs, paths, names of extended key
 * usages. Each `parse` function returns its value or what is wrong with the text, so that a
 * problem can be placed in the file by whoever knows where the text stands.
 * @module
 */
import type { ListenAddress } from "./config.ts";

/** A value, or what is wrong: `expected X (write Y)`. */
export type Parsed<T> = { readonly value: T } | { readonly problem: string };

/** Names of RFC 5280, section 4.2.1.12, that `extendedKeyUsages` takes beside dotted OIDs. */
export const EXTENDED_KEY_USAGE_OIDS: ReadonlyMap<string, string> = new Map([
  ["anyExtendedKeyUsage", "2.5.29.37.0"],
  ["serverAuth", "1.3.6.1.5.5.7.3.1"],
  ["clientAuth", "1.3.6.1.5.5.7.3.2"],
  ["codeSigning", "1.3.6.1.5.5.7.3.3"],
  ["emailProtection", "1.3.6.1.5.5.7.3.4"],
  ["timeStamping", "1.3.6.1.5.5.7.3.8"],
  ["OCSPSigning", "1.3.6.1.5.5.7.3.9"],
]);

/** `host:port` or `[IPv6]:port`; port 0 to 65,535. */
export function parseAddress(text: string): Parsed<ListenAddress> {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):(0|[1-9][0-9]{0,4})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined) {
    return { problem: 'expected host:port (write for example 127.0.0.1:6962, or "[::1]:6962")' };
  }
  if (port > 65_535) return { problem: "expected a port (write 0 to 65535)" };
  if (match?.[1] !== undefined && !host.includes(":")) {
    return { problem: `expected an IPv6 address in brackets (write ${host}:${port})` };
  }
  return { value: { host, port } };
}

/** The text that {@link parseAddress} reads. */
export function formatAddress(address: ListenAddress): string {
  return address.host.includes(":")
    ? `[${address.host}]:${address.port}`
    : `${address.host}:${address.port}`;
}

/** Whether both cannot be listened on at once; port 0 never collides. */
export function isSameAddress(a: ListenAddress, b: ListenAddress): boolean {
  if (a.port !== b.port || a.port === 0) return false;
  const hosts = [a.host, b.host].map((host) =>
    host.toLowerCase() === "localhost" ? "127.0.0.1" : host.toLowerCase(),
  );
  return hosts[0] === hosts[1] || hosts.some((host) => host === "0.0.0.0" || host === "::");
}

/** `2026-01-01T00:00:00Z` to milliseconds since the Unix epoch; whole seconds, years 1950 to 9999. */
export function parseTime(text: string): Parsed<number> {
  const match = /^(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2}:\d{2})(\.\d+)?(.*))?$/.exec(text);
  const [, day, time, fraction, zone] = match ?? [];
  if (day === undefined) {
    return { problem: "expected a time (write for example 2026-01-01T00:00:00Z)" };
  }
  if (time === undefined) {
    return { problem: `expected a time of day too (write ${day}T00:00:00Z)` };
  }
  const whole = `${day}T${time}Z`;
  if (fraction !== undefined) {
    return { problem: `expected whole seconds, as NotAfter has them (write ${whole})` };
  }
  const ms = Date.parse(whole);
  // Date.parse takes 24:00:00 and rolls 30 February over: only what formats to itself exists.
  if (Number.isNaN(ms) || formatTime(ms) !== whole || ms < Date.UTC(1950, 0)) {
    return { problem: "expected a day and time that exist, 1950 to 9999 (check the calendar)" };
  }
  if (text !== whole) {
    const utc = zone === "" || zone?.toUpperCase() === "Z" ? whole : "the same instant with Z";
    return { problem: `expected a time in UTC (write ${utc})` };
  }
  return { value: ms };
}

/** The text that {@link parseTime} reads. */
export function formatTime(timestampMs: number): string {
  return new Date(timestampMs).toISOString().replace(".000Z", "Z");
}

/** An http or https URL without query, fragment and user; its trailing slash is dropped. */
export function parseUrl(text: string): Parsed<string> {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return { problem: "expected a URL (write for example https://ct.example.org)" };
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return { problem: "expected http or https (write for example https://ct.example.org)" };
  }
  if (/[?#]/.test(text)) {
    return { problem: "expected no query and no fragment (leave out '?' and '#')" };
  }
  if (url.username !== "" || url.password !== "") {
    return { problem: "expected no user name and no password (leave out what is before '@')" };
  }
  const path = url.pathname.replace(/\/$/, "");
  if (!/^(?:\/[A-Za-z0-9._~-]+)*$/.test(path)) {
    return { problem: "expected a plain path (write letters, digits, '.', '_', '~', '-' only)" };
  }
  return { value: url.origin + path };
}

/** What is wrong with a path as the file has it, if anything. */
export function problemOfPath(text: string): string | undefined {
  if (text.trim() === "") return "expected a path (write for example ./data)";
  if (text.includes("\0")) return "expected a path without NUL (leave it out)";
  if (text.startsWith("~")) return "expected a path without '~' (write it out from '/')";
  return undefined;
}

/** POSIX: `text` seen from `folder`, without `.`, `..` and doubled slashes. `folder` is absolute. */
export function resolvePath(folder: string, text: string): string {
  const parts: string[] = [];
  for (const part of (text.startsWith("/") ? text : `${folder}/${text}`).split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

/** The folder that holds `path`, which is absolute and resolved. */
export function folderOf(path: string): string {
  return resolvePath(path, "..");
}

/** Whether `inner` is `outer` or below it; both are absolute and resolved. */
export function isWithin(inner: string, outer: string): boolean {
  return inner === outer || outer === "/" || inner.startsWith(`${outer}/`);
}

/** A name of {@link EXTENDED_KEY_USAGE_OIDS} or a dotted OID, to the dotted OID. */
export function parseExtendedKeyUsage(text: string): Parsed<string> {
  const named = EXTENDED_KEY_USAGE_OIDS.get(text);
  if (named !== undefined) return { value: named };
  if (
    /^(?:[01]\.[1-3]?[0-9]|2\.(?:0|[1-9][0-9]{0,38}))(?:\.(?:0|[1-9][0-9]{0,38})){1,31}$/.test(text)
  ) {
    return { value: text };
  }
  const names = [...EXTENDED_KEY_USAGE_OIDS.keys()].join(", ");
  return { problem: `expected an extended key usage (write ${names}, or a dotted OID)` };
}

/** What is wrong with a SHA-256 as 64 hexadecimal digits of either case, if anything. */
export function problemOfFingerprint(text: string): string | undefined {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return undefined;
  return "expected a SHA-256 (write 64 hexadecimal digits)";
}

/**
 * `mozilla`, a URL, or a path; a bare word is more likely a mistyped store than a file. Who can
 * change what a URL answers could add roots: http is for this machine alone.
 */
export function problemOfRoot(text: string): string | undefined {
  if (text === "mozilla") return undefined;
  if (/^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(text)) {
    const url = URL.parse(text);
    if (url === null) return "expected a URL (write for example https://ct.example.org/roots.csv)";
    if (url.username !== "" || url.password !== "") {
      return "expected no user name and no password (leave out what is before '@')";
    }
    const isLocal = /^(?:localhost|127\.[0-9.]+|\[::1\])$/.test(url.hostname);
    if (url.protocol === "https:" || (url.protocol === "http:" && isLocal)) return undefined;
    return "expected https (write https://...)";
  }
  if (!/[./]/.test(text)) return "expected a root store (write mozilla, or a path as ./roots.pem)";
  return problemOfPath(text);
}
