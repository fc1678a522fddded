/**
 * IP addresses and networks as texts and bytes. IPv4 is kept in its IPv6-mapped form
 * (RFC 4291, section 2.5.5.2), so that there is one kind of address.
 * @module
 */

/** A network in CIDR notation: RFC 4632. */
export interface Network {
  /** 16 bytes. */
  readonly address: Uint8Array;
  /** Of the 16 bytes: 0 to 128; an IPv4 `/24` is 120. */
  readonly prefixLength: number;
}

const ADDRESS_BYTES = 16;

/** Bits before the IPv4 address in a mapped one. */
const MAPPED_PREFIX_LENGTH = 96;

/** `192.0.2.1` or `2001:db8::1` to 16 bytes; a zone (`%eth0`) is dropped. Undefined for anything else. */
export function parseIpAddress(text: string): Uint8Array | undefined {
  if (text.length > 64) return undefined;
  const [plain = ""] = text.split("%", 1);
  return plain.includes(":") ? parseIpv6(plain) : parseIpv4(plain);
}

/** `192.0.2.0/24`, `2001:db8::/32`, or an address alone. Undefined for anything else. */
export function parseNetwork(text: string): Network | undefined {
  const match = /^([0-9a-fA-F:.]+)(?:\/(0|[1-9][0-9]{0,2}))?$/.exec(text);
  const [, host = "", length] = match ?? [];
  const address = parseIpAddress(host);
  if (address === undefined) return undefined;
  const offset = host.includes(":") ? 0 : MAPPED_PREFIX_LENGTH;
  const prefixLength = length === undefined ? 128 : Number(length) + offset;
  return prefixLength > 128 ? undefined : { address, prefixLength };
}

/** Whether `address` (16 bytes) is in `network`. */
export function isInNetwork(address: Uint8Array, network: Network): boolean {
  const { prefixLength } = network;
  const wholeBytes = Math.floor(prefixLength / 8);
  for (let index = 0; index < wholeBytes; index += 1) {
    if (address[index] !== network.address[index]) return false;
  }
  const divisor = 2 ** (8 - (prefixLength % 8));
  const high = (bytes: Uint8Array) => Math.floor((bytes[wholeBytes] ?? 0) / divisor);
  return divisor === 256 || high(address) === high(network.address);
}

/** Whether this is an IPv4 address in its mapped form. */
export function isIpv4(address: Uint8Array): boolean {
  return isInNetwork(address, MAPPED);
}

/** Whether this is the machine itself: 127.0.0.0/8 or ::1. */
export function isLoopback(address: Uint8Array): boolean {
  return LOOPBACKS.some((network) => isInNetwork(address, network));
}

const MAPPED = sound("::ffff:0.0.0.0/96");
const LOOPBACKS = [sound("127.0.0.0/8"), sound("::1")];

function sound(text: string): Network {
  const network = parseNetwork(text);
  if (network === undefined) throw new TypeError(`expected a network, got ${text}`);
  return network;
}

function parseIpv4(text: string): Uint8Array | undefined {
  if (!/^(?:(?:0|[1-9][0-9]{0,2})(?:\.|$)){4}$/.test(text) || text.endsWith(".")) return undefined;
  const address = new Uint8Array(ADDRESS_BYTES).fill(0xff, 10, 12);
  for (const [index, part] of text.split(".").entries()) {
    if (Number(part) > 255) return undefined;
    address[12 + index] = Number(part);
  }
  return address;
}

function parseIpv6(text: string): Uint8Array | undefined {
  const lastColon = text.lastIndexOf(":");
  const dotted = text.includes(".") ? parseIpv4(text.slice(lastColon + 1)) : undefined;
  if (text.includes(".") && dotted === undefined) return undefined;
  const hex = dotted === undefined ? text : `${text.slice(0, lastColon + 1)}${hexOf(dotted)}`;
  const halves = hex.split("::");
  if (halves.length > 2) return undefined;
  const [head = [], tail] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array<string>(missing).fill("0"), ...(tail ?? [])];
  const address = new Uint8Array(ADDRESS_BYTES);
  for (const [index, group] of groups.entries()) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
    const value = Number.parseInt(group, 16);
    address[2 * index] = Math.floor(value / 256);
    address[2 * index + 1] = value % 256;
  }
  return address;
}

/** The last four bytes as two groups. */
function hexOf(address: Uint8Array): string {
  const [a, b, c, d] = address.subarray(12);
  return `${hexGroup(a, b)}:${hexGroup(c, d)}`;
}

function hexGroup(high = 0, low = 0): string {
  return (256 * high + low).toString(16);
}
