import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { formatHex } from "../../src/encoding/hex.ts";
import { Judge } from "../../src/log/judge.ts";
import { dedupKeyOf } from "../../src/sequencer/message.ts";
import { RootSet } from "../../src/x509/roots.ts";
import { verifySignature } from "../../src/x509/verify.ts";
import { OPEN_POLICY } from "../support/admission.ts";
import { chainOf, makeCa, SCT_LIST_OID } from "../support/certificates.ts";
import { extension, octetString } from "../support/der-builder.ts";
import { makeJudge, SHARD_ROOT } from "../support/log-shard.ts";
import { CLOCK_START_MS, ManualClock } from "../support/manual-clock.ts";
import { sha256 } from "../support/sha256.ts";

const CA = SHARD_ROOT.intermediate();
const DAY_MS = 24 * 60 * 60 * 1000;

describe("Judge.judge()", () => {
  test("makes the message of a certificate and of a precertificate", () => {
    const judge = makeJudge(new ManualClock());
    const options = { serial: 5_001, notAfter: new Date("2026-06-01T00:00:00Z") };
    const leaf = CA.issue(options);
    const certificate = judge.judge("add-chain", chainOf(leaf, CA), 0);
    assert.deepEqual(certificate.entry, { type: "x509", certificate: leaf });
    assert.equal(certificate.precertificate, undefined);
    const precert = CA.issue({ ...options, precert: true });
    const submission = judge.judge("add-pre-chain", chainOf(precert, CA), 0);
    assert.ok(submission.entry.type === "precert");
    assert.deepEqual(Buffer.from(submission.entry.tbs), CA.tbs(options));
    assert.deepEqual(new Uint8Array(submission.entry.issuerKeyHash), sha256(CA.spki));
    assert.deepEqual(new Uint8Array(submission.precertificate!), precert);
    for (const { entry, dedupKey, issuers, chainFingerprints } of [certificate, submission]) {
      assert.deepEqual(dedupKey, dedupKeyOf(sha256, entry));
      const ders = [CA.der, SHARD_ROOT.der];
      assert.deepEqual(
        issuers.map(({ der }) => Buffer.from(der)),
        ders.map((der) => Buffer.from(der)),
      );
      assert.deepEqual(
        chainFingerprints,
        ders.map((der) => sha256(der)),
      );
    }
  });

  test("gives low priority to what is older than a day, or carries SCTs", () => {
    const judge = makeJudge(new ManualClock());
    const of = (options: object): string =>
      judge.judge("add-chain", chainOf(CA.issue(options), CA), 0).priority;
    assert.equal(of({ notBefore: new Date(CLOCK_START_MS - DAY_MS) }), "normal");
    assert.equal(of({ notBefore: new Date(CLOCK_START_MS - DAY_MS - 1_000) }), "low");
    const scts = extension(SCT_LIST_OID, octetString(Buffer.of(0, 0)));
    assert.equal(of({ notBefore: new Date(CLOCK_START_MS), extensions: [scts] }), "low");
  });

  test("after replaceRoots() goes by the new roots alone, and verifies again", () => {
    let verified = 0;
    const judge = new Judge({
      lowPriorityAfterMs: 86_400_000,
      roots: new RootSet([SHARD_ROOT.der], sha256),
      policy: OPEN_POLICY,
      otherShards: [],
      sha256,
      clock: new ManualClock(),
      verifySignature: (child, issuer) => {
        verified += 1;
        verifySignature(child, issuer);
      },
    });
    const submit = (): unknown => judge.judge("add-chain", chainOf(CA.issue(), CA), 0);
    submit();
    const first = verified;
    submit();
    assert.equal(verified, first + 1, "a usual submission costs one verification");
    const other = makeCa();
    judge.replaceRoots(new RootSet([other.der], sha256));
    assert.throws(submit, { code: "REJECTED_ISSUER_UNKNOWN" });
    judge.judge("add-chain", chainOf(other.issue(), other), 0);
    judge.replaceRoots(new RootSet([SHARD_ROOT.der], sha256));
    const before = verified;
    submit();
    assert.equal(verified, before + first, "what was verified before is verified again");
    assert.equal(judge.roots.count, 1);
  });

  test("refuses a chain with a blocked certificate, whichever it is", () => {
    const judge = makeJudge(new ManualClock());
    const leaf = CA.issue();
    const chain = chainOf(leaf, CA);
    judge.judge("add-chain", chain, 0);
    for (const [index, der] of chain.entries()) {
      judge.replaceRoots(new RootSet([SHARD_ROOT.der], sha256, [sha256(der)]));
      assert.throws(() => judge.judge("add-chain", chain, 0), {
        code: "REJECTED_ISSUER_BLOCKED",
        message: `certificate ${index} of the chain is blocked by the operator of this log: SHA-256 ${formatHex(sha256(der))}`,
      });
    }
    const isRootBlocked = judge.roots.count === 0;
    assert.ok(isRootBlocked, "a blocked root is not in get-roots");
    assert.throws(() => judge.judge("add-chain", chain.slice(0, -1), 0), {
      code: "REJECTED_ISSUER_UNKNOWN",
    });
    judge.replaceRoots(new RootSet([SHARD_ROOT.der], sha256, [new Uint8Array(32)]));
    judge.judge("add-chain", chain, 0);
  });
});
