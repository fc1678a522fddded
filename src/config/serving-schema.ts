/**
 * Fields of the configuration about how answers are sent and written down.
 * @module
 */
import { z } from "zod";
import { problemOfPath } from "./scalar.ts";
import { textWithout } from "./text-schema.ts";

/** `compress`. */
export const compressSchema: z.ZodDefault<z.ZodBoolean> = z
  .boolean()
  .default(false)
  .meta({
    description:
      "Whether the log itself sends get-entries as gzip to clients that take it. Only where no proxy compresses: it costs several times the CPU that an entry costs otherwise, beside the threads that serve, and saves about half of the bytes. Data tiles and get-roots are compressed beforehand, whatever this says.",
    examples: [false],
  });

/** `accessLog`. */
export const accessLogSchema: z.ZodOptional<z.ZodString> = textWithout(problemOfPath)
  .optional()
  .meta({
    description:
      "Where each request is written as a line of JSON: `stdout`, or a file, which may be renamed at any time. Time, id (`X-Request-Id` of the answer; a trusted proxy's own is taken over), network (/24 or /48 of the address), method, target, status, bytes, milliseconds, User-Agent. Absent: nowhere, and answers carry no id. It costs some 20 us of CPU a request; a proxy may write it as well.",
    examples: ["/var/log/stratus/access.log"],
  });
