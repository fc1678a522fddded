/**
 * Worker thread that signs precertificates for `submissions.ts`.
 * @module
 */
import { parentPort, workerData } from "node:worker_threads";
import { deriveAuthority, PrecertificateTemplate } from "./certificates.ts";
import { SIGNATURE_SLOT_BYTES, type SignTask } from "./submissions.ts";

const { kind, seed, start, end }: SignTask = workerData;
const authority = deriveAuthority(kind, seed);
const template = new PrecertificateTemplate(authority, seed);
const slots = new Uint8Array((end - start) * SIGNATURE_SLOT_BYTES);
for (let number = start; number < end; number += 1) {
  const signature = authority.issuerKey.sign(template.poisonedTbs(number));
  const offset = (number - start) * SIGNATURE_SLOT_BYTES;
  slots[offset] = Math.floor(signature.length / 256);
  slots[offset + 1] = signature.length % 256;
  slots.set(signature, offset + 2);
}
parentPort?.postMessage(slots, [slots.buffer]);
