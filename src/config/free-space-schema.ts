/**
 * The `freeSpace` of the configuration: where room begins to be short.
 * @module
 */
import { z } from "zod";
import type { FreeSpaceConfig } from "./config.ts";

/** See {@link FreeSpaceConfig}. */
export const freeSpaceSchema: z.ZodType<FreeSpaceConfig> = z
  .strictObject({
    bytesMin: z
      .int()
      .min(0)
      .max(1_099_511_627_776)
      .default(1_073_741_824)
      .meta({
        description:
          "Bytes that must be free. Too small and a burst can fill the disk between two looks, 2 s apart; 0 turns this bound off.",
        examples: [1_073_741_824],
      }),
    percentMin: z
      .number()
      .min(0)
      .max(50)
      .default(2)
      .meta({
        description:
          "Percent of the file system that must be free; 0 turns this bound off. File systems slow down when they are nearly full.",
        examples: [2],
      }),
  })
  .prefault({})
  .meta({
    description:
      "Room in the file systems of `data` and `guard`. Below either bound a shard is not ready and submissions are answered 503; reads and new tree heads go on, and it takes submissions again by itself once there is room.",
  });
