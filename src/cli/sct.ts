/**
 * `stratus sct decode`: SCTs from whatever holds them, field by field. Exit code 0 if they
 * decode, 1 if not, 2 for a mistake in the command.
 * @module
 */

import { quote } from "../base/errors.ts";
import { countOf } from "../base/plural.ts";
import { formatBase64 } from "../encoding/base64.ts";
import { formatHex } from "../encoding/hex.ts";
import { encodeSct, type Sct } from "../rfc6962/sct.ts";
import { decodeDigitallySigned } from "../rfc6962/signature.ts";
import { describeExtensions } from "../sct/describe.ts";
import { type FoundScts, findScts } from "../sct/find.ts";
import { readInput, reportTrouble, UsageError } from "./input.ts";
import { type CommandIo, EXIT } from "./io.ts";
import { describeSct, formatTime } from "./sct-text.ts";

/** The command line of `stratus sct decode`. */
export interface DecodeOptions {
  /** Path of a file, `-` for standard input, or the SCT itself as JSON, base64 or hex. */
  readonly input: string;
  /** Whether to print JSON. */
  readonly json: boolean;
}

const COMMAND = "stratus sct decode";

/** Longer text on the command line is taken for a path. */
const LITERAL_LENGTH_MIN = 100;

/** Runs the command. @returns The exit code. */
export async function decodeScts(options: DecodeOptions, io: CommandIo): Promise<number> {
  try {
    const found = findScts(await inputOf(options.input));
    const lines = options.json ? [formatJson(found)] : describeFound(found);
    for (const line of lines) io.out(line);
    return EXIT.ok;
  } catch (thrown) {
    return reportTrouble(COMMAND, thrown, io);
  }
}

async function inputOf(input: string): Promise<Uint8Array> {
  const isLiteral = /^\s*\{/.test(input) || isEncoded(input);
  if (isLiteral) return new TextEncoder().encode(input);
  try {
    return await readInput(input);
  } catch (thrown) {
    if (!(thrown instanceof UsageError)) throw thrown;
    const message = `${thrown.message} (write a file, - or the SCT itself, got ${quote(input)})`;
    throw new UsageError(message, { cause: thrown });
  }
}

/** An SCT has over 100 bytes; no path looks like the base64 or hex of one. */
function isEncoded(input: string): boolean {
  return input.length >= LITERAL_LENGTH_MIN && /^[A-Za-z0-9+/\s]+=*\s*$/.test(input);
}

function describeFound({ form, scts }: FoundScts): readonly string[] {
  const count = countOf(scts.length, "SCT");
  const lines = [form === "SCT" || form === "JSON" ? `${count}:` : `${count} in a ${form}:`];
  for (const [index, sct] of scts.entries()) {
    if (scts.length > 1) lines.push(`SCT ${index + 1}`);
    lines.push(...describeSct(sct));
    lines.push(`  meaning     extensions: ${describeExtensions(sct.extensions).text}`);
  }
  return lines;
}

function formatJson({ form, scts }: FoundScts): string {
  return JSON.stringify({ form, scts: scts.map(fieldsOf) }, undefined, 2);
}

/** An SCT as JSON for programs: that of RFC 6962, section 4.1, and what is in it. */
export function fieldsOf(sct: Sct): object {
  const { algorithm, signature } = decodeDigitallySigned(sct.signature);
  const { leafIndex, text } = describeExtensions(sct.extensions);
  return {
    sct_version: 0,
    id: formatBase64(sct.logId),
    timestamp: sct.timestampMs,
    extensions: formatBase64(sct.extensions),
    signature: formatBase64(sct.signature),
    decoded: {
      time: formatTime(sct.timestampMs),
      leaf_index: leafIndex ?? null,
      extensions: text,
      signature_algorithm: `${algorithm.toUpperCase()} with SHA-256`,
      signature: formatHex(signature),
      tls: formatBase64(encodeSct(sct)),
    },
  };
}
