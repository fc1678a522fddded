/**
 * The YAML form of the configuration: each field, its unit, range and default, and what goes
 * wrong otherwise, said once. JSON Schema, the reference page and the hints in error messages
 * are made from it. What relates several fields is checked in `parse.ts`.
 * @module
 */
import { z } from "zod";
import type {
  AuditConfig,
  BatchConfig,
  FreeSpaceConfig,
  LimitsConfig,
  OperatorConfig,
  PoolConfig,
  RootsReloadConfig,
} from "./config.ts";
import { type DatesItem, datesSchema } from "./dates-schema.ts";
import { freeSpaceSchema } from "./free-space-schema.ts";
import { limitsSchema } from "./limits-schema.ts";
import { operatorSchema } from "./operator-schema.ts";
import { logListSchema, pagesSchema } from "./pages-schema.ts";
import { type BlockedItem, blockedSchema, rootList, rootsReloadSchema } from "./roots-schema.ts";
import {
  parseAddress,
  parseExtendedKeyUsage,
  parseTime,
  parseUrl,
  problemOfPath,
} from "./scalar.ts";
import { accessLogSchema, compressSchema } from "./serving-schema.ts";
import { text, textWithout } from "./text-schema.ts";

/** What a series and a shard both may set. */
export interface ShardSettings {
  readonly type: "rfc6962" | "static-ct-api";
  /** Absent: those of the top level. */
  readonly roots?: readonly string[] | undefined;
  readonly batch: BatchConfig;
  readonly pool: PoolConfig;
  readonly audit: AuditConfig;
  readonly answerWithinMs: number;
  readonly acceptPrecertificateSigningCertificates: boolean;
  readonly extendedKeyUsages: readonly string[];
}

/** One item of `series`. */
export interface SeriesItem extends ShardSettings {
  readonly name: string;
  readonly firstYear: "current" | number;
  readonly years: number;
  readonly period: "year" | "half-year";
}

/** One item of `shards`. */
export interface ShardItem extends ShardSettings {
  readonly name: string;
  readonly notAfterStart: string;
  readonly notAfterLimit: string;
  readonly key?: string | undefined;
}

/** A file whose fields are each right by themselves, with defaults. */
export interface ConfigFile {
  readonly listen: string;
  readonly operations: string;
  readonly operator: OperatorConfig;
  readonly publicUrl?: string | undefined;
  readonly submissionUrl?: string | undefined;
  readonly monitoringUrl?: string | undefined;
  readonly data: string;
  readonly guard: string;
  readonly development: boolean;
  readonly logLevel: "trace" | "debug" | "info" | "warn" | "error" | "fatal";
  readonly frontends: number | "auto";
  readonly pages: boolean;
  readonly logList?: string | undefined;
  readonly drainMs: number;
  readonly compress: boolean;
  readonly accessLog?: string | undefined;
  readonly freeSpace: FreeSpaceConfig;
  readonly limits: LimitsConfig;
  readonly roots: readonly string[];
  readonly rootsReload: RootsReloadConfig;
  readonly blocked: BlockedItem;
  readonly series: readonly SeriesItem[];
  readonly shards: readonly ShardItem[];
  readonly dates: readonly DatesItem[];
}

/** Frontend threads of one process at most. */
const FRONTENDS_MAX = 64;

/** Shards that one process serves at most. */
export const SHARDS_MAX = 256;

const whole = (min: number, max: number) => z.int().min(min).max(max);
const path = () => textWithout(problemOfPath);

const batch = z
  .strictObject({
    intervalMs: whole(0, 10_000)
      .default(10)
      .meta({
        description:
          "Milliseconds between two tree heads at least. Smaller answers sooner; larger puts more entries into one commit and saves fsyncs. While more come in than can be judged at once, groups gather for up to 50 by themselves. Above 500 CAs see slow answers.",
        examples: [10],
      }),
    entriesMax: whole(1, 4_096)
      .default(4_096)
      .meta({
        description:
          "Entries of one commit at most. Too small caps the rate at this number for each commit.",
        examples: [4_096],
      }),
    bytesMax: whole(1_048_576, 268_435_456)
      .default(33_554_432)
      .meta({
        description:
          "Bytes of the entries of one commit at most. A commit is held in memory several times; too large makes single commits slow.",
        examples: [33_554_432],
      }),
    idleRefreshMs: whole(100, 3_600_000)
      .default(10_000)
      .meta({
        description:
          "Milliseconds after which a shard without submissions signs a new tree head. A shard is not ready once its head is older than three times this and a second; static-ct-api shards, which promise a head every 60 s, take at most 15000.",
        examples: [10_000],
      }),
  })
  .prefault({})
  .meta({ description: "Group commit: how entries are gathered before one fsync." });

const pool = z
  .strictObject({
    entriesMax: whole(1, 1_000_000)
      .default(20_000)
      .meta({
        description:
          "Submissions that wait at most; one more is answered 503 with Retry-After. Too large and they wait until `answerWithinMs` refuses them anyway.",
        examples: [20_000],
      }),
    bytesMax: whole(1_048_576, 1_073_741_824)
      .default(134_217_728)
      .meta({
        description:
          "Bytes of the submissions that wait at most. This much memory for each shard must be there under attack.",
        examples: [134_217_728],
      }),
  })
  .prefault({})
  .meta({ description: "Submissions that wait for a commit." });

const audit = z
  .strictObject({
    entriesPerSecond: whole(0, 100_000)
      .default(200)
      .meta({
        description:
          "Entries that the self-audit verifies in each second; 0 turns it off. 200 is some 1 % of a core and goes through 100 million entries in 6 days. Too few and damage is found late; too many take time from submissions.",
        examples: [200],
      }),
  })
  .prefault({})
  .meta({
    description:
      "The running self-audit: verifies the whole shard in the background, again and again.",
  });

const shardName = (lengthMax: number, example: string) =>
  z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]*$/)
    .min(1)
    .max(lengthMax)
    .meta({
      description: `Part of the URL and name of the folder below \`data\`: lower-case letters, digits and hyphens, at most ${lengthMax}. It can never change: it is in the origin line that each checkpoint carries.`,
      examples: [example],
    });

const settings = {
  type: z
    .enum(["rfc6962", "static-ct-api"])
    .default("rfc6962")
    .meta({
      description:
        "What the shard is called in log lists, where a log ID stands once. Both APIs are served either way. The MMD told to the world is 86400 s for rfc6962, 60 s for static-ct-api.",
      examples: ["rfc6962"],
    }),
  roots: rootList()
    .optional()
    .meta({
      description:
        "Accepted roots of this shard, in the same words. Absent: those of the top level.",
      examples: [["./roots.pem"]],
    }),
  batch,
  pool,
  audit,
  answerWithinMs: whole(100, 60_000)
    .default(5_000)
    .meta({
      description:
        "Milliseconds after which a submission that still waits is answered 503 with Retry-After; its entry may be logged all the same, and the retry gets that entry. More than `batch.intervalMs`.",
      examples: [5_000],
    }),
  acceptPrecertificateSigningCertificates: z
    .boolean()
    .default(true)
    .meta({
      description:
        "Whether precertificates may be issued by a precertificate signing certificate (RFC 6962, section 3.1). False refuses what RFC 6962 requires an rfc6962 log to take.",
      examples: [true],
    }),
  extendedKeyUsages: z
    .array(text(parseExtendedKeyUsage))
    .max(64)
    .default([])
    .meta({
      description:
        "Only certificates with one of these extended key usages are accepted: names as `serverAuth`, or dotted OIDs. Empty: no filter.",
      examples: [["serverAuth"]],
    }),
};

const series = z
  .strictObject({
    name: shardName(57, "nimbus"),
    firstYear: z
      .union([z.literal("current"), whole(1990, 2100)])
      .default("current")
      .meta({
        description:
          "Year of the first shard. `current` is the year of the oldest folder of this series in `data`, else this year; shards are then added so that `years` years from this one on stay covered, and none that has a folder is left out. A number means exactly `years` years from there.",
        examples: ["current"],
      }),
    years: whole(1, 20)
      .default(4)
      .meta({
        description:
          "Years covered. Too few and certificates that expire later find no shard; add shards before they are needed, because log programs take weeks to list one.",
        examples: [4],
      }),
    period: z
      .enum(["year", "half-year"])
      .default("year")
      .meta({
        description:
          "Length of each window. Half-years (`nimbus2027h1`, `nimbus2027h2`) halve the tree that a busy log grows to.",
        examples: ["year"],
      }),
    ...settings,
  })
  .meta({
    description:
      "Shards named by year, as `nimbus2027` or `nimbus2027h1`, each with its own key, window and folder.",
  });

const time = (description: string, example: string) =>
  text(parseTime).meta({ description, examples: [example] });

const shard = z
  .strictObject({
    name: shardName(63, "test2026"),
    notAfterStart: time(
      "First NotAfter that is accepted, in UTC, to the second. It is stored with the shard and can never change.",
      "2026-01-01T00:00:00Z",
    ),
    notAfterLimit: time(
      "First NotAfter that is no longer accepted, in UTC, to the second; the shard closes for submissions 7 days after it. It can never change.",
      "2027-01-01T00:00:00Z",
    ),
    key: path()
      .optional()
      .meta({
        description:
          "Path of the PKCS#8 P-256 private key in PEM. Default: `<data>/<name>/key.pem`. Each shard needs its own: one key on two trees ends both.",
        examples: ["./test2026.pem"],
      }),
    ...settings,
  })
  .meta({ description: "One shard, written out." });

const url = (description: string) =>
  text(parseUrl).meta({ description, examples: ["https://ct.example.org"] });

/** The whole file. */
export const configSchema: z.ZodType<ConfigFile> = z
  .strictObject({
    listen: text(parseAddress)
      .default("127.0.0.1:6962")
      .meta({
        description:
          "Address of the public port: host:port. Port 0 lets the system choose. `STRATUS_LISTEN` and `--listen` override it.",
        examples: ["127.0.0.1:6962"],
      }),
    operations: text(parseAddress)
      .default("127.0.0.1:6963")
      .meta({
        description:
          "Address of metrics and health: never the public port, and best not reachable from outside. `STRATUS_OPERATIONS` and `--operations` override it.",
        examples: ["127.0.0.1:6963"],
      }),
    publicUrl: url(
      "Prefix under which the world reaches the log, http or https, without query. Needed unless `development` is true (then: http and `listen`). It is in the origin line of every checkpoint, so it can never change once a shard exists.",
    ).optional(),
    submissionUrl: url(
      "Prefix of submissions, where it differs. Default: `publicUrl`. The origin lines come from it.",
    ).optional(),
    monitoringUrl: url(
      "Prefix of reads, where it differs, as with a CDN before them. Default: `publicUrl`.",
    ).optional(),
    data: path()
      .default("./data")
      .meta({
        description:
          "Folder with one folder for each shard. Relative paths are relative to this file. `STRATUS_DATA` and `--data` override it.",
        examples: ["./data"],
      }),
    guard: path()
      .default("./guard")
      .meta({
        description:
          "Folder of the signing guard, with one folder for each log ID; outside `data`, and better on another disk: it is what notices that `data` was rolled back, so do not restore both from one backup.",
        examples: ["./guard"],
      }),
    development: z
      .boolean()
      .default(false)
      .meta({
        description:
          "True allows `stratus dev`, which creates keys and shards by itself. Never true in production: a lost disk would silently become a second log.",
        examples: [false],
      }),
    logLevel: z
      .enum(["trace", "debug", "info", "warn", "error", "fatal"])
      .default("info")
      .meta({
        description: "Least severe line that is logged. Refused submissions are debug.",
        examples: ["info"],
      }),
    frontends: z
      .union([z.literal("auto"), whole(0, FRONTENDS_MAX)])
      .default("auto")
      .meta({
        description:
          "Threads that serve the public port: HTTP, parsing and verification. `auto` is one for each core but the sequencer's, 6 at most; 0 serves in the main thread. On two cores one frontend takes some 15 % more submissions than none, more of those that are dear to verify, for 100 MB more memory; at 200 a second an SCT comes 1 or 2 ms later. A second one, for 90 MB more, takes half as many again of those signed with P-384, and no more with RSA.",
        examples: ["auto"],
      }),
    compress: compressSchema,
    accessLog: accessLogSchema,
    pages: pagesSchema,
    logList: logListSchema,
    drainMs: whole(0, 600_000)
      .default(10_000)
      .meta({
        description:
          "Milliseconds that SIGTERM waits for requests in flight. Shorter than the time after which your supervisor kills the process.",
        examples: [10_000],
      }),
    freeSpace: freeSpaceSchema,
    operator: operatorSchema,
    limits: limitsSchema,
    roots: rootList()
      .default(["mozilla"])
      .meta({
        description:
          "Accepted roots of every shard that names none, merged: `mozilla` (the store that Node carries), paths of PEM files or CSV reports of the CCADB, and https URLs of such reports. A root once accepted stays accepted, whatever becomes of its source; `docs/ROOTS.md` says how one is blocked.",
        examples: [["mozilla"]],
      }),
    rootsReload: rootsReloadSchema,
    blocked: blockedSchema,
    series: z
      .array(series)
      .max(64)
      .default([])
      .meta({
        description: "Series of shards.",
        examples: [[{ name: "nimbus" }]],
      }),
    shards: z
      .array(shard)
      .max(SHARDS_MAX)
      .default([])
      .meta({
        description: "Shards written out, beside or instead of series.",
        examples: [
          [
            {
              name: "test2026",
              notAfterStart: "2026-01-01T00:00:00Z",
              notAfterLimit: "2027-01-01T00:00:00Z",
            },
          ],
        ],
      }),
    dates: datesSchema,
  })
  .meta({ title: "Stratus configuration", description: "What a Stratus log server runs." });
