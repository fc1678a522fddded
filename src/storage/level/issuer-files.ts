/**
 * The issuers once more, outside LevelDB: `issuers/<SHA-256 in hex>`, one DER certificate each,
 * flushed before the batch that names it. A flipped bit in LevelDB's log drops whole batches;
 * tiles and indexes follow from the entries again, a certificate that only its submitter had
 * does not. There are some thousands of them at most.
 * @module
 */
import { join } from "node:path";
import { FatalError, messageOf, UnavailableError } from "../../base/errors.ts";
import { equalBytes } from "../../encoding/bytes.ts";
import { formatHex } from "../../encoding/hex.ts";
import type { Sha256 } from "../../merkle/hash.ts";
import type { Issuer } from "../store.ts";
import { corrupt } from "./record.ts";
import type { FileSystem, OpenFile } from "./seam.ts";

/** No certificate is larger: its length has three bytes in every message. */
const CERTIFICATE_BYTES_MAX = 16_777_216;

/** Bytes first tried. */
const CERTIFICATE_BYTES_USUAL = 16_384;

/** The folder `issuers`. */
export class IssuerFiles {
  readonly #files: FileSystem;
  readonly #folder: string;
  readonly #sha256: Sha256;

  constructor(files: FileSystem, folder: string, sha256: Sha256) {
    this.#files = files;
    this.#folder = folder;
    this.#sha256 = sha256;
  }

  /**
   * Writes certificates and flushes them and their names.
   *
   * @throws UnavailableError `UNAVAILABLE_STORE` if writing failed.
   * @throws FatalError `FATAL_FSYNC` if a flush failed.
   */
  async write(issuers: readonly Issuer[]): Promise<void> {
    if (issuers.length === 0) return;
    for (const issuer of issuers) await this.#writeOne(issuer);
    await flushing("the names of issuers", () => this.#files.syncFolder(this.#folder));
  }

  /**
   * A certificate by its SHA-256; undefined if there is no file of it.
   * @throws FatalError `FATAL_STORE_CORRUPT` if the file holds something else.
   * @throws UnavailableError `UNAVAILABLE_STORE` if it cannot be read.
   */
  async read(fingerprint: Uint8Array): Promise<Uint8Array | undefined> {
    let der: Uint8Array;
    try {
      const file = await this.#files.openFile(this.#path(fingerprint), "read");
      try {
        der = await readAll(file);
      } finally {
        await file.close();
      }
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      const message = `an issuer cannot be read: ${messageOf(cause)}`;
      throw new UnavailableError("UNAVAILABLE_STORE", message, { cause });
    }
    if (equalBytes(this.#sha256(der), fingerprint)) return der;
    throw corrupt(`the file of issuer ${formatHex(fingerprint)} holds something else`);
  }

  async #writeOne(issuer: Issuer): Promise<void> {
    const fail = (cause: unknown) => {
      const message = `an issuer cannot be written: ${messageOf(cause)}`;
      return new UnavailableError("UNAVAILABLE_STORE", message, { cause });
    };
    let file: OpenFile;
    try {
      file = await this.#files.openFile(this.#path(issuer.fingerprint), "write");
    } catch (cause) {
      throw fail(cause);
    }
    try {
      await file.write(issuer.der, 0);
      await flushing("an issuer", () => file.sync());
    } catch (error) {
      throw error instanceof FatalError ? error : fail(error);
    } finally {
      await file.close().catch(() => {});
    }
  }

  #path(fingerprint: Uint8Array): string {
    return join(this.#folder, formatHex(fingerprint));
  }
}

async function readAll(file: OpenFile): Promise<Uint8Array> {
  const der = await file.read(CERTIFICATE_BYTES_USUAL, 0);
  return der.length < CERTIFICATE_BYTES_USUAL ? der : file.read(CERTIFICATE_BYTES_MAX, 0);
}

async function flushing(what: string, flush: () => Promise<void>): Promise<void> {
  try {
    await flush();
  } catch (cause) {
    const message = `flushing ${what} failed: ${messageOf(cause)}`;
    throw new FatalError("FATAL_FSYNC", message, { cause });
  }
}
