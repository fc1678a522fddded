/**
 * One probe of one log: submit through its public address, verify the SCT, fetch the proof back
 * through both APIs, and tell how long each took, or which step failed.
 * @module
 */
import { messageOf } from "../base/errors.ts";
import type { LogKey } from "../checkpoint/browser-key.ts";
import { CheckError } from "../client/check.ts";
import { cleanText, type Exchange, SourceError } from "../client/transport.ts";
import { readCertificate, tlsHost } from "../tls/certificate.ts";
import { withMissingIssuer } from "./chain.ts";
import type { CommandIo } from "./io.ts";
import { openLog } from "./log-connection.ts";
import type { MakeProbe } from "./probe-ca.ts";
import { verifySubmitted } from "./submit.ts";

/** A log, and how it is probed. */
export interface Probe {
  /** The shard's prefix. */
  readonly url: string;
  /** Undefined: the one that the log states of itself. */
  readonly key: LogKey | undefined;
  readonly make: MakeProbe;
  /** Of each exchange; milliseconds. */
  readonly timeoutMs: number;
  /** How long heads may take to cover the entry, which caches may hold back; milliseconds. */
  readonly withinMs: number;
  /** Until the log is asked again after a head that was too old; milliseconds. */
  readonly againMs: number;
}

/** What a step takes that is timed. */
export const TIMED_STEPS = ["submit", "rfc6962", "tiles", "inclusion", "total"] as const;

/** `inclusion` is the time from the SCT to both proofs; see {@link TIMED_STEPS}. */
export type TimedStep = (typeof TIMED_STEPS)[number];

/** Why a probe failed. */
export interface ProbeFailure {
  /** `connect`, `issue`, `submit`, or the name of a check. */
  readonly step: string;
  /** Whether a step came to nothing (no answer, a refusal, no sense), or shows a falsehood. */
  readonly kind: "unavailable" | "contradiction";
  readonly message: string;
}

/** What came of one probe. */
export interface ProbeResult {
  /** Undefined if everything held. */
  readonly failure: ProbeFailure | undefined;
  /** Of the entry, if it was proven. */
  readonly leafIndex: number | undefined;
  readonly times: ReadonlyMap<TimedStep, number>;
  readonly exchanges: readonly Exchange[];
  /** Of the public address, if it is https and answered. */
  readonly tls: { readonly host: string; readonly expiresMs: number } | undefined;
}

/** Runs a probe; says each step to `io`. Never throws but for a mistake of ours. */
export async function runProbe(probe: Probe, io: CommandIo): Promise<ProbeResult> {
  const exchanges: Exchange[] = [];
  const times = new Map<TimedStep, number>();
  const startMs = performance.now();
  const tls = readTls(probe);
  let leafIndex: number | undefined;
  let failure: ProbeFailure | undefined;
  try {
    leafIndex = await probeSteps(probe, io, exchanges, times);
    times.set("total", performance.now() - startMs);
  } catch (thrown) {
    failure = failureOf(thrown);
  }
  return { failure, leafIndex, times, exchanges, tls: await tls };
}

async function probeSteps(
  probe: Probe,
  io: CommandIo,
  exchanges: Exchange[],
  times: Map<TimedStep, number>,
): Promise<number> {
  const { url, key, timeoutMs, withinMs, againMs, make } = probe;
  const onExchange = (exchange: Exchange): void => void exchanges.push(exchange);
  const connection = await at("connect", () => openLog({ url, key, timeoutMs, onExchange }));
  const { rfc6962 } = connection;
  const { endpoint, chain } = await at("issue", () => make(connection.window, Date.now()));
  const sentMs = performance.now();
  const sct = await at("submit", () => rfc6962.submit(endpoint, chain));
  const answeredMs = performance.now();
  times.set("submit", answeredMs - sentMs);
  io.out(`The log answered ${endpoint} with an SCT after ${Math.round(answeredMs - sentMs)} ms.`);
  io.out(`Key: ${connection.trust}`);
  const complete = await at("connect", () => withMissingIssuer(chain, () => rfc6962.roots()));
  for (;;) {
    const before = exchanges.length;
    try {
      const { leafIndex } = await verifySubmitted(
        connection,
        { chain, complete, sct },
        (check, sentence) => io.out(`  ok  ${sentence} [${check}]`),
      );
      const own = exchanges.slice(before);
      times.set("rfc6962", coveredMs(own.filter(isRfc6962)));
      times.set("tiles", coveredMs(own.filter((exchange) => !isRfc6962(exchange))));
      times.set("inclusion", performance.now() - answeredMs);
      return leafIndex;
    } catch (thrown) {
      const isStale = thrown instanceof CheckError && thrown.check === "stale head";
      if (!isStale || performance.now() - answeredMs + againMs > withinMs) throw thrown;
      io.out(`  not yet: ${cleanText(thrown.message, 200)}`);
      await new Promise((resolve) => setTimeout(resolve, againMs));
    }
  }
}

/** A failure before anything can be checked. */
class StepError extends Error {
  readonly step: string;

  constructor(step: string, cause: unknown) {
    super(messageOf(cause), { cause });
    this.step = step;
  }
}

async function at<T>(step: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (thrown) {
    if (thrown instanceof CheckError) throw thrown;
    throw new StepError(step, thrown);
  }
}

function failureOf(thrown: unknown): ProbeFailure {
  const message = cleanText(messageOf(thrown), 1_000);
  if (thrown instanceof StepError) return { step: thrown.step, kind: "unavailable", message };
  if (!(thrown instanceof CheckError)) throw thrown;
  // A check that could not be made says nothing against the log's word.
  const kind = thrown.cause instanceof SourceError ? "unavailable" : "contradiction";
  return { step: thrown.check, kind, message };
}

/** Which of two APIs an exchange belongs to. */
function isRfc6962({ url }: Exchange): boolean {
  return url.includes("/ct/v1/");
}

/** Time in which at least one of the exchanges was under way; tiles are fetched side by side. */
function coveredMs(exchanges: readonly Exchange[]): number {
  let covered = 0;
  let coveredTo = 0;
  for (const { startMs, endMs } of exchanges.toSorted((a, b) => a.startMs - b.startMs)) {
    covered += Math.max(0, endMs - Math.max(startMs, coveredTo));
    coveredTo = Math.max(coveredTo, endMs);
  }
  return covered;
}

async function readTls({ url, timeoutMs }: Probe): Promise<ProbeResult["tls"]> {
  const host = tlsHost(url);
  if (host === undefined) return undefined;
  try {
    const { expiresMs } = await readCertificate(host, timeoutMs);
    return { host, expiresMs };
  } catch {
    // The probe itself tells that the address does not answer.
    return undefined;
  }
}

/** `get-sth`, `tile`, ...: what was asked for, without what was asked. */
export function endpointOf({ url }: Exchange, prefix: string): string {
  const [path = ""] = url.slice(prefix.length + 1).split("?", 1);
  const name = /^(?:ct\/v1\/)?([a-z-]+|log\.v3\.json)(?:\/|$)/.exec(path)?.[1];
  return name ?? "other";
}
