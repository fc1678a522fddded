/**
 * A condition of a trust program, and what can be said about it.
 * @module
 */
import type { Facts, LogFacts } from "./facts.ts";

/** Whether a condition is met, or only a person can tell. */
export type Status = "met" | "not met" | "for the operator";

/** What was found. */
export interface Judgement {
  readonly status: Status;
  /** Why, in sentences without full stop; at least one. */
  readonly reasons: readonly string[];
}

/** Whose condition it is. */
export type Program = "Chrome" | "Apple" | "Chrome and Apple";

/** One condition. */
export interface Condition {
  /** Never changes: `shard-length`. */
  readonly id: string;
  readonly program: Program;
  /** What is asked, in a sentence. */
  readonly rule: string;
  /** Where it stands. */
  readonly source: string;
  /** Whether {@link judge} can ever find it not met: else it is a person's to see to. */
  readonly isChecked: boolean;
  readonly judge: (facts: Facts) => Judgement;
}

/** Where the rules stand, by the names that conditions use. */
export const SOURCE = {
  chrome: "Chrome log policy",
  apple: "Apple log program",
  rfc6962: "RFC 6962",
  staticCt: "static-ct-api",
} as const;

/** Addresses of the sources. */
export const SOURCE_URLS: ReadonlyMap<string, string> = new Map([
  [SOURCE.chrome, "https://googlechrome.github.io/CertificateTransparency/log_policy.html"],
  [SOURCE.apple, "https://support.apple.com/103703"],
  [SOURCE.rfc6962, "https://www.rfc-editor.org/rfc/rfc6962"],
  [SOURCE.staticCt, "https://c2sp.org/static-ct-api"],
]);

/** Not met if there is an objection, else met for this reason. */
export function unless(objections: readonly string[], reason: string): Judgement {
  return objections.length === 0
    ? { status: "met", reasons: [reason] }
    : { status: "not met", reasons: objections };
}

/** What only a person can see to. */
export function forOperator(...reasons: readonly string[]): Judgement {
  return { status: "for the operator", reasons };
}

/** Objections to each log, behind the names of those that they are true of. */
export function objectionsTo(
  logs: readonly LogFacts[],
  objectionTo: (log: LogFacts) => string | readonly string[] | undefined,
): readonly string[] {
  const names = new Map<string, string[]>();
  for (const log of logs) {
    const found = objectionTo(log) ?? [];
    for (const text of typeof found === "string" ? [found] : found) {
      const named = names.get(text) ?? [];
      names.set(text, [...named, log.name]);
    }
  }
  return [...names].map(([text, named]) => `${listed(named)}: ${text}`);
}

/** A list for people that does not run on: the first few, and how many more. */
export function listed(items: readonly string[], shownMax = 5): string {
  const rest = items.length - shownMax;
  return items.slice(0, shownMax).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}

/** `2027-01-01`, or with the time of day if that is not midnight. */
export function dayOf(timeMs: number): string {
  return new Date(timeMs)
    .toISOString()
    .replace(/T00:00:00\.000Z$/, "")
    .replace(/\.000Z$/, "Z");
}
