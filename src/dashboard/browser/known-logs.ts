/**
 * The logs that this server knows by name: its own shards by `logs.json`, others by its log
 * list, each fetched once and only when it is needed. The keys in them are bound by log IDs.
 * @module
 */
import { sha256 } from "../../merkle/noble.ts";
import { type KnownLog, parseLogList } from "../../sct/log-list.ts";
import type { KnownLogs } from "../check/scts.ts";
import type { SubmitData } from "../check/submission.ts";
import { documentText, pageData, worldOf } from "./world.ts";

/** What the page knows of its server. */
export interface Known extends KnownLogs {
  readonly shards: SubmitData["shards"];
}

/** Asks the server. @throws AnswerError, MalformedError. */
export async function loadKnown(): Promise<Known> {
  const { shards, logList } = (await pageData("-/submit")) as SubmitData;
  const { logs } = parseLogList(sha256, await documentText("logs.json"));
  let others: readonly KnownLog[] | undefined;
  return {
    shards,
    own: logs,
    others: async () => {
      if (logList === null) return [];
      others ??= parseLogList(sha256, await documentText(logList)).logs;
      return others;
    },
    worldOf,
  };
}
