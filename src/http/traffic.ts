/**
 * Who asks this server most, by network (/24, /48) and by User-Agent, over the last five to ten
 * minutes. Counted for each request, so it goes by strings that are there already: an address is
 * parsed when it is met for the first time, and nothing is kept of it but its network.
 * @module
 */
import type { Network } from "../base/network.ts";
import type { Clock } from "../clock/clock.ts";
import { clientAddress, formatNetwork, isTrustedPeer } from "../policy/client.ts";
import { addHitters, HeavyHitters, type Hitters } from "../policy/heavy-hitters.ts";
import type { HttpRequest } from "./exchange.ts";

/** Until counting begins afresh; what was counted before is told for as long again. */
const WINDOW_MS = 300_000;

/** Addresses whose network is remembered: of connections, and of those that proxies name. */
const ADDRESSES_MAX = 4_096;

/** A header that is longer is no key of its own. */
const HEADER_LENGTH_MAX = 256;

/** Told of each list. */
const SHOWN_MAX = 50;

/** What costs differently is counted apart. */
export const TRAFFIC_KINDS = ["reads", "submissions"] as const;

/** See {@link TRAFFIC_KINDS}. */
export type TrafficKind = (typeof TRAFFIC_KINDS)[number];

/** What one thread has counted, its last whole window first; passes between threads. */
export type Traffic = readonly {
  readonly window: number;
  readonly kinds: Readonly<Record<TrafficKind, Readonly<Record<Dimension, Hitters>>>>;
}[];

type Dimension = "networks" | "userAgents";

type Counting = Readonly<Record<TrafficKind, Readonly<Record<Dimension, HeavyHitters>>>>;

/** Counts the requests of one server. */
export class TrafficCounter {
  readonly #clock: Clock;
  readonly #trustedProxies: readonly Network[];
  /** By the address of the connection: its network, or undefined for a trusted proxy. */
  readonly #peers = new Map<string, string | undefined>();
  /** By the last address that a trusted proxy forwards for, unless that is one, too. */
  readonly #hops = new Map<string, string>();
  #window = 0;
  #last: Counting = makeCounting();
  #now: Counting = makeCounting();

  constructor(clock: Clock, trustedProxies: readonly Network[]) {
    this.#clock = clock;
    this.#trustedProxies = trustedProxies;
    this.#window = this.#windowNow();
  }

  /** Counts one request. */
  count(kind: TrafficKind, request: HttpRequest): void {
    this.#turn();
    const { rawHeaders } = request;
    let agent: string | undefined;
    let forwarded: string | undefined;
    for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
      const name = rawHeaders[index] ?? "";
      if (name.length === 10 && isNamed(name, "user-agent")) agent = rawHeaders[index + 1];
      else if (name.length === 15 && isNamed(name, "x-forwarded-for")) {
        const value = rawHeaders[index + 1] ?? "";
        forwarded = forwarded === undefined ? value : `${forwarded},${value}`;
      }
    }
    const { networks, userAgents } = this.#now[kind];
    networks.add(this.#networkOf(request.socket.remoteAddress, forwarded));
    userAgents.add(shorten(agent ?? "(none)"));
  }

  /** What was counted so far. */
  counted(): Traffic {
    this.#turn();
    return [
      { window: this.#window - 1, kinds: seen(this.#last) },
      { window: this.#window, kinds: seen(this.#now) },
    ];
  }

  #windowNow(): number {
    return Math.floor(this.#clock.monotonicMs() / WINDOW_MS);
  }

  #turn(): void {
    const window = this.#windowNow();
    if (window === this.#window) return;
    this.#last = window === this.#window + 1 ? this.#now : makeCounting();
    this.#now = makeCounting();
    this.#window = window;
  }

  #networkOf(peer: string | undefined, forwarded: string | undefined): string {
    if (peer === undefined) return "(gone)";
    let network = this.#peers.get(peer);
    if (network === undefined && !this.#peers.has(peer)) {
      // The header of a connection that is no proxy's changes nothing.
      const isForwarding = isTrustedPeer({ peer, forwardedFor: undefined }, this.#trustedProxies);
      network = isForwarding ? undefined : this.#parse(peer, undefined);
      remember(this.#peers, peer, network);
    }
    if (network !== undefined) return network;
    // What stands left of the last address is the client's to change with each request.
    const header = forwarded ?? "";
    const last = header.slice(header.lastIndexOf(",") + 1).trim();
    const known = this.#hops.get(last);
    if (known !== undefined) return known;
    const found = this.#parse(peer, header);
    // Nothing is remembered of what names no address: then it is the proxy that counts.
    const isItsOwn =
      last.length <= HEADER_LENGTH_MAX &&
      !isTrustedPeer({ peer: last, forwardedFor: undefined }, this.#trustedProxies);
    if (isItsOwn && found !== this.#parse(peer, undefined)) remember(this.#hops, last, found);
    return found;
  }

  #parse(peer: string, forwardedFor: string | undefined): string {
    const address = clientAddress({ peer, forwardedFor }, this.#trustedProxies);
    return address === undefined ? "(unreadable)" : formatNetwork(address);
  }
}

/** What all threads counted, for JSON: the busiest first. */
export function describeTraffic(all: readonly Traffic[], clock: Clock): object {
  const window = Math.floor(clock.monotonicMs() / WINDOW_MS);
  const kinds = TRAFFIC_KINDS.map((kind) => {
    const parts = all
      .flat()
      .filter((part) => part.window === window || part.window === window - 1)
      .map((part) => part.kinds[kind]);
    const networks = addHitters(parts.map((part) => part.networks));
    const userAgents = addHitters(parts.map((part) => part.userAgents));
    const shown = {
      requests: networks.total,
      networks: list("network", networks),
      userAgents: list("userAgent", userAgents),
    };
    return [kind, shown] as const;
  });
  const startMs = Math.max(0, (window - 1) * WINDOW_MS);
  const seconds = Math.round((clock.monotonicMs() - startMs) / 1_000);
  return {
    since: new Date(clock.nowMs() - 1_000 * seconds).toISOString(),
    seconds,
    ...Object.fromEntries(kinds),
  };
}

function list(name: string, { counts, missed }: Hitters): readonly object[] {
  return [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, SHOWN_MAX)
    .map(([key, count]) => ({ [name]: key, requests: count, requestsMax: count + missed }));
}

function makeCounting(): Counting {
  const both = () => ({ networks: new HeavyHitters(), userAgents: new HeavyHitters() });
  return { reads: both(), submissions: both() };
}

function seen(counting: Counting): Traffic[number]["kinds"] {
  const both = ({ networks, userAgents }: Counting[TrafficKind]) => ({
    networks: networks.seen(),
    userAgents: userAgents.seen(),
  });
  return { reads: both(counting.reads), submissions: both(counting.submissions) };
}

function remember<Value>(map: Map<string, Value>, key: string, value: Value): void {
  if (map.size >= ADDRESSES_MAX) map.clear();
  map.set(key, value);
}

/** Almost every client writes one of two forms; neither makes a string. */
function isNamed(name: string, lower: string): boolean {
  if (name === lower) return true;
  // ASCII letters differ by one bit.
  return name.charCodeAt(0) % 32 === lower.charCodeAt(0) % 32 && name.toLowerCase() === lower;
}

function shorten(agent: string): string {
  return agent.length > HEADER_LENGTH_MAX ? `${agent.slice(0, HEADER_LENGTH_MAX)}…` : agent;
}
