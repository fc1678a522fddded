/**
 * Files of a CA for probes: its certificate below a root of its own, and its key.
 * @module
 */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { makeCa, type TestCa } from "./certificates.ts";
import { type Files, pem } from "./submit-run.ts";

/** Keys that such a CA can have. */
export type ProbeKeyType = "p256" | "p384" | "rsa";

/** The files, and the root that a log must accept. */
export interface ProbeCaFiles {
  readonly root: TestCa;
  readonly caCertFile: string;
  readonly caKeyFile: string;
}

/** Makes a CA and writes its files. */
export async function writeProbeCa(
  files: Files,
  keyType: ProbeKeyType = "p256",
  root: TestCa = makeCa(),
): Promise<ProbeCaFiles> {
  const { publicKey, privateKey } = generate(keyType);
  const spki = publicKey.export({ type: "spki", format: "der" });
  const der = root.issue({ ca: true, spki, subject: "Probe CA" });
  const caCertFile = await files.write(pem(der, root.der));
  const type = keyType === "rsa" ? "pkcs1" : "sec1";
  const caKeyFile = await files.write(privateKey.export({ type, format: "pem" }));
  return { root, caCertFile, caKeyFile };
}

function generate(keyType: ProbeKeyType): { publicKey: KeyObject; privateKey: KeyObject } {
  if (keyType === "rsa") return generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const namedCurve = keyType === "p256" ? "P-256" : "P-384";
  return generateKeyPairSync("ec", { namedCurve });
}
