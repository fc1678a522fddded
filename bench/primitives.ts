/**
 * What the machine takes right now for OpenSSL's own operations, measured in the same run as
 * any figure: the machine runs at several speeds, so only ratios can be compared.
 * @module
 */
import { generateKeyPairSync, hash, type KeyObject, sign, verify } from "node:crypto";
import type { IssuerKind } from "./keys.ts";

/** CPU time of one operation each; microseconds. */
export interface Primitives {
  readonly rsa2048Verify: number;
  readonly p256Verify: number;
  readonly p384Verify: number;
  readonly p256Sign: number;
  /** SHA-256 of 1,500 bytes. */
  readonly sha256: number;
}

/** The same on this kind of machine in its fast hours. */
export const FAST_HOURS: Primitives = {
  rsa2048Verify: 17,
  p256Verify: 46,
  p384Verify: 430,
  p256Sign: 18,
  sha256: 3,
};

const MESSAGE = new Uint8Array(1_500).fill(7);

/** CPU to spend on each, after a fifth as much to warm up; milliseconds. */
const SPEND_MS = 100;

/** Measures each primitive for some 100 ms. */
export function measurePrimitives(): Primitives {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" });
  const signed = (algorithm: string, key: KeyObject) => sign(algorithm, MESSAGE, key);
  const rsaSignature = signed("sha256", rsa.privateKey);
  const p256Signature = signed("sha256", p256.privateKey);
  const p384Signature = signed("sha384", p384.privateKey);
  return {
    rsa2048Verify: measure(() => verify("sha256", MESSAGE, rsa.publicKey, rsaSignature)),
    p256Verify: measure(() => verify("sha256", MESSAGE, p256.publicKey, p256Signature)),
    p384Verify: measure(() => verify("sha384", MESSAGE, p384.publicKey, p384Signature)),
    p256Sign: measure(() => signed("sha256", p256.privateKey)),
    sha256: measure(() => hash("sha256", MESSAGE, "buffer")),
  };
}

/** In one line, with what they are in the machine's fast hours. */
export function formatPrimitives(primitives: Primitives): string {
  const text = (name: string, of: keyof Primitives) =>
    `${name} ${primitives[of].toFixed(1)} (${FAST_HOURS[of]})`;
  const cells = [
    text("RSA-2048 verify", "rsa2048Verify"),
    text("P-256 verify", "p256Verify"),
    text("P-384 verify", "p384Verify"),
    text("P-256 sign", "p256Sign"),
    text("SHA-256 of 1,500 bytes", "sha256"),
  ];
  return `primitives now (in fast hours), us: ${cells.join(", ")}; ${slowness(primitives).toFixed(2)} times as slow`;
}

/** How many times slower than in its fast hours the machine is: the median over primitives. */
export function slowness(primitives: Primitives): number {
  const names = Object.keys(FAST_HOURS) as readonly (keyof Primitives)[];
  const ratios = names.map((name) => primitives[name] / FAST_HOURS[name]).sort((a, b) => a - b);
  return ratios[Math.floor(ratios.length / 2)] ?? 1;
}

/** The verification of an issuer's signature among the primitives. */
export const VERIFY: Readonly<Record<IssuerKind, keyof Primitives>> = {
  rsa2048: "rsa2048Verify",
  p256: "p256Verify",
  p384: "p384Verify",
};

/**
 * What a submission would cost in the machine's fast hours: its one verification, which differs by
 * algorithm, at that primitive's own speed, and the rest at the median's.
 * @param cpuUs Its cost while the primitives were these.
 */
export function inFastHours(cpuUs: number, kind: IssuerKind, now: Primitives): number {
  const name = VERIFY[kind];
  return FAST_HOURS[name] + (cpuUs - now[name]) / slowness(now);
}

/** The mean of each primitive. */
export function meanOf(first: Primitives, second: Primitives): Primitives {
  const mean = (name: keyof Primitives) => (first[name] + second[name]) / 2;
  return {
    rsa2048Verify: mean("rsa2048Verify"),
    p256Verify: mean("p256Verify"),
    p384Verify: mean("p384Verify"),
    p256Sign: mean("p256Sign"),
    sha256: mean("sha256"),
  };
}

function measure(act: () => unknown): number {
  run(act, SPEND_MS / 5);
  return run(act, SPEND_MS);
}

function run(act: () => unknown, spendMs: number): number {
  const before = process.threadCpuUsage();
  const spentUs = () => {
    const now = process.threadCpuUsage();
    return now.user + now.system - before.user - before.system;
  };
  let count = 0;
  while (spentUs() < 1_000 * spendMs) {
    for (let round = 0; round < 20; round += 1) act();
    count += 20;
  }
  return spentUs() / count;
}
