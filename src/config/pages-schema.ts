/**
 * What the configuration says of pages.
 * @module
 */
import { z } from "zod";
import { problemOfPath } from "./scalar.ts";
import { textWithout } from "./text-schema.ts";

/** Whether there are pages. */
export const pagesSchema: z.ZodType<boolean> = z
  .boolean()
  .default(true)
  .meta({
    description:
      "Whether the public port shows pages to people: the shards, their heads and entries, verified in the visitor's browser. Without them `/` is not found; both APIs are the same either way.",
    examples: [false],
  });

/** By what list pages name other logs. */
export const logListSchema: z.ZodOptional<z.ZodString> = textWithout(problemOfPath)
  .optional()
  .meta({
    description:
      "File with a log list in Chrome's v3 form, of at most 4 MiB, read at start and again on SIGHUP. `/-/submit` names the logs of SCTs by it, and visitors' browsers fetch it from this server. Absent, or if it cannot be read at start (later the old one stays): only this server's own shards have names there.",
    examples: ["./log_list.json"],
  });
