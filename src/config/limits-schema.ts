/**
 * The `limits` of the configuration: what one client may do, and bounds of the whole process.
 * @module
 */
import { z } from "zod";
import { parseNetwork } from "../base/network.ts";
import type { LimitsConfig } from "./config.ts";

const whole = (min: number, max: number) => z.int().min(min).max(max);

const rateFields = z.strictObject({
  perSecond: whole(1, 1_000_000).meta({
    description: "Requests a second in the long run.",
    examples: [10],
  }),
  burst: whole(1, 1_000_000).meta({
    description: "Requests that may come at once after a pause.",
    examples: [100],
  }),
});

const rate = (what: string) =>
  rateFields.optional().meta({
    description: `${what} of one client (an IPv4 /24 or IPv6 /48), \`perSecond\` and \`burst\`; beyond it 429 with Retry-After. Absent: no limit. Log programs count each 429 against the log: leave room for a monitor that catches up.`,
    examples: [{ perSecond: 100, burst: 1_000 }],
  });

/** What a person does not reach, and a program that mistakes pages for an API soon does. */
const PAGES = { perSecond: 20, burst: 200 };

const pages = rateFields.default(PAGES).meta({
  description:
    "Pages for people and the files that they load, of one client (an IPv4 /24 or IPv6 /48), `perSecond` and `burst`; beyond it 429 with Retry-After. Pages are made anew for each request: without a bound they would cost the APIs their time.",
  examples: [PAGES],
});

const network = z.string().check((context) => {
  if (parseNetwork(context.value) !== undefined) return;
  const message = "expected a network (write for example 10.0.0.0/8, or ::1)";
  context.issues.push({ code: "custom", message, input: context.value });
});

/** The schema of `limits`. */
export const limitsSchema: z.ZodType<LimitsConfig> = z
  .strictObject({
    trustedProxies: z
      .array(network)
      .max(64)
      .default([])
      .meta({
        description:
          "Networks of proxies whose X-Forwarded-For is believed; of it the right-most address that is none of these is the client. Anyone here can pose as any client. This machine itself is never limited, unless it is named here and forwards for somebody.",
        examples: [["127.0.0.1", "::1"]],
      }),
    reads: rate("Reads of both APIs"),
    addChain: rate("Calls of add-chain"),
    addPreChain: rate("Calls of add-pre-chain"),
    pages,
    connectionsMax: whole(16, 1_000_000)
      .default(10_000)
      .meta({
        description:
          "Open connections to the public port at most; one more is closed at once. Too few and idle ones, which stay 120 s, lock out others; each takes some 20 kB and a file descriptor.",
        examples: [10_000],
      }),
    bodiesInFlightBytesMax: whole(1_048_576, 4_294_967_296)
      .default(67_108_864)
      .meta({
        description:
          "Bytes of submissions that have come but are not judged yet, at most, of all connections; beyond it the one that has been coming the longest is answered 503. This much memory must be there under attack.",
        examples: [67_108_864],
      }),
    lowPriorityAfterMs: whole(60_000, 3_153_600_000_000)
      .default(86_400_000)
      .meta({
        description:
          "Milliseconds after its notBefore from which a certificate gives way when a pool is nearly full, like one that carries SCTs already: nobody waits for its SCT. Shorter than a CA takes to submit and fresh certificates give way too.",
        examples: [86_400_000],
      }),
  })
  .prefault({})
  .meta({
    description:
      "What one client may do, and bounds of the whole process. But for `pages`, no client is limited unless set here.",
  });
