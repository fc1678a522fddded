/**
 * Counts of HTTP requests in prom-client's own form. Its counters hash their labels for each
 * request, which took a third of what this server adds to a small answer (*measured*: 8 us of 24);
 * here labels are looked up, and put together once they are read.
 * @module
 */
import { assert } from "../base/assert.ts";

/** A metric as `Registry.getMetricsAsJSON` gives it. */
export interface TalliedMetric {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "histogram";
  readonly aggregator: "sum";
  readonly values: readonly {
    readonly value: number;
    readonly labels: Readonly<Record<string, string | number>>;
    readonly metricName?: string;
  }[];
}

/** What one endpoint answered. */
interface EndpointTally {
  readonly shard: string;
  readonly endpoint: string;
  readonly statuses: Map<number, number>;
  /** Requests by the bucket that they fell into; those above all bounds last. */
  readonly counts: number[];
  sumSeconds: number;
}

/** Answers by shard, endpoint and status, and their times. */
export class RequestTally {
  readonly #bounds: readonly number[];
  readonly #shards = new Map<string, Map<string, EndpointTally>>();

  /** @param bounds Of the buckets of times, ascending; seconds. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
  }

  /** Counts one answer. Shards, endpoints and statuses are few. */
  add(shard: string, endpoint: string, status: number, seconds: number): void {
    const tally = this.#shards.get(shard)?.get(endpoint) ?? this.#begin(shard, endpoint);
    tally.statuses.set(status, (tally.statuses.get(status) ?? 0) + 1);
    let bucket = 0;
    while (seconds > (this.#bounds[bucket] ?? Number.POSITIVE_INFINITY)) bucket += 1;
    const count = tally.counts[bucket];
    assert(count !== undefined, "there is one bucket more than bounds");
    tally.counts[bucket] = count + 1;
    tally.sumSeconds += seconds;
  }

  /** What was counted so far. */
  counted(): [TalliedMetric, TalliedMetric] {
    const tallies = [...this.#shards.values()].flatMap((endpoints) => [...endpoints.values()]);
    const name = "stratus_http_requests_total";
    const help = "Answers by shard, endpoint and status; 499: the client left before its answer.";
    const values = tallies.flatMap(({ shard, endpoint, statuses }) =>
      [...statuses].map(([status, value]) => ({ value, labels: { shard, endpoint, status } })),
    );
    const requests = { name, help, type: "counter", aggregator: "sum", values } as const;
    return [requests, this.#times(tallies)];
  }

  #times(tallies: readonly EndpointTally[]): TalliedMetric {
    const name = "stratus_http_request_seconds";
    const help = "Time from the headers of a request to its answer.";
    const values = tallies.flatMap(({ shard, endpoint, counts, sumSeconds }) => {
      let count = 0;
      const buckets = counts.map((own, bucket) => {
        count += own;
        const labels = { le: this.#bounds[bucket] ?? "+Inf", shard, endpoint };
        return { value: count, labels, metricName: `${name}_bucket` };
      });
      const labels = { shard, endpoint };
      const sum = { value: sumSeconds, labels, metricName: `${name}_sum` };
      return [...buckets, sum, { value: count, labels, metricName: `${name}_count` }];
    });
    return { name, help, type: "histogram", aggregator: "sum", values };
  }

  #begin(shard: string, endpoint: string): EndpointTally {
    const counts = Array.from({ length: this.#bounds.length + 1 }, () => 0);
    const tally = { shard, endpoint, statuses: new Map(), counts, sumSeconds: 0 };
    const endpoints = this.#shards.get(shard) ?? new Map<string, EndpointTally>();
    this.#shards.set(shard, endpoints);
    endpoints.set(endpoint, tally);
    return tally;
  }
}
