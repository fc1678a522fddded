/**
 * Fields of the configuration about how answers are sent and written down.
 * @module
 */
import { z } from "zod";

/** `compress`. */
export const compressSchema: z.ZodDefault<z.ZodBoolean> = z
  .boolean()
  .default(false)
  .meta({
    description:
      "Whether the log itself sends get-entries as gzip to clients that take it. Only where no proxy compresses: it costs several times the CPU that an entry costs otherwise, beside the threads that serve, and saves about half of the bytes. Data tiles and get-roots are compressed beforehand, whatever this says.",
    examples: [false],
  });
