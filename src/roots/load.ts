/**
 * Where accepted roots come from: Node's bundled Mozilla store, and PEM files.
 * @module
 */
import { readFile } from "node:fs/promises";
import { rootCertificates } from "node:tls";
import { MalformedError, messageOf } from "../base/errors.ts";
import { parseCertificate } from "../x509/certificate.ts";
import { parsePem } from "../x509/roots.ts";

/** The name of Node's bundled store in a configuration. */
const MOZILLA = "mozilla";

/** Roots, and what was passed over. */
export interface LoadedRoots {
  /** DER, in the order of the sources; repeats are possible. */
  readonly ders: readonly Uint8Array[];
  /** One line for each certificate that does not parse. */
  readonly warnings: readonly string[];
}

/**
 * Reads all sources. A certificate that does not parse is passed over with a warning; a
 * source without a single good one is refused.
 *
 * @param sources `mozilla` or absolute paths of PEM files.
 * @throws MalformedError `MALFORMED_PEM` naming the source.
 */
export async function loadRoots(sources: readonly string[]): Promise<LoadedRoots> {
  const ders: Uint8Array[] = [];
  const warnings: string[] = [];
  for (const source of sources) {
    let found = 0;
    for (const [index, der] of (await readSource(source)).entries()) {
      try {
        parseCertificate(der);
        ders.push(der);
        found += 1;
      } catch (error) {
        warnings.push(`root ${index} of ${source} is passed over: ${messageOf(error)}`);
      }
    }
    if (found === 0) throw new MalformedError("MALFORMED_PEM", `${source} holds no usable root`);
  }
  return { ders, warnings };
}

async function readSource(source: string): Promise<readonly Uint8Array[]> {
  if (source === MOZILLA) return parsePem(rootCertificates.join("\n"));
  try {
    return parsePem(await readFile(source, "utf8"));
  } catch (cause) {
    throw new MalformedError("MALFORMED_PEM", `roots from ${source}: ${messageOf(cause)}`, {
      cause,
    });
  }
}
