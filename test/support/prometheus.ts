/**
 * A real Prometheus server over running logs: deploy/alerts.yml as it stands, but for the times
 * that a fault must last (`for`) and one number of entries that would take minutes to make. Its
 * unit tests have both.
 * @module
 */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort, ServerProgram, substitute } from "./deploy.ts";
import { readSource } from "./source.ts";

/** Between two scrapes, and two looks at the rules. */
const INTERVAL = "500ms";

/** A log that is scraped. */
export interface Target {
  /** What is done to it. */
  readonly fault: string;
  /** `127.0.0.1:port` of the operations server, or of a probe. */
  readonly address: string;
  /** As the rules name it; default `stratus`. */
  readonly job?: "stratus" | "stratus-probe";
}

/** An alert that fires. */
export interface Firing {
  readonly alertname: string;
  readonly fault: string;
  readonly shard: string;
}

/** The server. */
export class Prometheus implements AsyncDisposable {
  readonly #server: ServerProgram;
  readonly #url: string;
  /** By the address that is scraped. */
  readonly #faults: ReadonlyMap<string, string>;

  private constructor(server: ServerProgram, url: string, targets: readonly Target[]) {
    this.#server = server;
    this.#url = url;
    this.#faults = new Map(targets.map(({ address, fault }) => [address, fault]));
  }

  /** Starts it below `folder`, and waits until it has scraped each target twice. */
  static async start(folder: string, targets: readonly Target[]): Promise<Prometheus> {
    const rules = substitute(readSource("deploy/alerts.yml"), [
      ["stratus_unsealed_entries > 65536", "stratus_unsealed_entries > 255"],
    ]);
    await writeFile(join(folder, "alerts.yml"), rules.replaceAll(/^ +for: .*\n/gm, ""));
    const config = {
      global: {
        scrape_interval: INTERVAL,
        scrape_timeout: INTERVAL,
        evaluation_interval: INTERVAL,
      },
      rule_files: ["alerts.yml"],
      scrape_configs: (["stratus", "stratus-probe"] as const).map((name) => {
        const own = targets.filter(({ job = "stratus" }) => job === name);
        return {
          job_name: name,
          static_configs: [{ targets: own.map(({ address: scraped }) => scraped) }],
        };
      }),
    };
    // JSON is YAML.
    await writeFile(join(folder, "prometheus.yml"), JSON.stringify(config));
    const address = `127.0.0.1:${await freePort()}`;
    const server = new ServerProgram("prometheus", [
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder, "series")}`,
      `--web.listen-address=${address}`,
      "--log.level=warn",
    ]);
    const prometheus = new Prometheus(server, `http://${address}`, targets);
    const query = `count(count_over_time(up[1m]) >= 2)`;
    await server.until("every target was scraped", async () => {
      const found = await prometheus.#ask(`query?query=${encodeURIComponent(query)}`);
      const [sample] = (found?.["result"] ?? []) as readonly { value: [number, string] }[];
      return Number(sample?.value[1] ?? 0) === targets.length ? true : undefined;
    });
    return prometheus;
  }

  /** Every alert that fires now. */
  async firing(): Promise<readonly Firing[]> {
    const found = (await this.#ask("alerts")) ?? assert.fail(this.#server.output);
    const alerts = found["alerts"] as readonly {
      readonly state: string;
      readonly labels: Readonly<Record<string, string>>;
    }[];
    return alerts
      .filter(({ state }) => state === "firing")
      .map(({ labels }) => ({
        alertname: labels["alertname"] ?? "",
        fault: this.#faults.get(labels["instance"] ?? "") ?? "",
        shard: labels["shard"] ?? "",
      }));
  }

  /** How many series an expression has now. @throws AssertionError if it is none. */
  async count(expression: string): Promise<number> {
    const found = await this.#ask(`query?query=${encodeURIComponent(expression)}`);
    assert.ok(found !== undefined, `Prometheus takes ${expression}`);
    return (found["result"] as readonly unknown[]).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }

  async #ask(path: string): Promise<Readonly<Record<string, unknown>> | undefined> {
    const answer = await fetch(`${this.#url}/api/v1/${path}`).catch(() => undefined);
    if (answer?.status !== 200) return undefined;
    const { data } = (await answer.json()) as { data: Record<string, unknown> };
    return data;
  }
}
