/**
 * The YAML form of the dates in a shard's life that do not follow from its window.
 * @module
 */
import { z } from "zod";
import { parseTime } from "./scalar.ts";
import { text } from "./text-schema.ts";

/** One item of `dates`. */
export interface DatesItem {
  readonly shard: string;
  readonly opens?: string | undefined;
  readonly pending?: string | undefined;
  readonly qualified?: string | undefined;
  readonly usable?: string | undefined;
  readonly retires?: string | undefined;
}

const time = (description: string, example: string) =>
  text(parseTime)
    .optional()
    .meta({ description, examples: [example] });

/** `dates`. */
export const datesSchema: z.ZodDefault<z.ZodType<readonly DatesItem[]>> = z
  .array(
    z
      .strictObject({
        shard: z.string().meta({
          description: "Name of the shard, of a series or written out.",
          examples: ["nimbus2031"],
        }),
        opens: time(
          "First submission, in UTC. Until then the shard is planned: announced with its key, its empty tree signed and served, and add-* answer 403. Before the end of its window. Absent: it is open from its creation on.",
          "2027-09-01T00:00:00Z",
        ),
        pending: time(
          "Since when log programs have its application: `state` in log.v3.json then says so. Stratus cannot know what programs decided.",
          "2027-05-01T00:00:00Z",
        ),
        qualified: time("Since when a log program lists it as qualified.", "2027-07-01T00:00:00Z"),
        usable: time("Since when a log program lists it as usable.", "2027-09-10T00:00:00Z"),
        retires: time(
          "The last tree head is signed now; reads go on until the shard is archived and taken out of the file. Not before it has closed, 7 days after its window. Absent: its head is renewed for ever. Set it only once the programs have retired the log.",
          "2028-06-01T00:00:00Z",
        ),
      })
      .meta({ description: "Dates of one shard." }),
  )
  .max(256)
  .default([])
  .meta({
    description:
      "Dates in a shard's life beside its window, which closes it by itself: see docs/OPERATIONS.md. Taken at the next start.",
    examples: [[{ shard: "nimbus2025", retires: "2026-09-01T00:00:00Z" }]],
  });
