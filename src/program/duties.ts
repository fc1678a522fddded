/**
 * Conditions that no software can show: they are the operator's, year after year.
 * @module
 */
import { type Condition, forOperator, type Program, SOURCE } from "./condition.ts";

/** What a person has to do. */
interface Duty {
  readonly id: string;
  readonly program: Program;
  readonly rule: string;
  readonly source: string;
  readonly advice: string;
}

const DUTIES: readonly Duty[] = [
  {
    id: "availability",
    program: "Chrome and Apple",
    rule: "Each endpoint is available 99 % of the time over 90 days, as the programs measure it from outside.",
    source: `${SOURCE.chrome}, Ongoing Requirements; ${SOURCE.apple}`,
    advice: "watch your own probe, and www.gstatic.com/ct/compliance/endpoint_uptime.csv",
  },
  {
    id: "tls",
    program: "Chrome",
    rule: "The TLS certificate of the public address never expires.",
    source: `${SOURCE.chrome}, Ongoing Requirements`,
    advice: "let the proxy renew it by itself, and raise an alarm two weeks before its end",
  },
  {
    id: "representatives",
    program: "Chrome",
    rule: "A list of people who are authorized to represent the operator.",
    source: `${SOURCE.chrome}, New CT Log Operators`,
    advice: "write it into the bug that you file as an operator",
  },
  {
    id: "independence",
    program: "Chrome",
    rule: "The operator is organizationally independent of every other operator.",
    source: `${SOURCE.chrome}, New CT Log Operators`,
    advice: "compare yourself with the operators of the log list, and tell of changes",
  },
  {
    id: "incidents",
    program: "Chrome",
    rule: "An incident is acknowledged within one business day, told of weekly, and followed by a postmortem.",
    source: `${SOURCE.chrome}, Incident Detection and Response`,
    advice: "be on call, subscribe to ct-policy@chromium.org, and write there yourself",
  },
  {
    id: "alerting",
    program: "Chrome",
    rule: "Alarms on merge delay, on answers other than 200, on Chrome's measurements and on resources.",
    source: `${SOURCE.chrome}, Incident Detection and Response`,
    advice: "load the metrics of the operations port into your monitoring, and test each alarm",
  },
  {
    id: "changes",
    program: "Chrome and Apple",
    rule: "Every change to what was applied with is told: in Chrome's bug at once, to Apple 45 days ahead of other leaf types.",
    source: `${SOURCE.chrome}, Ongoing Requirements; ${SOURCE.apple}`,
    advice: "compare 'stratus policy export' with the last one before you change a configuration",
  },
  {
    id: "roots-kept",
    program: "Chrome",
    rule: "Roots are not removed automatically when they leave a report.",
    source: `${SOURCE.chrome}, Accepted Root Certificates`,
    advice:
      "nothing is removed by itself (docs/ROOTS.md): block a root only for a reason, and say so",
  },
];

/** The conditions. */
export const DUTY_CONDITIONS: readonly Condition[] = DUTIES.map(({ advice, ...duty }) => ({
  ...duty,
  isChecked: false,
  judge: () => forOperator(advice),
}));
