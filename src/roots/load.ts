/**
 * Where accepted roots come from: Node's bundled Mozilla store, files and URLs. A text is told
 * by its content: a CSV report of the CCADB, a log's get-roots, or PEM.
 * @module
 */
import { readFile } from "node:fs/promises";
import { rootCertificates } from "node:tls";
import { MalformedError, messageOf } from "../base/errors.ts";
import { formatHex } from "../encoding/hex.ts";
import { parseRootsJson } from "../rfc6962/json.ts";
import { parseCertificate } from "../x509/certificate.ts";
import type { Sha256 } from "../x509/known.ts";
import { formatName } from "../x509/name.ts";
import { parsePem } from "../x509/roots.ts";
import { isCcadbReport, parseCcadbReport } from "./ccadb.ts";

/** The name of Node's bundled store in a configuration. */
export const MOZILLA = "mozilla";

/** Characters of a subject that are kept for people. */
const SUBJECT_LENGTH_MAX = 300;

/** One root of a source. */
export interface FoundRoot {
  readonly der: Uint8Array;
  /** SHA-256 of `der`, 64 digits. */
  readonly fingerprint: string;
  /** For people. */
  readonly subject: string;
}

/** What a source gave. */
export interface SourceReading {
  /** At least one; each once, in the order of the source. */
  readonly roots: readonly FoundRoot[];
  /** One line for each certificate that is passed over. */
  readonly warnings: readonly string[];
}

/** What reading needs of the world. */
export interface ReaderOptions {
  readonly sha256: Sha256;
  /** The text behind a URL, bounded in time and size. */
  readonly fetchText: (url: string, signal: AbortSignal) => Promise<string>;
}

/** Reads sources; a text that did not change is not parsed again. */
export class SourceReader {
  readonly #options: ReaderOptions;
  readonly #last = new Map<string, { readonly text: string; readonly reading: SourceReading }>();

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /**
   * Reads one source. A certificate that does not parse is passed over with a warning; a source
   * without a single good one is refused.
   * @param source `mozilla`, an http(s) URL, or an absolute path.
   * @param signal Gives it up.
   * @throws MalformedError `MALFORMED_PEM`, which names the source.
   */
  async read(source: string, signal: AbortSignal): Promise<SourceReading> {
    try {
      const text = await this.#textOf(source, signal);
      const last = this.#last.get(source);
      if (last?.text === text) return last.reading;
      const reading = parseRootsText(text, this.#options.sha256);
      this.#last.set(source, { text, reading });
      return reading;
    } catch (cause) {
      // What was fetched names its URL already.
      const what = messageOf(cause);
      const message = what.startsWith(`${source}: `) ? what : `${source}: ${what}`;
      throw new MalformedError("MALFORMED_PEM", `roots from ${message}`, { cause });
    }
  }

  async #textOf(source: string, signal: AbortSignal): Promise<string> {
    if (source === MOZILLA) return rootCertificates.join("\n");
    if (isUrl(source)) return await this.#options.fetchText(source, signal);
    return await readFile(source, "utf8");
  }
}

/** Whether a source is fetched. */
export function isUrl(source: string): boolean {
  return /^https?:/i.test(source);
}

/**
 * The roots in a text: a CSV report, the JSON of get-roots, or PEM.
 * @throws MalformedError if it is none of them, or no certificate in it parses.
 */
export function parseRootsText(text: string, sha256: Sha256): SourceReading {
  const warnings: string[] = [];
  const roots = new Map<string, FoundRoot>();
  const ders = dersOf(text, sha256, warnings);
  for (const [index, der] of ders.entries()) {
    try {
      const root = describeRoot(der, sha256);
      if (!roots.has(root.fingerprint)) roots.set(root.fingerprint, root);
    } catch (error) {
      warnings.push(`root ${index} is passed over: ${messageOf(error)}`);
    }
  }
  if (roots.size > 0) return { roots: [...roots.values()], warnings };
  const [first] = warnings;
  const forms = "expected PEM, a CSV report of the CCADB with PEM, or the JSON of get-roots";
  const reason = first === undefined ? `no certificate (${forms})` : `no usable root: ${first}`;
  throw new MalformedError("MALFORMED_PEM", reason);
}

/** @throws MalformedError `MALFORMED_CERTIFICATE` or `MALFORMED_DER`. */
export function describeRoot(der: Uint8Array, sha256: Sha256): FoundRoot {
  const { subject } = parseCertificate(der);
  const name = formatName(subject);
  return {
    der,
    fingerprint: formatHex(sha256(der)),
    subject: name.length > SUBJECT_LENGTH_MAX ? `${name.slice(0, SUBJECT_LENGTH_MAX)}…` : name,
  };
}

function dersOf(text: string, sha256: Sha256, warnings: string[]): readonly Uint8Array[] {
  if (isCcadbReport(text)) {
    const report = parseCcadbReport(text, sha256);
    warnings.push(...report.warnings);
    return report.ders;
  }
  return text.trimStart().startsWith("{") ? parseRootsJson(text) : parsePem(text);
}
