/**
 * Every condition of Chrome's and Apple's programs, and what the facts say to each.
 * @module
 */
import type { Condition, Judgement } from "./condition.ts";
import { DUTY_CONDITIONS } from "./duties.ts";
import type { Facts } from "./facts.ts";
import { LIVE_CONDITIONS } from "./live.ts";
import { ROOT_CONDITIONS } from "./roots.ts";
import { SETTING_CONDITIONS } from "./settings.ts";
import { WINDOW_CONDITIONS } from "./windows.ts";

/** All conditions, in the order in which they are told. */
export const CONDITIONS: readonly Condition[] = [
  ...SETTING_CONDITIONS,
  ...WINDOW_CONDITIONS,
  ...ROOT_CONDITIONS,
  ...LIVE_CONDITIONS,
  ...DUTY_CONDITIONS,
];

/** A condition and what was found. */
export interface Finding extends Judgement {
  readonly condition: Condition;
}

/** Holds the facts against every condition. */
export function checkProgram(facts: Facts): readonly Finding[] {
  return CONDITIONS.map((condition) => ({ condition, ...condition.judge(facts) }));
}
