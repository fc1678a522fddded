/**
 * Conditions on what the operator configures: contact, addresses, keys, delays, refusals and
 * limits.
 * @module
 */
import { bytesKey } from "../encoding/bytes.ts";
import { type Condition, forOperator, objectionsTo, SOURCE, unless } from "./condition.ts";
import type { Facts, LogFacts } from "./facts.ts";

/** Seconds; for static-ct-api both programs say a minute, for RFC 6962 Apple says a day. */
const MMD_SECONDS_MAX = { rfc6962: 86_400, "static-ct-api": 60 } as const;

const SERVER_AUTH_OID = "1.3.6.1.5.5.7.3.1";

/** Entries a second that a busy shard grows by; pages of 256 entries are the smallest read. */
const GROWTH_PER_SECOND = 150;
const PAGE_ENTRIES = 256;

/** A client that was away must gain on the log: so many times the growth. */
const CATCH_UP = 4;

const READS_PER_SECOND_MIN = CATCH_UP * Math.ceil(GROWTH_PER_SECOND / PAGE_ENTRIES);

function contactObjections({ operator }: Facts): readonly string[] {
  const objections: string[] = [];
  if (operator.name === undefined) {
    objections.push("operator.name is missing (write operator: { name: Your Organisation })");
  }
  if (operator.emails.length === 0) {
    objections.push("operator.emails is empty (write an address that is read at all times)");
  }
  return objections;
}

/** Why a prefix cannot stand in a log list; undefined if it can. */
function urlObjection(url: string): string | undefined {
  const [, scheme = "", authority = "", path = ""] = /^([a-z]+):\/\/([^/]*)(.*)$/.exec(url) ?? [];
  const host = authority.replace(/:\d+$/, "");
  if (scheme !== "https") return `${url} is not https`;
  const isAddress = host.startsWith("[") || /^[0-9.]+$/.test(host);
  const isName =
    /^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(host) && !/\.(?:local|internal|test)$/.test(host);
  if (isAddress || !isName) return `${url} has no public host name`;
  if (host !== authority) return `${url} has a port: clients and proxies expect 443`;
  return /[?#]|\/\//.test(path) ? `${url} is no plain prefix` : undefined;
}

function urlsObjection(log: LogFacts): readonly string[] {
  const urls = new Set([log.submissionUrl, log.monitoringUrl]);
  return [...urls].flatMap((url) => urlObjection(url) ?? []);
}

function keyObjection({ key }: LogFacts): string | undefined {
  if ("problem" in key) return key.problem;
  return key.algorithm === "P-256" ? undefined : `expected a P-256 key, got ${key.algorithm}`;
}

function sharedKeyObjections(facts: Facts): readonly string[] {
  const first = new Map<string, string>();
  return objectionsTo(facts.logs, ({ name, key }) => {
    if ("problem" in key) return undefined;
    const id = bytesKey(key.logId);
    const earlier = first.get(id);
    first.set(id, earlier ?? name);
    return earlier === undefined
      ? undefined
      : `has the key of ${earlier}: two trees under one log ID`;
  });
}

function refusalObjection({ extendedKeyUsages }: LogFacts): string | undefined {
  if (extendedKeyUsages.length === 0 || extendedKeyUsages.includes(SERVER_AUTH_OID))
    return undefined;
  return `takes only certificates with ${extendedKeyUsages.join(" or ")}: what has serverAuth must be taken`;
}

function readLimitObjections({ limits }: Facts): readonly string[] {
  const { reads } = limits;
  if (reads === undefined || reads.perSecond >= READS_PER_SECOND_MIN) return [];
  return [
    `limits.reads is ${reads.perSecond} requests a second of one client: a log that grows by ` +
      `${GROWTH_PER_SECOND} entries a second in pages of ${PAGE_ENTRIES} needs ` +
      `${READS_PER_SECOND_MIN} for one that catches up`,
  ];
}

/** Submissions a second of one client, below which one CA cannot work; a CA issues some 100. */
const SUBMISSIONS_PER_SECOND_MIN = 100;

function submissionLimitObjections({ limits }: Facts): readonly string[] {
  const { addPreChain, addChain } = limits;
  const objections: string[] = [];
  if (addPreChain !== undefined && addPreChain.perSecond < SUBMISSIONS_PER_SECOND_MIN) {
    objections.push(
      `limits.addPreChain is ${addPreChain.perSecond} a second of one client: the largest CAs issue ${SUBMISSIONS_PER_SECOND_MIN}`,
    );
  }
  const isPreferred =
    addPreChain === undefined ||
    (addChain?.perSecond ?? Number.POSITIVE_INFINITY) <= addPreChain.perSecond;
  if (!isPreferred) {
    objections.push("limits.addPreChain is tighter than limits.addChain: issuance waits for it");
  }
  return objections;
}

/** The conditions. */
export const SETTING_CONDITIONS: readonly Condition[] = [
  {
    id: "contact",
    program: "Chrome and Apple",
    rule: "The operator gives its name and an e-mail address that is continuously monitored.",
    source: `${SOURCE.chrome}, New CT Log Operators; ${SOURCE.apple}`,
    isChecked: true,
    judge: (facts) =>
      unless(
        contactObjections(facts),
        `${facts.operator.name}, ${facts.operator.emails.join(", ")}`,
      ),
  },
  {
    id: "production",
    program: "Chrome and Apple",
    rule: "Keys are made and kept for production.",
    source: `${SOURCE.rfc6962}, section 7.3`,
    isChecked: true,
    judge: ({ isDevelopment }) =>
      unless(
        isDevelopment
          ? ["development is true: 'stratus dev' creates keys and shards by itself"]
          : [],
        "development is false: only 'init' creates keys",
      ),
  },
  {
    id: "url-form",
    program: "Chrome and Apple",
    rule: "Public HTTPS prefixes: one url for an RFC 6962 log, submission and monitoring URL for a static one.",
    source: `${SOURCE.chrome}, inclusion_request_schema.json`,
    isChecked: true,
    judge: (facts) =>
      unless(
        objectionsTo(facts.logs, urlsObjection),
        "every prefix is https with a public host name",
      ),
  },
  {
    id: "key-type",
    program: "Chrome and Apple",
    rule: "The key is ECDSA over NIST P-256.",
    source: `${SOURCE.rfc6962}, section 2.1.4; ${SOURCE.staticCt}`,
    isChecked: true,
    judge: (facts) => unless(objectionsTo(facts.logs, keyObjection), "every key is P-256"),
  },
  {
    id: "key-unique",
    program: "Chrome and Apple",
    rule: "Each log has a key of its own: one key never signs two trees.",
    source: `${SOURCE.rfc6962}, section 3.2; ${SOURCE.chrome}, Ongoing Requirements`,
    isChecked: true,
    judge: (facts) => unless(sharedKeyObjections(facts), "no two shards share a key"),
  },
  {
    id: "mmd",
    program: "Chrome and Apple",
    rule: "The maximum merge delay is at most 24 hours, of a static-ct-api log at most 1 minute.",
    source: `${SOURCE.chrome}, Log API Specification Requirements; ${SOURCE.apple}`,
    isChecked: true,
    judge: (facts) =>
      unless(
        objectionsTo(facts.logs, ({ type, mmdSeconds }) =>
          mmdSeconds <= MMD_SECONDS_MAX[type]
            ? undefined
            : `${mmdSeconds} s for ${type}, at most ${MMD_SECONDS_MAX[type]} s`,
        ),
        "an entry is in the tree before its SCT is answered; what is stated is within the bounds",
      ),
  },
  {
    id: "freshness",
    program: "Chrome and Apple",
    rule: "A tree head is never older than the maximum merge delay.",
    source: `${SOURCE.rfc6962}, section 3.5; ${SOURCE.chrome}, Ongoing Requirements`,
    isChecked: true,
    judge: (facts) =>
      unless(
        objectionsTo(facts.logs, ({ headAgeMsMax, mmdSeconds }) =>
          headAgeMsMax < mmdSeconds * 1_000
            ? undefined
            : `an idle head grows ${headAgeMsMax} ms old, the MMD is ${mmdSeconds} s (write a shorter batch.idleRefreshMs)`,
        ),
        "idle heads are renewed well within the MMD",
      ),
  },
  {
    id: "refusals",
    program: "Chrome and Apple",
    rule: "Only expired or revoked certificates and those without serverAuth may be refused.",
    source: `${SOURCE.chrome}, Rejecting Logging Submissions; ${SOURCE.apple}`,
    isChecked: true,
    judge: (facts) =>
      unless(
        objectionsTo(facts.logs, refusalObjection),
        "nothing with serverAuth that chains to a root is refused",
      ),
  },
  {
    id: "precertificate-signing",
    program: "Apple",
    rule: "Precertificates below a precertificate signing certificate are taken (static-ct-api v1.1.0 lets a log refuse them, v1.0.0 and RFC 6962 do not).",
    source: `${SOURCE.rfc6962}, section 3.1; ${SOURCE.apple}`,
    isChecked: true,
    judge: (facts) =>
      unless(
        objectionsTo(facts.logs, (log) =>
          log.acceptPrecertificateSigningCertificates
            ? undefined
            : "acceptPrecertificateSigningCertificates is false",
        ),
        "they are taken",
      ),
  },
  {
    id: "limits-reads",
    program: "Chrome",
    rule: "A client's limit of reads is above the growth of the log, with room to catch up.",
    source: `${SOURCE.chrome}, Rate Limiting`,
    isChecked: true,
    judge: (facts) =>
      unless(
        readLimitObjections(facts),
        facts.limits.reads === undefined
          ? "reads are not limited"
          : "each client's limit has room to catch up",
      ),
  },
  {
    id: "limits-submissions",
    program: "Chrome",
    rule: "Limits let CAs work, and add-pre-chain comes before add-chain.",
    source: `${SOURCE.chrome}, Rate Limiting`,
    isChecked: true,
    judge: (facts) => unless(submissionLimitObjections(facts), "submissions of a CA pass"),
  },
  {
    id: "limits-stated",
    program: "Chrome",
    rule: "Every rate limit is described in the application, and kept up to date there.",
    source: `${SOURCE.chrome}, Existing CT Log Operators`,
    isChecked: false,
    judge: () => forOperator("'stratus policy export' writes the description: put it in the bug"),
  },
];
