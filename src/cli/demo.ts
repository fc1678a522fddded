/**
 * `stratus demo`: the tour for someone who has never seen a Certificate Transparency log.
 * Makes a CA, starts a throw-away log, and follows one certificate through both of the log's
 * APIs. Exit code 0 only if every check holds; leaves nothing behind.
 * @module
 */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf } from "../base/errors.ts";
import { openBrowserKey } from "../checkpoint/browser-key.ts";
import { CheckError } from "../client/check.ts";
import type { LogSource } from "../client/source.ts";
import { SourceError } from "../client/transport.ts";
import { verifySubmission } from "../client/verify-submission.ts";
import type { Config } from "../config/config.ts";
import { parseConfig } from "../config/parse.ts";
import { formatBase64 } from "../encoding/base64.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { verifyConsistency } from "../merkle/verify.ts";
import { decodeExtraData, decodeMerkleTreeLeaf, type SignedEntry } from "../rfc6962/entry.ts";
import type { Sct } from "../rfc6962/sct.ts";
import type { SignedTreeHead } from "../rfc6962/tree-head.ts";
import { embeddedScts, entryOfChain, entryOfEmbedded } from "../sct/entry.ts";
import { sha256 } from "../signer/sha256.ts";
import { type DemoCa, makeDemoCa } from "./demo-ca.ts";
import { type CommandIo, EXIT } from "./io.ts";
import { type LogConnection, openLog } from "./log-connection.ts";
import type { Order } from "./order.ts";
import { submitAndVerify } from "./submit.ts";

/** A log that was started for the demo. */
export interface RunningLog {
  /** `http://127.0.0.1:<port>`, without trailing slash: the shards are below it. */
  readonly listenUrl: string;
  stop(): Promise<void>;
}

/** Creates the shards of `config`, starts them, and resolves once they serve. */
export type StartLog = (config: Config) => Promise<RunningLog>;

/** Name of the demo's only shard. */
export const DEMO_SHARD = "demo";

const DNS_NAME = "www.example.com";

/** Runs the tour. @returns The exit code. */
export async function demo(startLog: StartLog, io: CommandIo): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "stratus-demo-"));
  try {
    const tour = new Tour(io);
    tour.step(
      "Make a certificate authority (CA)",
      "A root and an intermediate with fresh keys, for this run only. A real CA keeps its own for years.",
    );
    const ca = await makeDemoCa(Date.now());
    tour.say("Made: Demo Root, and Demo Intermediate below it.");
    tour.step(
      "Start a log",
      "It accepts certificates that chain to this root, keeps them in an append-only Merkle tree, and signs what it says. It runs on a free port over a temporary folder.",
    );
    const log = await startLog(await writeDemoConfig(folder, ca.root));
    try {
      await takeTour(tour, ca, `${log.listenUrl}/${DEMO_SHARD}`);
    } finally {
      await log.stop();
    }
    io.out("");
    io.out("Every check held. The log was stopped and its folder removed.");
    return EXIT.ok;
  } catch (thrown) {
    return reportFailure(thrown, io);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Numbers the steps. */
class Tour {
  readonly io: CommandIo;
  #count = 0;

  constructor(io: CommandIo) {
    this.io = io;
  }

  step(title: string, explanation: string): void {
    this.#count += 1;
    if (this.#count > 1) this.io.out("");
    this.io.out(`${this.#count}. ${title}`);
    for (const [line] of explanation.matchAll(/\S.{0,75}(?=\s|$)/g)) this.say(line);
    this.io.out("");
  }

  say(line: string): void {
    this.io.out(`   ${line}`);
  }

  /** For what other commands print: one step further to the right. */
  get inner(): CommandIo {
    return { out: (line) => this.say(line), err: this.io.err };
  }
}

async function takeTour(tour: Tour, ca: DemoCa, url: string): Promise<void> {
  const connection = await openLog({ url, key: undefined, timeoutMs: undefined });
  tour.say(`It listens at ${url}`);
  tour.say(`Its log ID, the SHA-256 of its public key, is ${formatBase64(connection.key.logId)}`);
  const order = await ca.order(DNS_NAME);
  const sct = await submitPrecertificate(tour, ca, order, connection);
  const firstHead = await connection.rfc6962.head();
  const certificate = await order.issue([sct]);
  await submitCertificate(tour, ca, certificate, connection);
  await readBack(tour, order.precertificate, certificate, connection);
  await verifyEmbedded(tour, ca, certificate, connection);
  await verifyGrowth(tour, firstHead, connection);
}

async function submitPrecertificate(
  tour: Tour,
  ca: DemoCa,
  order: Order,
  connection: LogConnection,
): Promise<Sct> {
  tour.step(
    `Submit a precertificate for ${DNS_NAME}`,
    "Before a CA issues, it shows the log what it is about to issue: the same certificate with a poison extension that no browser accepts. The log answers with a signed certificate timestamp (SCT): the promise, here already kept, that the entry is public.",
  );
  const chain = [order.precertificate, ca.intermediate, ca.root];
  return await submitAndVerify(connection, { endpoint: "add-pre-chain", chain }, tour.inner);
}

async function submitCertificate(
  tour: Tour,
  ca: DemoCa,
  certificate: Uint8Array,
  connection: LogConnection,
): Promise<void> {
  tour.step(
    "Issue the certificate, with the SCT embedded, and submit it too",
    "Browsers look for SCTs in the certificate itself. Anyone who meets it may log it as well.",
  );
  const chain = [certificate, ca.intermediate];
  const sct = await connection.rfc6962.submit("add-chain", chain);
  tour.say("The log answered add-chain with an SCT of its own.");
  await verifyCounting(tour, connection, sct, entryOfChain(sha256, chain), chain);
}

/** As `submit` does, but says only how many checks held. @returns The leaf index. */
async function verifyCounting(
  tour: Tour,
  connection: LogConnection,
  sct: Sct,
  entry: SignedEntry,
  chain: readonly Uint8Array[],
): Promise<number> {
  let heldCount = 0;
  const { leafIndex } = await verifySubmission({
    ...connection,
    entry,
    entryOfChain: (logged) => entryOfChain(sha256, logged),
    chain,
    sct,
    sha256,
    nowMs: Date.now,
    onHeld: () => {
      heldCount += 1;
    },
  });
  tour.say(`ok  the same ${heldCount} checks hold for it: it is entry ${leafIndex}`);
  return leafIndex;
}

/** Both entries, through both APIs, are what was submitted. */
async function readBack(
  tour: Tour,
  precertificate: Uint8Array,
  certificate: Uint8Array,
  connection: LogConnection,
): Promise<void> {
  tour.step(
    "Read both entries back, through both APIs",
    "Monitors read whole logs and tell the owners of names what was issued for them. The log serves one tree in two ways: RFC 6962 (get-entries) and static files (tiles).",
  );
  const pages = [];
  for (const source of [connection.rfc6962, connection.staticCt]) {
    const entries = await readTwo(source);
    const [first, second] = entries.map(({ leafInput, extraData }) => {
      const { entry } = decodeMerkleTreeLeaf(leafInput);
      return entry.type === "x509"
        ? entry.certificate
        : decodeExtraData(entry.type, extraData).precertificate;
    });
    if (!isSame(first, precertificate) || !isSame(second, certificate)) {
      throw new CheckError("entry", `${source.api} does not show what was submitted`);
    }
    tour.say(`ok  ${source.api}: entry 0 is the precertificate, entry 1 the certificate`);
    pages.push(entries);
  }
  const [one, other] = pages;
  const areEqual = one?.every((entry, index) => {
    const twin = other?.[index];
    return isSame(twin?.leafInput, entry.leafInput) && isSame(twin?.extraData, entry.extraData);
  });
  if (!areEqual) throw new CheckError("entry", "the two APIs show different entries");
  tour.say("ok  both APIs show the same bytes, chains included");
}

/** Entries 0 and 1, in as many pages as the log needs. */
async function readTwo(source: LogSource): ReturnType<LogSource["entries"]> {
  const entries = [...(await source.entries(0, 2))];
  if (entries.length < 2) entries.push(...(await source.entries(1, 2)));
  return entries;
}

/** The SCT in the certificate proves the precertificate's entry. */
async function verifyEmbedded(
  tour: Tour,
  ca: DemoCa,
  certificate: Uint8Array,
  connection: LogConnection,
): Promise<void> {
  tour.step(
    "Verify the certificate as a browser's auditor would",
    "From the certificate alone: take the SCT out, rebuild what the log signed, and have both APIs prove that it stands in the tree. Signatures are checked by the code that a browser would run, not by the code that made them.",
  );
  const [sct] = embeddedScts(certificate);
  if (sct === undefined) throw new CheckError("SCT signature", "the certificate embeds no SCT");
  const entry = entryOfEmbedded(sha256, certificate, ca.intermediate);
  const chain = [certificate, ca.intermediate];
  const browser = { ...connection, key: openBrowserKey(sha256, connection.key.publicKey) };
  const leafIndex = await verifyCounting(tour, browser, sct, entry, chain);
  if (leafIndex !== 0) throw new CheckError("leaf index", `expected entry 0, got ${leafIndex}`);
  tour.say("ok  the embedded SCT leads to entry 0, the precertificate");
}

/** The tree only grew. */
async function verifyGrowth(
  tour: Tour,
  first: SignedTreeHead,
  connection: LogConnection,
): Promise<void> {
  tour.step(
    "Check that the log only appended",
    "A consistency proof shows that the earlier tree is a prefix of the present one: nothing was changed or removed.",
  );
  for (const source of [connection.rfc6962, connection.staticCt]) {
    const second = await source.head();
    const proof = await source.consistency(first.treeSize, second.treeSize);
    try {
      verifyConsistency(sha256, {
        firstSize: first.treeSize,
        firstRoot: first.rootHash,
        secondSize: second.treeSize,
        secondRoot: second.rootHash,
        proof,
      });
    } catch (cause) {
      throw new CheckError("heads agree", `${source.api}: ${messageOf(cause)}`, { cause });
    }
    const sizes = `size ${first.treeSize} is a prefix of that of size ${second.treeSize}`;
    tour.say(`ok  ${source.api}: the tree of ${sizes}`);
  }
}

/**
 * The configuration of a log with one shard, this year's and the next's, on ports that the
 * system chooses. Writes the root beside it.
 * @param folder Absolute path of an empty folder: data and guard will be in it too.
 * @param root The only accepted root, DER.
 */
export async function writeDemoConfig(folder: string, root: Uint8Array): Promise<Config> {
  const body = formatBase64(root).replaceAll(/.{64}/g, "$&\n");
  const pem = `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`;
  await writeFile(join(folder, "roots.pem"), pem);
  const nowMs = Date.now();
  const year = new Date(nowMs).getUTCFullYear();
  // The ports are not known yet, and the origin line needs none that can be reached.
  const text = [
    "listen: 127.0.0.1:0",
    "operations: 127.0.0.1:0",
    "publicUrl: http://log.example",
    "development: true",
    "logLevel: error",
    "frontends: 0",
    "roots: [./roots.pem]",
    "shards:",
    `  - name: ${DEMO_SHARD}`,
    `    notAfterStart: ${year}-01-01T00:00:00Z`,
    `    notAfterLimit: ${year + 2}-01-01T00:00:00Z`,
    "",
  ].join("\n");
  const path = join(folder, "demo.yaml");
  return parseConfig(text, { path, cwd: folder, nowMs, shardFolders: [], overrides: {} });
}

function isSame(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && equalBytes(a, b);
}

function reportFailure(thrown: unknown, io: CommandIo): number {
  if (thrown instanceof CheckError) io.err(`FAILED check "${thrown.check}": ${thrown.message}`);
  else if (thrown instanceof SourceError) io.err(`FAILED: ${thrown.message}`);
  else io.err(`FAILED: the log did not start or stop: ${messageOf(thrown)}`);
  return EXIT.failed;
}
