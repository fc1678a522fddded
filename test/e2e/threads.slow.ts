/**
 * Frontend threads: what one connection was promised, every other one shows at once; heads
 * never go back over many connections; threads that die are replaced.
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Agent, request } from "node:http";
import { describe, test } from "node:test";
import { makeCa } from "../support/certificates.ts";
import { chainJson, leafIndexOf, type SctJson, startRunningLog } from "../support/running-log.ts";

/** Connections open at a time: enough that the system spreads them over both threads. */
const CONNECTIONS = 16;
const SUBMISSIONS = 160;

const root = makeCa();

/** One connection that stays open. */
class Connection implements Disposable {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #origin: string;
  /** Tree size and timestamp of the newest head that it saw. */
  newest: { readonly treeSize: number; readonly timestamp: number } = { treeSize: 0, timestamp: 0 };

  constructor(origin: string) {
    this.#origin = origin;
  }

  ask(path: string, body?: string): Promise<{ readonly status: number; readonly text: string }> {
    const method = body === undefined ? "GET" : "POST";
    return new Promise((resolve, reject) => {
      const outgoing = request(this.#origin + path, { agent: this.#agent, method }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
        response.on("error", reject);
      });
      outgoing.on("error", reject);
      outgoing.end(body);
    });
  }

  async head(shard: string): Promise<Connection["newest"]> {
    const { status, text } = await this.ask(`/${shard}/ct/v1/get-sth`);
    assert.equal(status, 200, text);
    const { tree_size: treeSize, timestamp } = JSON.parse(text);
    return { treeSize, timestamp };
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

function leafHashOf(certificate: Uint8Array, sct: SctJson): string {
  const head = Buffer.alloc(12);
  head.writeBigUInt64BE(BigInt(sct.timestamp), 2);
  const length = Buffer.from([0, 0, 0]);
  length.writeUIntBE(certificate.length, 0, 3);
  const extensions = Buffer.from(sct.extensions, "base64");
  const extensionsLength = Buffer.from([0, extensions.length]);
  const leaf = [head, length, certificate, extensionsLength, extensions];
  return createHash("sha256")
    .update(Buffer.concat([Buffer.of(0), ...leaf]))
    .digest("base64");
}

for (const frontends of [0, 2]) {
  describe(`a log with ${frontends} frontend threads`, () => {
    test("proves each SCT at once on every other connection, and no head goes back", async () => {
      const shards = [{ name: "one", roots: [root] }];
      await using log = await startRunningLog(shards, {}, undefined, frontends);
      await using stack = new AsyncDisposableStack();
      const connections = Array.from({ length: CONNECTIONS }, () =>
        stack.adopt(new Connection(log.origin), (connection) => connection[Symbol.dispose]()),
      );
      // Newest head that anyone has seen: nobody may be shown an older one from then on.
      let newest = { treeSize: 0, timestamp: 0 };
      const watch = async (connection: Connection): Promise<void> => {
        const before = newest;
        const head = await connection.head("one");
        assert.ok(head.treeSize >= before.treeSize && head.timestamp >= before.timestamp);
        if (head.timestamp > newest.timestamp) newest = head;
      };
      let sent = 0;
      const client = async (own: Connection, at: number): Promise<void> => {
        while (sent < SUBMISSIONS) {
          const other = connections[(at + 1 + (sent % (CONNECTIONS - 1))) % CONNECTIONS];
          sent += 1;
          const leaf = root.issue();
          const answer = await own.ask("/one/ct/v1/add-chain", chainJson([leaf]));
          assert.equal(answer.status, 200, answer.text);
          assert.ok(other !== undefined && other !== own);
          const sct: SctJson = JSON.parse(answer.text);
          const head = await other.head("one");
          const leafIndex = leafIndexOf(sct);
          assert.ok(head.treeSize > leafIndex, "published before its SCT left");
          const hash = encodeURIComponent(leafHashOf(leaf, sct));
          const query = `hash=${hash}&tree_size=${head.treeSize}`;
          const proof = await other.ask(`/one/ct/v1/get-proof-by-hash?${query}`);
          assert.equal(proof.status, 200, proof.text);
          assert.equal(JSON.parse(proof.text).leaf_index, leafIndex);
          const range = `start=${leafIndex}&end=${leafIndex}`;
          const entry = await other.ask(`/one/ct/v1/get-entries?${range}`);
          assert.equal(entry.status, 200, entry.text);
          await watch(own);
        }
      };
      await Promise.all(connections.map(client));
      assert.ok(newest.treeSize > 0);
    });

    test("gives one entry for twins on different connections, and its SCT again later", async () => {
      const shards = [{ name: "one", roots: [root] }];
      await using log = await startRunningLog(shards, {}, undefined, frontends);
      const issuer = root.intermediate({ subject: "twins" });
      for (let round = 0; round < 5; round += 1) {
        const chain = [issuer.issue(), issuer.der, root.der];
        const both = await Promise.all(
          Array.from({ length: 8 }, () => log.submit("one", "add-chain", chain, { fresh: true })),
        );
        const again = await log.submitted("one", "add-chain", chain);
        for (const { status, text } of both) {
          assert.equal(status, 200, text);
          const { timestamp, extensions } = JSON.parse(text);
          assert.deepEqual([timestamp, extensions], [again.timestamp, again.extensions]);
        }
      }
      assert.equal((await log.json("/one/ct/v1/get-sth", { fresh: true }))["tree_size"], 5);
      const stored = createHash("sha256").update(issuer.der).digest("hex");
      const shown = await log.call(`/one/issuer/${stored}`, { fresh: true });
      assert.equal(shown.status, 200);
    });
  });
}

test("a client's limit is the process's, whichever thread its connections reach", async () => {
  const shards = [{ name: "one", roots: [root] }];
  const burst = 60;
  await using log = await startRunningLog(shards, {}, undefined, 2, [
    `limits: { trustedProxies: [127.0.0.1], reads: { perSecond: 1, burst: ${burst} } }`,
  ]);
  const startMs = performance.now();
  const headers = { "x-forwarded-for": "192.0.2.1" };
  const replies = await Promise.all(
    Array.from({ length: 4 * burst }, () =>
      log.call("/one/ct/v1/get-sth", { fresh: true, headers }),
    ),
  );
  const regained = Math.ceil((performance.now() - startMs) / 1_000);
  const count = (status: number) => replies.filter((reply) => reply.status === status).length;
  assert.equal(count(200) + count(429), 4 * burst);
  assert.ok(count(200) >= burst && count(200) <= burst + regained, `${count(200)} were answered`);
  const other = { "x-forwarded-for": "192.0.3.1" };
  const reply = await log.call("/one/ct/v1/get-sth", { fresh: true, headers: other });
  assert.equal(reply.status, 200);
});

test("a thread's counts are in /metrics, beside the main thread's", async () => {
  const shards = [{ name: "one", roots: [root] }];
  await using log = await startRunningLog(shards, {}, undefined, 2);
  for (let count = 0; count < 12; count += 1) {
    const reply = await log.submit("one", "add-chain", [root.issue()], { fresh: true });
    assert.equal(reply.status, 200, reply.text);
  }
  const response = await fetch(`${log.operationsUrl}/metrics`);
  const text = await response.text();
  const labels = 'shard="one",endpoint="add-chain"';
  assert.match(
    text,
    new RegExp(`^stratus_submissions_total{${labels},outcome="accepted"} 12$`, "m"),
  );
  assert.match(text, new RegExp(`^stratus_http_requests_total{${labels},status="200"} 12$`, "m"));
  assert.match(text, new RegExp(`^stratus_submission_seconds_count{${labels}} 12$`, "m"));
  assert.match(text, /^stratus_tree_size{shard="one"} 12$/m);
  assert.match(text, /^process_cpu_seconds_total [0-9.]+$/m);
  assert.equal(text.match(/^# TYPE stratus_tree_size gauge$/gm)?.length, 1);
});

test("shards in threads are told apart", async () => {
  const other = makeCa();
  const shards = [
    { name: "one", roots: [root] },
    { name: "two", roots: [other] },
  ];
  await using log = await startRunningLog(shards, {}, undefined, 2);
  const sizes = async () =>
    Promise.all(
      shards.map(async ({ name }) => {
        const head = await log.json(`/${name}/ct/v1/get-sth`, { fresh: true });
        return head["tree_size"];
      }),
    );
  await Promise.all([
    ...Array.from({ length: 6 }, () =>
      log.submit("one", "add-chain", [root.issue()], { fresh: true }),
    ),
    ...Array.from({ length: 4 }, () =>
      log.submit("two", "add-chain", [other.issue()], { fresh: true }),
    ),
  ]);
  assert.deepEqual(await sizes(), [6, 4]);
  const wrong = await log.submit("two", "add-chain", [root.issue()]);
  assert.equal(wrong.status, 400);
  await log.restart();
  assert.deepEqual(await sizes(), [6, 4]);
});

test("a port that is taken is an error, though frontends share theirs", async () => {
  const shards = [{ name: "one", roots: [root] }];
  await using log = await startRunningLog(shards, {}, undefined, 2);
  const { startStratus } = await import("../../src/compose.ts");
  await using second = await startRunningLog(shards, {}, undefined, 2);
  const port = Number(new URL(log.origin).port);
  const config = { ...second.config, listen: { host: "127.0.0.1", port } };
  await second.stop();
  await assert.rejects(startStratus(config), { code: "EADDRINUSE" });
});
