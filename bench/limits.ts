/**
 * Limits for a server that is measured or tested for something else.
 * @module
 */
import type { ServerLimits } from "../src/http/app.ts";

/** Nothing meets them by accident. */
export const WIDE_LIMITS: ServerLimits = {
  clients: {
    trustedProxies: [],
    reads: undefined,
    addChain: undefined,
    addPreChain: undefined,
    pages: undefined,
  },
  connectionsMax: 1_000,
  bodiesInFlightBytesMax: 64_000_000,
};
