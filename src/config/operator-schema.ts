/**
 * The `operator` of the configuration: who answers for the logs.
 * @module
 */
import { z } from "zod";
import type { OperatorConfig } from "./config.ts";

const email = z.string().check((context) => {
  if (/^[^\s@<>"]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$/.test(context.value)) return;
  const message = "expected an e-mail address (write for example ct@example.org)";
  context.issues.push({ code: "custom", message, input: context.value });
});

/** See {@link OperatorConfig}. */
export const operatorSchema: z.ZodType<OperatorConfig> = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(128)
      .optional()
      .meta({
        description:
          "Name of the operator, as log lists have it. Absent: the host name of `publicUrl`; trust programs want to know an organisation.",
        examples: ["Example Trust Services"],
      }),
    emails: z
      .array(email)
      .max(16)
      .default([])
      .meta({
        description:
          "Addresses that are read at all times: trust programs write here about incidents, and expect an answer within a working day.",
        examples: [["ct@example.org"]],
      }),
  })
  .prefault({})
  .meta({
    description:
      "Who answers for the logs; told in `/logs.json` and to trust programs (`stratus policy export`).",
  });
