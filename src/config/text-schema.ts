/**
 * Texts of a configuration that a function of `scalar.ts` judges.
 * @module
 */
import { z } from "zod";
import type { Parsed } from "./scalar.ts";

/** A text that `parse` takes. */
export function text(parse: (value: string) => Parsed<unknown>): z.ZodString {
  return z.string().check((context) => {
    const parsed = parse(context.value);
    if ("problem" in parsed) {
      context.issues.push({ code: "custom", message: parsed.problem, input: context.value });
    }
  });
}

/** A text with which `problemOf` finds nothing wrong. */
export function textWithout(problemOf: (value: string) => string | undefined): z.ZodString {
  return text((value) => {
    const problem = problemOf(value);
    return problem === undefined ? { value } : { problem };
  });
}
