/**
 * `stratus probe` on the command line.
 * @module
 */
import { type Command, InvalidArgumentError } from "commander";
import { TERMINAL } from "./io.ts";
import { probe } from "./probe.ts";

/** What the command shares with the others. */
export interface ProbeCommandParts {
  readonly exit: (code: number) => void;
  readonly parseTimeout: (text: string) => number;
  /** Resolves at the first SIGTERM or SIGINT. */
  readonly untilStopped: () => Promise<void>;
}

interface ProbeFlags {
  readonly caCert?: string;
  readonly caKey?: string;
  readonly chain?: string;
  readonly key?: string;
  readonly timeout: number;
  readonly within: number;
  readonly every?: number;
  readonly listen?: string;
}

/** Adds the command. */
export function addProbeCommand(root: Command, parts: ProbeCommandParts): void {
  root
    .command("probe")
    .description("submit a test certificate through the public address and prove its entry")
    .argument("<url...>", "shards, e.g. https://ct.example.org/nimbus2027")
    .option("--ca-cert <file>", "PEM of a test CA whose root the log accepts, then its issuers")
    .option("--ca-key <file>", "PEM of its private key: each probe is a fresh precertificate")
    .option("--chain <file>", "instead: a PEM chain that is submitted again each time")
    .option("--key <file>", "the log's public key (PEM or DER); default: from log.v3.json")
    .option("--timeout <ms>", "deadline of each exchange", parts.parseTimeout, 10_000)
    .option(
      "--within <duration>",
      "how long heads may take to cover the entry",
      parseDuration,
      60_000,
    )
    .option("--every <duration>", "go on: 30s, 5m, 1h", parseDuration)
    .option("--listen <address>", "with --every: export metrics, e.g. 127.0.0.1:6964")
    .action(async (urls: string[], flags: ProbeFlags) => {
      const options = {
        urls,
        caCertFile: flags.caCert,
        caKeyFile: flags.caKey,
        chainFile: flags.chain,
        keyFile: flags.key,
        timeoutMs: flags.timeout,
        withinMs: flags.within,
        everyMs: flags.every,
        listen: flags.listen,
        stopped: flags.every === undefined ? Promise.resolve() : parts.untilStopped(),
      };
      parts.exit(await probe(options, TERMINAL));
    });
}

const UNITS = { s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** `60s`, `5m`, `1h`: 1 s to a day. */
export function parseDuration(text: string): number {
  const [, number = "", unit = ""] = /^([1-9][0-9]{0,4})([smh])$/.exec(text) ?? [];
  const ms = Number(number) * (UNITS[unit as keyof typeof UNITS] ?? 0);
  if (ms >= 1_000 && ms <= 86_400_000) return ms;
  throw new InvalidArgumentError("expected 1s to 24h");
}
