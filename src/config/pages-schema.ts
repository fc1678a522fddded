/**
 * What the configuration says of pages.
 * @module
 */
import { z } from "zod";

/** Whether there are pages. */
export const pagesSchema: z.ZodType<boolean> = z
  .boolean()
  .default(true)
  .meta({
    description:
      "Whether the public port shows pages to people: the shards, their heads and entries, verified in the visitor's browser. Without them `/` is not found; both APIs are the same either way.",
    examples: [false],
  });
