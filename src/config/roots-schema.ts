/**
 * The fields of the configuration about accepted roots: sources, reloading, blocking.
 * @module
 */
import { z } from "zod";
import type { RootsReloadConfig } from "./config.ts";
import { problemOfFingerprint, problemOfPath, problemOfRoot } from "./scalar.ts";
import { textWithout } from "./text-schema.ts";

/** See `BlockedConfig`: as the file has it. */
export interface BlockedItem {
  readonly fingerprints: readonly string[];
  readonly file?: string | undefined;
}

/** Sources of roots. */
export const rootList = (): z.ZodArray<z.ZodString> =>
  z.array(textWithout(problemOfRoot)).min(1).max(64);

/** See {@link RootsReloadConfig}. */
export const rootsReloadSchema: z.ZodType<RootsReloadConfig> = z
  .strictObject({
    intervalMs: z
      .int()
      .min(0)
      .max(604_800_000)
      .default(3_600_000)
      .meta({
        description:
          "Milliseconds between two readings of all sources and of `blocked.file`; SIGHUP reads them at once. 0: only SIGHUP does, and a CA that the programs include today waits for you.",
        examples: [3_600_000],
      }),
    lossPercentMax: z
      .number()
      .min(0)
      .max(100)
      .default(20)
      .meta({
        description:
          "Percent of a shard's roots that may be missing from its sources in one reading. More is taken for a broken source: nothing of that reading counts, and an error is logged. Nothing is removed either way.",
        examples: [20],
      }),
  })
  .prefault({})
  .meta({
    description:
      "When the sources of roots are read again. New roots are accepted, missing ones recorded and kept.",
  });

/** See {@link BlockedItem}. */
export const blockedSchema: z.ZodType<BlockedItem> = z
  .strictObject({
    fingerprints: z
      .array(textWithout(problemOfFingerprint))
      .max(10_000)
      .default([])
      .meta({
        description:
          "SHA-256 of certificates, 64 hexadecimal digits each. Changing them needs a restart; `file` does not.",
        examples: [["86d8219c7e2b6009e37eb14356268489b81379e076e8f372e3dde8c162a34134"]],
      }),
    file: textWithout(problemOfPath)
      .optional()
      .meta({
        description:
          "Path of a file with one such SHA-256 on each line; `#` begins a comment. Read again on SIGHUP and with the roots. It must exist; empty it to block nothing.",
        examples: ["./blocked.txt"],
      }),
  })
  .prefault({})
  .meta({
    description:
      "Roots and intermediates that are not accepted any more, in any shard: a chain with one of them is refused, and get-roots leaves it out.",
  });
