/**
 * Looks for a private key in whatever a log lets out, in every spelling that a program could
 * give it by accident.
 * @module
 */
import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";

/** Characters of a spelling: shorter pieces would be found by chance. */
const PIECE_MIN = 12;

/** Spellings of a private key, each a string that must not be in anything that leaves. */
export class Secret {
  readonly #pieces: readonly (readonly [what: string, text: string])[];
  readonly #raw: Buffer;

  /** @param pem PKCS#8 PEM of a P-256 key. */
  constructor(pem: string) {
    const key = createPrivateKey(pem);
    const { d } = key.export({ format: "jwk" });
    assert(typeof d === "string", "an EC key has a d");
    this.#raw = Buffer.from(d, "base64url");
    const hex = this.#raw.toString("hex");
    const forms = [pem, key.export({ format: "pem", type: "sec1" }).toString()];
    const sec1 = key.export({ format: "der", type: "sec1" });
    const pieces: [string, string][] = [
      ["hex", hex],
      ["HEX", hex.toUpperCase()],
      ["hex with colons", hex.replaceAll(/(..)(?!$)/g, "$1:")],
      ["decimal", BigInt(`0x${hex}`).toString()],
      ["JSON numbers", [...this.#raw].join(",")],
      ["inspected numbers", [...this.#raw].slice(0, 8).join(", ")],
      ["DER in hex", sec1.toString("hex")],
      ["inspected Buffer", hex.replaceAll(/(..)(?!$)/g, "$1 ").slice(0, 60)],
      ["bytes", this.#raw.toString("latin1")],
      ["escaped bytes", JSON.stringify(this.#raw.toString("latin1")).slice(1, -1)],
    ];
    for (const line of forms.flatMap((form) => form.trim().split("\n"))) {
      // Any piece of a line of PEM that could hold a part of the key.
      if (line.startsWith("-----")) continue;
      for (let at = 0; at + 24 <= line.length; at += 8) {
        const piece = line.slice(at, at + 24);
        if (this.#isOfKey(piece)) pieces.push(["PEM", piece]);
      }
    }
    for (const encoding of ["base64", "base64url"] as const) {
      for (let shift = 0; shift < 3; shift += 1) {
        const text = Buffer.concat([Buffer.alloc(shift), this.#raw]).toString(encoding);
        // Without what depends on the neighbours.
        pieces.push([`${encoding}, shifted by ${shift}`, text.slice(4, 40)]);
      }
    }
    for (const [what, text] of pieces) assert(text.length >= PIECE_MIN, what);
    this.#pieces = pieces;
  }

  /** What of the key is in `text`; undefined if nothing is. */
  findIn(text: string): string | undefined {
    return this.#pieces.find(([, piece]) => text.includes(piece))?.[0];
  }

  /** The key is in nothing of `texts`. */
  requireAbsent(texts: Readonly<Record<string, string>>): void {
    for (const [where, text] of Object.entries(texts)) {
      const what = this.findIn(text);
      assert.equal(what, undefined, `the private key is in ${where}, as ${what}`);
    }
  }

  /** Whether base64 characters hold at least 6 bytes of the secret, wherever they begin. */
  #isOfKey(piece: string): boolean {
    for (let skip = 0; skip < 4; skip += 1) {
      const bytes = Buffer.from(piece.slice(skip), "base64");
      for (let at = 0; at + 6 <= bytes.length; at += 1) {
        if (this.#raw.includes(bytes.subarray(at, at + 6))) return true;
      }
    }
    return false;
  }
}
