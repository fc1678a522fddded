import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { closesAtMs } from "../../src/base/shard-life.ts";
import { parseCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { hashLeaf } from "../../src/merkle/hash.ts";
import { verifyInclusion } from "../../src/merkle/verify.ts";
import {
  decodeExtraData,
  decodeMerkleTreeLeaf,
  encodeMerkleTreeLeaf,
} from "../../src/rfc6962/entry.ts";
import type { Sct } from "../../src/rfc6962/sct.ts";
import { encodeTreeHeadToSign } from "../../src/rfc6962/tree-head.ts";
import { decodeLeafIndexExtension } from "../../src/static-ct/extensions.ts";
import { decodeDataTile } from "../../src/static-ct/tile-leaf.ts";
import { openMemoryStore } from "../../src/storage/memory.ts";
import { chainOf } from "../support/certificates.ts";
import { ENGINE_KEY, intercept, MemoryGuard } from "../support/engine.ts";
import { SHARD_ROOT, ShardMachine } from "../support/log-shard.ts";
import { sha256 } from "../support/sha256.ts";

const CA = SHARD_ROOT.intermediate();
const LEAF = CA.issue();
const CHAIN = chainOf(LEAF, CA);
const PRECERT = { serial: 77_000, notAfter: new Date("2026-06-01T00:00:00Z") };
const PRECHAIN = chainOf(CA.issue({ ...PRECERT, precert: true }), CA);

describe("Shard.submit()", () => {
  test("of a certificate: an SCT over the leaf that every read shows", async () => {
    const machine = new ShardMachine();
    const shard = await machine.open();
    await machine.submit(shard, "add-chain", chainOf(CA.issue(), CA));
    const sct = await machine.submit(shard, "add-chain", CHAIN);
    assert.deepEqual(sct.logId, ENGINE_KEY.logId);
    const index = decodeLeafIndexExtension(sct.extensions);
    assert.equal(index, 1);
    const leaf = encodeMerkleTreeLeaf({ ...sct, entry: { type: "x509", certificate: LEAF } });
    ENGINE_KEY.verify(leaf, sct.signature);
    const leafHash = hashLeaf(sha256, leaf);
    const { treeSize, rootHash } = shard.head();
    const { leafIndex, path } = await shard.proveByHash(leafHash, treeSize);
    assert.equal(leafIndex, index);
    verifyInclusion(sha256, { leafIndex, treeSize, leafHash, path }, rootHash);
    const found = await shard.entryAndProof(1, treeSize);
    assert.deepEqual(found.leafInput, leaf);
    assert.deepEqual(found.path, path);
    const { chain } = decodeExtraData("x509", found.extraData);
    assert.deepEqual(
      chain.map((der) => new Uint8Array(der)),
      CHAIN.slice(1).map((der) => new Uint8Array(der)),
    );
    const tile = await shard.readTile(0, 0, 2);
    assert.deepEqual(new Uint8Array(tile!.subarray(32)), leafHash);
    const data = decodeDataTile((await shard.readDataTile(0, 2))!);
    assert.equal(data.length, 2);
    for (const [position, fingerprint] of data[1]!.chainFingerprints.entries()) {
      assert.deepEqual(
        Buffer.from((await shard.readIssuer(fingerprint))!),
        Buffer.from(CHAIN[position + 1]!),
      );
    }
  });

  test("of a precertificate: the TBS without poison, the issuer's key, the precertificate kept", async () => {
    const machine = new ShardMachine();
    const shard = await machine.open();
    const sct = await machine.submit(shard, "add-pre-chain", PRECHAIN);
    const [entry] = await shard.readEntries(0, 1);
    const leaf = decodeMerkleTreeLeaf(entry!.leafInput);
    assert.ok(leaf.entry.type === "precert");
    assert.deepEqual(Buffer.from(leaf.entry.tbs), CA.tbs(PRECERT));
    assert.deepEqual(new Uint8Array(leaf.entry.issuerKeyHash), sha256(CA.spki));
    assert.equal(leaf.timestampMs, sct.timestampMs);
    const { precertificate } = decodeExtraData("precert", entry!.extraData);
    assert.deepEqual(Buffer.from(precertificate!), Buffer.from(PRECHAIN[0]!));
    ENGINE_KEY.verify(entry!.leafInput, sct.signature);
  });

  test("again, also by another path and after a restart, gets the one entry", async () => {
    const machine = new ShardMachine();
    let shard = await machine.open();
    const places: unknown[] = [];
    const add = (sct: Sct): unknown =>
      places.push([decodeLeafIndexExtension(sct.extensions), sct.timestampMs]);
    add(await machine.submit(shard, "add-chain", CHAIN));
    add(await machine.submit(shard, "add-chain", CHAIN));
    add(await machine.submit(shard, "add-chain", CHAIN.slice(0, 2)));
    machine.disk.crash();
    shard = await machine.open();
    add(await machine.submit(shard, "add-chain", CHAIN));
    assert.deepEqual(places, Array(4).fill(places[0]));
    assert.equal(shard.publishedSize(), 1);
    const answered = machine.events.filter(({ type }) => type === "submission-answered");
    assert.deepEqual(
      answered.map((event) => "isDuplicate" in event && event.isDuplicate),
      [false, true, true, true],
    );
  });

  test("not answered by its deadline is UNAVAILABLE_DEADLINE; the retry gets the one entry", async () => {
    const machine = new ShardMachine();
    let release = (): void => {};
    let isSlow = true;
    const store = intercept(openMemoryStore(machine.disk), async (method, call, args) => {
      const [commit] = args as [{ entries?: unknown[] }];
      if (method === "commit" && commit.entries?.length === 1 && isSlow) {
        await new Promise<void>((resolve) => {
          release = resolve;
        });
      }
      return call();
    });
    const shard = await machine.open({ store });
    const slow = shard.submit("add-chain", CHAIN);
    slow.catch(() => {});
    await machine.clock.advance(4_999);
    isSlow = false;
    await machine.clock.advance(1);
    await assert.rejects(slow, { code: "UNAVAILABLE_DEADLINE", retryAfterMs: 1_000 });
    const retry = shard.submit("add-chain", CHAIN);
    release();
    await machine.clock.advance(200);
    assert.equal(decodeLeafIndexExtension((await retry).extensions), 0);
    assert.equal(shard.publishedSize(), 1);
    const refused = machine.events.find(({ type }) => type === "submission-refused");
    assert.ok(refused?.type === "submission-refused" && refused.code === "UNAVAILABLE_DEADLINE");
  });

  test("of a chain that policy refuses leaves no trace but its event", async () => {
    const machine = new ShardMachine();
    const shard = await machine.open();
    const cases = [
      ["add-pre-chain", CHAIN, "REJECTED_TYPE_MISMATCH"],
      ["add-chain", PRECHAIN, "REJECTED_TYPE_MISMATCH"],
      ["add-chain", [], "MALFORMED_BODY"],
      ["add-chain", [LEAF.slice(0, 50)], "MALFORMED_CERTIFICATE"],
    ] as const;
    for (const [endpoint, chain, code] of cases) {
      await assert.rejects(machine.submit(shard, endpoint, chain), { code });
    }
    assert.equal(shard.publishedSize(), 0);
    const refused = machine.events.filter(({ type }) => type === "submission-refused");
    assert.deepEqual(
      refused.map((event) => "code" in event && event.code),
      cases.map(([, , code]) => code),
    );
  });
});

describe("Shard.head() and checkpoint()", () => {
  test("are one signature, renewed together", async () => {
    const machine = new ShardMachine();
    const shard = await machine.open();
    const texts = new Set<string>();
    for (let turn = 0; turn < 3; turn += 1) {
      await machine.clock.advance(10_000);
      const head = shard.head();
      ENGINE_KEY.verify(encodeTreeHeadToSign(head), head.signature);
      const { origin, ...shown } = parseCheckpoint(sha256, shard.checkpoint(), shard.identity);
      assert.deepEqual(shown, { ...head });
      texts.add(shard.checkpoint());
    }
    assert.equal(texts.size, 3);
  });

  test("before the first head are UNAVAILABLE_NO_HEAD", async () => {
    const machine = new ShardMachine();
    const store = intercept(openMemoryStore(machine.disk), (method, call) =>
      method === "load" ? new Promise(() => {}) : call(),
    );
    const shard = await machine.open({ store });
    assert.throws(() => shard.head(), { code: "UNAVAILABLE_NO_HEAD" });
    assert.throws(() => shard.checkpoint(), { code: "UNAVAILABLE_NO_HEAD" });
    assert.equal(shard.refusalOf("add-chain")?.code, "UNAVAILABLE_SHARD_NOT_READY");
    assert.equal(shard.publishedSize(), 0);
    assert.equal(shard.status().isReady, false);
  });

  test("of a shard without guard are 503; what is proven stays readable", async () => {
    const machine = new ShardMachine();
    const first = await machine.open();
    await machine.submit(first, "add-chain", CHAIN);
    machine.disk.crash();
    machine.guard.last = new MemoryGuard().last;
    const shard = await machine.open();
    assert.equal(shard.status().state, "read-only");
    assert.match(shard.status().reason, /FATAL_GUARD_MISSING/);
    assert.throws(() => shard.head(), { code: "UNAVAILABLE_SHARD_NOT_READY" });
    assert.throws(() => shard.checkpoint(), { code: "UNAVAILABLE_SHARD_NOT_READY" });
    assert.equal(shard.refusalOf("add-chain")?.code, "UNAVAILABLE_SHARD_NOT_READY");
    await assert.rejects(machine.submit(shard, "add-chain", CHAIN), {
      code: "UNAVAILABLE_SHARD_NOT_READY",
    });
    assert.equal(shard.publishedSize(), 1);
    assert.equal((await shard.readEntries(0, 1)).length, 1);
    assert.equal((await shard.readTile(0, 0, 1))?.length, 32);
  });
});

describe("Shard.status()", () => {
  test("is ready with a fresh head, and not once it is too old", async () => {
    const machine = new ShardMachine();
    let isStuck = false;
    const store = intercept(openMemoryStore(machine.disk), (method, call) =>
      method === "commit" && isStuck ? new Promise(() => {}) : call(),
    );
    const shard = await machine.open({ store });
    const { guardHead, ...status } = shard.status();
    assert.equal(guardHead?.timestampMs, machine.clock.nowMs());
    assert.deepEqual(status, {
      state: "open",
      phase: "open",
      isReady: true,
      reason: "",
      headAgeMs: 0,
      poolEntryCount: 0,
      poolBytes: 0,
      damage: undefined,
    });
    isStuck = true;
    await machine.clock.advance(31_000);
    assert.equal(shard.status().isReady, true);
    await machine.clock.advance(1);
    assert.equal(shard.status().isReady, false);
    assert.match(shard.status().reason, /31001 ms old/);
  });

  test("of a shard past its end: closed and ready, add-* refused, the head still renewed", async () => {
    const machine = new ShardMachine();
    machine.clock.wallMs = closesAtMs(machine.disk.identity) - 1_000;
    const shard = await machine.open();
    assert.equal(shard.refusalOf("add-chain"), undefined);
    assert.equal(shard.status().phase, "closing");
    await machine.clock.advance(999);
    assert.equal(shard.refusalOf("add-chain"), undefined);
    await machine.clock.advance(1);
    assert.equal(shard.refusalOf("add-chain")?.code, "REJECTED_SHARD_CLOSED");
    await assert.rejects(machine.submit(shard, "add-chain", CHAIN), {
      code: "REJECTED_SHARD_CLOSED",
    });
    assert.equal(shard.status().phase, "read-only");
    const { timestampMs } = shard.head();
    assert.equal(timestampMs, closesAtMs(machine.disk.identity));
    await machine.clock.advance(11_000);
    assert.ok(shard.head().timestampMs > timestampMs);
    assert.equal(shard.status().isReady, true);
  });

  test("planned until it opens, with a head; after its retirement ready with one head", async () => {
    const machine = new ShardMachine();
    const nowMs = machine.clock.wallMs;
    const dates = { opensAtMs: nowMs + 60_000, closesAtMs: nowMs + 90_000 };
    const shard = await machine.open({ dates: { ...dates, retiresAtMs: nowMs + 120_000 } });
    assert.equal(shard.status().phase, "planned");
    assert.equal(shard.head().treeSize, 0);
    const code = "REJECTED_SHARD_PLANNED";
    assert.equal(shard.refusalOf("add-chain")?.code, code);
    await assert.rejects(shard.submit("add-chain", CHAIN), { code });
    await machine.clock.advance(60_000);
    assert.equal(shard.status().phase, "closing");
    await machine.submit(shard, "add-chain", CHAIN);
    await machine.clock.advance(60_000);
    assert.equal(shard.status().phase, "retired");
    const last = shard.head();
    assert.equal(last.timestampMs, nowMs + 120_000);
    assert.equal(last.treeSize, 1);
    await machine.clock.advance(3 * 86_400_000);
    assert.equal(shard.head(), last);
    assert.equal(shard.status().isReady, true);
    assert.equal(shard.refusalOf("add-chain")?.code, "REJECTED_SHARD_CLOSED");
    await shard.stop();
    const again = await machine.open({ dates: { ...dates, retiresAtMs: nowMs + 120_000 } });
    await machine.clock.advance(60_000);
    assert.deepEqual(again.head(), last);
    assert.equal(again.status().isReady, true);
  });

  test("stop() answers what waits and closes store and signer", async () => {
    const machine = new ShardMachine();
    const shard = await machine.open();
    await machine.submit(shard, "add-chain", CHAIN);
    const waiting = shard.submit("add-pre-chain", PRECHAIN);
    const stopped = shard.stop();
    await machine.clock.advance(200);
    await stopped;
    assert.equal(decodeLeafIndexExtension((await waiting).extensions), 1);
    assert.equal(machine.disk.holder, undefined);
    assert.equal(shard.status().isReady, false);
  });
});
