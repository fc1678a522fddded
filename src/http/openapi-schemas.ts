/**
 * The JSON that the public server takes and answers, as schemas of the OpenAPI document.
 * @module
 */

const base64 = { type: "string", pattern: "^[A-Za-z0-9+/]*={0,2}$" };
const sha256 = { type: "string", pattern: "^[A-Za-z0-9+/]{43}=$" };
const hex256 = { type: "string", pattern: "^[0-9a-f]{64}$" };
const time = { type: "string", format: "date-time" };
const uri = { type: "string", format: "uri" };
const milliseconds = { type: "integer", minimum: 0, description: "Since the Unix epoch, in ms." };
const size = { type: "integer", minimum: 0 };
const endpoint = { type: "string", enum: ["add-chain", "add-pre-chain"] };
const code = { type: "string", pattern: "^[A-Z0-9_]+$", description: "As in docs/ERRORS.md." };

/** An object with all of these properties, and no other. */
function exactly(properties: Readonly<Record<string, object>>, description?: string): object {
  const required = Object.keys(properties);
  const about = description === undefined ? {} : { description };
  return { type: "object", ...about, required, additionalProperties: false, properties };
}

const step = exactly({ subject: { type: "string" }, sha256: hex256 });

const takenBy = {
  type: ["string", "null"],
  description: "An open shard here whose range takes the certificate.",
};

const listState = exactly({ timestamp: time });
const finalTreeHead = exactly({ sha256_root_hash: sha256, tree_size: size });

const logProperties = {
  description: { type: "string" },
  log_id: sha256,
  key: { ...base64, description: "SubjectPublicKeyInfo." },
  url: { ...uri, description: "Of an rfc6962 log." },
  submission_url: { ...uri, description: "Of a static-ct-api log." },
  monitoring_url: { ...uri, description: "Of a static-ct-api log." },
  mmd: { type: "integer", minimum: 1, description: "Maximum merge delay in seconds." },
  log_spec: { type: "string", enum: ["rfc6962", "static-ct-api"] },
  temporal_interval: exactly({ start_inclusive: time, end_exclusive: time }),
  state: {
    type: "object",
    description:
      "As in Chrome's list. readonly and retired are the log's own word, the others what the operator says that programs have decided; absent: nothing was said.",
    additionalProperties: false,
    properties: {
      pending: listState,
      qualified: listState,
      usable: listState,
      readonly: exactly({ timestamp: time, final_tree_head: finalTreeHead }),
      retired: listState,
    },
  },
  status: {
    type: "string",
    enum: ["active", "readonly", "inactive"],
    description: "inactive: planned, or retired.",
  },
  status_timestamp: time,
  planned_changes: {
    type: "array",
    items: {
      type: "object",
      required: ["new_status", "effective_date"],
      additionalProperties: false,
      properties: {
        new_status: { type: "string" },
        effective_date: time,
        comment: { type: "string" },
      },
    },
  },
  final_tree_head: finalTreeHead,
  log_software: exactly({ name: { type: "string" }, version: { type: "string" } }),
};

/** Name of a schema. */
export type SchemaName =
  | "Chain"
  | "Sct"
  | "TreeHead"
  | "Consistency"
  | "Inclusion"
  | "Entries"
  | "EntryAndProof"
  | "Roots"
  | "Accepted"
  | "Refused"
  | "Verdict"
  | "Log"
  | "LogList"
  | "Problem";

/** The schemas by name. */
export const SCHEMAS: Readonly<Record<SchemaName, object>> = {
  Chain: exactly({
    chain: {
      type: "array",
      minItems: 1,
      description:
        "DER in base64: the certificate, then its issuers in order; the root may be left out.",
      items: { ...base64, minLength: 4 },
    },
  }),
  Sct: exactly({
    sct_version: { const: 0 },
    id: sha256,
    timestamp: milliseconds,
    extensions: {
      ...base64,
      minLength: 12,
      description:
        "NEVER EMPTY: the leaf_index extension. Decode the base64 and put the bytes into the SCT: the signature covers them.",
      example: "AAAFAAAAAAE=",
    },
    signature: { ...base64, description: "DigitallySigned." },
  }),
  TreeHead: exactly({
    tree_size: size,
    timestamp: milliseconds,
    sha256_root_hash: sha256,
    tree_head_signature: base64,
  }),
  Consistency: exactly({ consistency: { type: "array", items: sha256 } }),
  Inclusion: exactly({ leaf_index: size, audit_path: { type: "array", items: sha256 } }),
  Entries: exactly({
    entries: {
      type: "array",
      minItems: 1,
      maxItems: 1024,
      items: exactly({ leaf_input: base64, extra_data: base64 }),
    },
  }),
  EntryAndProof: exactly({
    leaf_input: base64,
    extra_data: base64,
    audit_path: { type: "array", items: sha256 },
  }),
  Roots: exactly({ certificates: { type: "array", items: base64 } }),
  Accepted: exactly({
    accepted: { const: true },
    shard: { type: "string" },
    endpoint,
    taken_by: takenBy,
    entry_type: { type: "string", enum: ["x509_entry", "precert_entry"] },
    issuer_key_hash: { type: ["string", "null"], pattern: "^[0-9a-f]{64}$" },
    tbs_sha256: { type: ["string", "null"], pattern: "^[0-9a-f]{64}$" },
    root: step,
    path: { type: "array", items: step },
    priority: { type: "string", enum: ["normal", "low"] },
    duplicate: {
      description: "Where the entry stands already; null: it does not.",
      oneOf: [{ type: "null" }, exactly({ leaf_index: size, timestamp: milliseconds })],
    },
  }),
  Refused: exactly({
    accepted: { const: false },
    shard: { type: "string" },
    endpoint,
    taken_by: takenBy,
    code,
    message: { type: "string", description: "In CTFE's words, as the endpoint would say it." },
    detail: { type: "string" },
  }),
  Verdict: {
    oneOf: [{ $ref: "#/components/schemas/Accepted" }, { $ref: "#/components/schemas/Refused" }],
  },
  Log: {
    type: "object",
    required: [
      "description",
      "log_id",
      "key",
      "mmd",
      "log_spec",
      "temporal_interval",
      "status",
      "planned_changes",
      "log_software",
    ],
    additionalProperties: false,
    oneOf: [{ required: ["url"] }, { required: ["submission_url", "monitoring_url"] }],
    properties: logProperties,
  },
  LogList: exactly({
    version: { type: "string" },
    log_list_timestamp: time,
    operators: {
      type: "array",
      minItems: 1,
      maxItems: 1,
      items: exactly({
        name: { type: "string", minLength: 1 },
        email: { type: "array", items: { type: "string" } },
        logs: { type: "array", items: { $ref: "#/components/schemas/Log" } },
        tiled_logs: { type: "array", items: { $ref: "#/components/schemas/Log" } },
      }),
    },
  }),
  Problem: exactly(
    {
      code,
      message: { type: "string", description: "What the text form says, in CTFE's words." },
      detail: { type: "string", description: "What was found, by itself." },
    },
    "A refusal, to a client that asks for JSON (Accept: application/json).",
  ),
};
