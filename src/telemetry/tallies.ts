/**
 * What is counted of every request and every submission.
 * @module
 */
import type { LogEvent } from "./observer.ts";
import { OutcomeTally, type TalliedMetric } from "./outcome-tally.ts";

/** Requests by status, submissions by outcome and by issuer. */
export class Tallies {
  readonly #requests: OutcomeTally;
  readonly #submissions: OutcomeTally;
  readonly #issuers: OutcomeTally;

  /** @param bounds Of the buckets of times, ascending; seconds. */
  constructor(bounds: readonly number[]) {
    this.#requests = new OutcomeTally({
      labels: ["endpoint", "status"],
      count: {
        name: "stratus_http_requests_total",
        help: "Answers by shard, endpoint and status; 499: the client left before its answer.",
      },
      times: {
        name: "stratus_http_request_seconds",
        help: "Time from the headers of a request to its answer.",
        bounds,
      },
    });
    this.#submissions = new OutcomeTally({
      labels: ["endpoint", "outcome"],
      count: {
        name: "stratus_submissions_total",
        help: "Submissions by outcome: accepted, duplicate, or the error code.",
      },
      times: {
        name: "stratus_submission_seconds",
        help: "Time from a submission to its SCT, durable and published.",
        bounds,
      },
    });
    this.#issuers = new OutcomeTally({
      labels: ["issuer", "outcome"],
      count: {
        name: "stratus_submissions_by_issuer_total",
        help: "Submissions that were judged: accepted, duplicate or refused, by issuer.",
      },
    });
  }

  /** Counts an event, if it is one of these. */
  add(event: LogEvent): void {
    if (event.type === "request") {
      this.#requests.add(event.shard, event.endpoint, event.status, event.durationMs / 1000);
    } else if (event.type === "submission-answered") {
      const { shard, endpoint, issuer, durationMs } = event;
      const outcome = event.isDuplicate ? "duplicate" : "accepted";
      this.#submissions.add(shard, endpoint, outcome, durationMs / 1000);
      this.#issuers.add(shard, issuer, outcome, undefined);
    } else if (event.type === "submission-refused") {
      const { shard, endpoint, code, issuer } = event;
      this.#submissions.add(shard, endpoint, code, undefined);
      if (issuer !== undefined) this.#issuers.add(shard, issuer, "refused", undefined);
    }
  }

  /** What was counted so far. */
  counted(): readonly TalliedMetric[] {
    return [this.#requests, this.#submissions, this.#issuers].flatMap((each) => each.counted());
  }
}
