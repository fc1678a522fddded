/**
 * Which submissions give way.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { priorityOf } from "../../src/policy/priority.ts";
import { parseCertificate } from "../../src/x509/certificate.ts";
import { makeCa, SCT_LIST_OID } from "../support/certificates.ts";
import { extension, octetString } from "../support/der-builder.ts";

const ca = makeCa();
const NOW = Date.UTC(2026, 5, 1);
const HOUR = 3_600_000;

test("priorityOf() is low for an old certificate or one with SCTs, else normal", () => {
  const fresh = { notBefore: new Date(NOW - HOUR) };
  const scts = extension(SCT_LIST_OID, octetString());
  const of = (der: Uint8Array): string => priorityOf(parseCertificate(der), NOW, HOUR);
  assert.equal(of(ca.issue(fresh)), "normal");
  assert.equal(of(ca.issue({ notBefore: new Date(NOW - HOUR - 1000) })), "low");
  assert.equal(of(ca.issue({ notBefore: new Date(NOW + HOUR) })), "normal");
  assert.equal(of(ca.issue({ ...fresh, extensions: [scts] })), "low");
});
