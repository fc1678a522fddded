/**
 * Which submissions give way first when a log is full.
 * @module
 */
import type { Certificate } from "../x509/certificate.ts";
import { hasSctList } from "../x509/precert.ts";

/** `low` gives way before `normal`. */
export type Priority = "low" | "normal";

/**
 * `low` for a certificate that carries SCTs already, or that began to be valid more than
 * `ageMsMax` milliseconds before `nowMs`: nobody waits for its SCT.
 */
export function priorityOf(leaf: Certificate, nowMs: number, ageMsMax: number): Priority {
  return hasSctList(leaf) || nowMs - leaf.notBeforeMs > ageMsMax ? "low" : "normal";
}
