/**
 * Fuzz targets of the whole way in: chains through `admit`, with signatures and without (so
 * that mutations get past them), and through a shard with its sequencer, store and signer.
 * @module
 */
import assert from "node:assert/strict";
import { MalformedError, RejectedError, UnavailableError } from "../../src/base/errors.ts";
import { Judge } from "../../src/log/judge.ts";
import { Shard } from "../../src/log/shard.ts";
import { type Admitted, admit } from "../../src/policy/admission.ts";
import {
  decodeMerkleTreeLeaf,
  encodeExtraData,
  encodeMerkleTreeLeaf,
} from "../../src/rfc6962/entry.ts";
import { GuardedSigner } from "../../src/signer/guard.ts";
import { decodeLeafIndexExtension } from "../../src/static-ct/extensions.ts";
import { MemoryDisk, openMemoryStore } from "../../src/storage/memory.ts";
import type { LogEvent } from "../../src/telemetry/observer.ts";
import { parseCertificate } from "../../src/x509/certificate.ts";
import type { ChainRules } from "../../src/x509/chain.ts";
import { poisonOf } from "../../src/x509/precert.ts";
import { RootSet } from "../../src/x509/roots.ts";
import { makeRules, OPEN_POLICY } from "../support/admission.ts";
import { TEST_IDENTITY } from "../support/commits.ts";
import { ENGINE_KEY, MemoryGuard } from "../support/engine.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { sha256 } from "../support/sha256.ts";
import type { FuzzTarget } from "./fuzz.ts";
import { CHAINS, decodeChain, encodeChain, mutateChain, ROOTS } from "./samples.ts";
import { wrapTbs } from "./x509.fuzz.ts";

/** What is logged has one reading, and is what was sent. */
function checkAdmitted(chain: readonly Uint8Array[], admitted: Admitted): void {
  const { entry, precertificate } = admitted;
  const leaf = parseCertificate(chain[0] ?? new Uint8Array());
  const merkleLeaf = { timestampMs: 5, entry, extensions: new Uint8Array() };
  assert.deepEqual(decodeMerkleTreeLeaf(encodeMerkleTreeLeaf(merkleLeaf)), merkleLeaf);
  const ders = admitted.chain.map(({ der }) => der);
  encodeExtraData(precertificate, ders);
  for (const { der, fingerprint } of admitted.chain) assert.deepEqual(sha256(der), fingerprint);
  if (entry.type === "x509") {
    assert.deepEqual(entry.certificate, leaf.der);
    return;
  }
  assert.deepEqual(precertificate, leaf.der);
  const final = parseCertificate(wrapTbs(entry.tbs, leaf));
  assert.equal(poisonOf(final).count, 0);
  for (const field of ["subject", "serial", "spki", "notBeforeMs", "notAfterMs"] as const) {
    assert.deepEqual(final[field], leaf[field], field);
  }
}

function admitTarget(name: string, rules: ChainRules): FuzzTarget {
  return {
    name,
    samples: CHAINS.map(encodeChain),
    mutate: mutateChain,
    refusals: [MalformedError, RejectedError],
    run: (input) => {
      const { endpoint, chain } = decodeChain(input);
      const options = { endpoint, rules, policy: OPEN_POLICY, otherShards: [] };
      checkAdmitted(chain, admit(chain, options));
    },
  };
}

/** Submissions that one shard takes before the next begins: its store holds all of them. */
const SHARD_INPUTS = 400;

/** A shard over memory that survives whatever is sent to it. */
class FuzzedShard {
  readonly #clock = new ManualClock();
  readonly #shard: Shard;
  readonly #fatal: LogEvent[] = [];
  inputCount = 0;

  constructor() {
    const disk = new MemoryDisk({
      ...TEST_IDENTITY,
      logId: ENGINE_KEY.logId,
      notAfterStartMs: 0,
      notAfterLimitMs: Date.UTC(2100, 0),
    });
    const observer = (event: LogEvent): void => {
      if (event.type === "shard-fatal") this.#fatal.push(event);
    };
    this.#shard = new Shard({
      identity: disk.identity,
      store: openMemoryStore(disk),
      signer: new GuardedSigner({ key: ENGINE_KEY, folder: new MemoryGuard(), sha256 }),
      judge: new Judge({
        lowPriorityAfterMs: 86_400_000,
        roots: new RootSet(ROOTS, sha256),
        policy: OPEN_POLICY,
        otherShards: [],
        verifySignature: () => {},
        sha256,
        clock: this.#clock,
      }),
      clock: this.#clock,
      sha256,
      observer,
      batch: { entriesMax: 100, bytesMax: 1_000_000, intervalMs: 100, idleRefreshMs: 10_000 },
      pool: { entriesMax: 100, bytesMax: 1_000_000 },
      answerWithinMs: 5_000,
      clockSteadyMs: undefined,
    });
  }

  async start(): Promise<void> {
    void this.#shard.start();
    await this.#clock.advance(10);
    assert.equal(this.#shard.status().state, "open");
  }

  /** Sends a chain as both frontends and clients do, and checks the SCT against the log. */
  async submit(input: Uint8Array): Promise<void> {
    this.inputCount += 1;
    const { endpoint, chain } = decodeChain(input);
    let isSettled = false;
    const answer = this.#shard.submit(endpoint, chain).finally(() => {
      isSettled = true;
    });
    answer.catch(() => undefined);
    for (let turn = 0; turn < 4; turn += 1) await undefined;
    while (!isSettled) await this.#clock.advance(100);
    try {
      const sct = await answer;
      const leafIndex = decodeLeafIndexExtension(sct.extensions);
      const [entry] = await this.#shard.readEntries(leafIndex, leafIndex + 1);
      assert.ok(entry !== undefined, "an SCT's entry is published");
      const leaf = decodeMerkleTreeLeaf(entry.leafInput);
      assert.equal(leaf.timestampMs, sct.timestampMs);
      ENGINE_KEY.verify(entry.leafInput, sct.signature);
    } finally {
      assert.deepEqual(this.#fatal, [], "nothing that is sent stops a shard");
      assert.equal(this.#shard.status().state, "open");
    }
  }
}

let shard: FuzzedShard | undefined;

async function addChain(input: Uint8Array): Promise<void> {
  if (shard === undefined || shard.inputCount >= SHARD_INPUTS) {
    shard = new FuzzedShard();
    await shard.start();
  }
  await shard.submit(input);
}

/** From one chain to the log. */
export const TARGETS: readonly FuzzTarget[] = [
  admitTarget("policy/admit", makeRules(ROOTS)),
  admitTarget("policy/admit-unsigned", { ...makeRules(ROOTS), verifySignature: () => {} }),
  {
    name: "log/add-chain",
    samples: CHAINS.map(encodeChain),
    mutate: mutateChain,
    refusals: [MalformedError, RejectedError, UnavailableError],
    run: addChain,
  },
];
