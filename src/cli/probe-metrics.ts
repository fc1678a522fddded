/**
 * What probes found, as text of the Prometheus format. Labels take few values: the logs that are
 * probed, endpoints, steps and checks.
 * @module
 */
import { endpointOf, type ProbeResult, TIMED_STEPS } from "./probe-run.ts";

/** Seconds; CAs turn to another log after 0.5, and put one aside that takes 2. */
const BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60];

type Labels = Readonly<Record<string, string>>;

/** Series of one name. */
class Family {
  readonly #name: string;
  readonly #help: string;
  readonly #type: string;
  readonly #values = new Map<string, number>();

  constructor(name: string, type: "counter" | "gauge" | "histogram", help: string) {
    this.#name = `stratus_probe_${name}`;
    this.#type = type;
    this.#help = help;
  }

  set(labels: Labels, value: number): void {
    this.#values.set(formatLabels("", labels), value);
  }

  add(labels: Labels, by: number, suffix: string = ""): void {
    const key = formatLabels(suffix, labels);
    this.#values.set(key, (this.#values.get(key) ?? 0) + by);
  }

  observe(labels: Labels, value: number): void {
    for (const bound of BUCKETS) {
      this.add({ ...labels, le: String(bound) }, value <= bound ? 1 : 0, "_bucket");
    }
    this.add({ ...labels, le: "+Inf" }, 1, "_bucket");
    this.add(labels, value, "_sum");
    this.add(labels, 1, "_count");
  }

  format(): string {
    const head = `# HELP ${this.#name} ${this.#help}\n# TYPE ${this.#name} ${this.#type}\n`;
    return (
      head + [...this.#values].map(([key, value]) => `${this.#name}${key} ${value}\n`).join("")
    );
  }
}

/** Counts what probes found. */
export class ProbeMetrics {
  readonly #success = new Family("success", "gauge", "1 if everything held in the last probe.");
  readonly #timestamp = new Family("timestamp_seconds", "gauge", "When the last probe ended.");
  readonly #runs = new Family("runs_total", "counter", "Probes that ended: ok, failed.");
  readonly #failures = new Family(
    "failures_total",
    "counter",
    "Probes that failed, by step or check; contradiction: what the log said is not true.",
  );
  readonly #steps = new Family(
    "step_seconds",
    "histogram",
    "Times of probes that held: SCT, proof by either API, SCT to both proofs, all.",
  );
  readonly #requests = new Family(
    "requests_total",
    "counter",
    "Requests of probes by endpoint and status; none: no answer.",
  );
  readonly #tls = new Family(
    "tls_expiry_timestamp_seconds",
    "gauge",
    "When the first certificate expires of the chain that the public address shows.",
  );

  /** Takes in one probe. @param nowMs When it ended; milliseconds since the Unix epoch. */
  add(log: string, result: ProbeResult, nowMs: number): void {
    const { failure, times, exchanges, tls } = result;
    this.#success.set({ log }, failure === undefined ? 1 : 0);
    this.#timestamp.set({ log }, nowMs / 1_000);
    this.#runs.add({ log, result: failure === undefined ? "ok" : "failed" }, 1);
    if (failure !== undefined) {
      this.#failures.add({ log, step: failure.step, kind: failure.kind }, 1);
    }
    for (const step of TIMED_STEPS) {
      const ms = times.get(step);
      if (ms !== undefined) this.#steps.observe({ log, step }, ms / 1_000);
    }
    for (const exchange of exchanges) {
      const status = String(exchange.status ?? "none");
      this.#requests.add({ log, endpoint: endpointOf(exchange, log), status }, 1);
    }
    if (tls !== undefined) this.#tls.set({ log, host: tls.host }, tls.expiresMs / 1_000);
  }

  /** All of them. */
  format(): string {
    return [
      this.#success,
      this.#timestamp,
      this.#runs,
      this.#failures,
      this.#steps,
      this.#requests,
      this.#tls,
    ]
      .map((family) => family.format())
      .join("");
  }
}

function formatLabels(suffix: string, labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => {
    const escaped = value.replaceAll(/["\\]/g, "\\$&").replaceAll("\n", "\\n");
    return `${name}="${escaped}"`;
  });
  return `${suffix}{${pairs.join(",")}}`;
}
