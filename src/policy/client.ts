/**
 * Who a request counts against: the network that it came from. One client commands a whole
 * IPv6 /48 as easily as another an IPv4 /24.
 * @module
 */
import { isInNetwork, isIpv4, isLoopback, type Network, parseIpAddress } from "../base/network.ts";

/** Addresses of one forwarding header that are looked at; more are some client's invention. */
const HOPS_MAX = 32;

/** Characters of the header's end that hold them. */
const HOPS_LENGTH_MAX = 64 * HOPS_MAX;

/** Bytes of an address that name the network: /24 of a mapped IPv4 address, or /48. */
const IPV4_BYTES = 15;
const IPV6_BYTES = 6;

/** Where a request came from. */
export interface Origin {
  /** Of the connection's other end; undefined once it is gone. */
  readonly peer: string | undefined;
  /** X-Forwarded-For, all lines joined by commas; an attacker's, but for what proxies append. */
  readonly forwardedFor: string | undefined;
}

/**
 * A key for the client's network; undefined for one that is never limited: this machine
 * itself, unless a trusted proxy forwards for somebody.
 */
export function clientOf(origin: Origin, trustedProxies: readonly Network[]): string | undefined {
  const client = clientAddress(origin, trustedProxies);
  return client === undefined || isLoopback(client) ? undefined : networkKey(client);
}

/**
 * The address that a request came from, 16 bytes. Of X-Forwarded-For, which only a trusted
 * proxy's request may carry, the right-most address that is no trusted proxy counts: what stands
 * left of it is the client's own word.
 */
export function clientAddress(
  { peer, forwardedFor }: Origin,
  trustedProxies: readonly Network[],
): Uint8Array | undefined {
  let client = parseIpAddress(peer ?? "");
  if (client === undefined) return undefined;
  const hops = (forwardedFor ?? "").slice(-HOPS_LENGTH_MAX).split(",").slice(-HOPS_MAX);
  while (isAnyOf(client, trustedProxies)) {
    const hop = parseHop(hops.pop() ?? "");
    if (hop === undefined) break;
    client = hop;
  }
  return client;
}

/** Whether the other end of the connection is a trusted proxy. */
export function isTrustedPeer({ peer }: Origin, trustedProxies: readonly Network[]): boolean {
  const address = parseIpAddress(peer ?? "");
  return address !== undefined && isAnyOf(address, trustedProxies);
}

/** The network of an address in words: `192.0.2.0/24` or `2001:db8:1::/48`. */
export function formatNetwork(address: Uint8Array): string {
  if (isIpv4(address)) return `${address.subarray(-4, -1).join(".")}.0/24`;
  const groups = [0, 2, 4].map((at) => 256 * (address[at] ?? 0) + (address[at + 1] ?? 0));
  return `${groups.map((group) => group.toString(16)).join(":")}::/48`;
}

function isAnyOf(address: Uint8Array, networks: readonly Network[]): boolean {
  return networks.some((network) => isInNetwork(address, network));
}

/** A key for the network of an address: the same for each address of a /24 or /48. */
export function networkKey(address: Uint8Array): string {
  const bytes = address.subarray(0, isIpv4(address) ? IPV4_BYTES : IPV6_BYTES);
  return String.fromCharCode(...bytes);
}

/** `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1` or `[2001:db8::1]:80`. */
function parseHop(text: string): Uint8Array | undefined {
  const hop = text.trim();
  const [, host] = /^(?:\[([^\]]*)\]|([0-9.]+))(?::[0-9]{1,5})?$/.exec(hop)?.filter(Boolean) ?? [];
  return parseIpAddress(host ?? hop);
}
