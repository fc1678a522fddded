/**
 * Parses configuration texts in a fixed surrounding.
 * @module
 */
import assert from "node:assert/strict";
import { MalformedError } from "../../src/base/errors.ts";
import type { Config } from "../../src/config/config.ts";
import { type ParseOptions, parseConfig } from "../../src/config/parse.ts";

/** 23 November 2026; the file is /srv/stratus/config/log.yaml, seen from /srv/stratus. */
export const SURROUNDING: ParseOptions = {
  path: "config/log.yaml",
  cwd: "/srv/stratus",
  nowMs: Date.UTC(2026, 10, 23),
  shardFolders: [],
  overrides: {},
};

/** The configuration of a right text. */
export function parse(text: string, options: Partial<ParseOptions> = {}): Config {
  return parseConfig(text, { ...SURROUNDING, ...options });
}

/** The lines of the error of a wrong text, without the file's name. */
export function mistakesOf(text: string, options: Partial<ParseOptions> = {}): readonly string[] {
  try {
    parse(text, options);
  } catch (error) {
    assert(error instanceof MalformedError, String(error));
    assert.equal(error.code, "MALFORMED_CONFIG");
    return error.message.split("\n").map((line) => line.replace(/^config\/log\.yaml:/, ""));
  }
  assert.fail("expected a mistake");
}

/** A right text of one shard, on which tests build. */
export const ONE_SHARD = `publicUrl: https://ct.example.org
shards:
  - name: test2026
    notAfterStart: 2026-01-01T00:00:00Z
    notAfterLimit: 2027-01-01T00:00:00Z
`;
