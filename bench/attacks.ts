/**
 * The attacks of `abuse.ts`, each as what its driver is told.
 * @module
 */
import type { Attack } from "./abuse-driver.ts";
import { certificateAt, type Submissions } from "./submissions.ts";

/** What the attacks are made from. */
export interface AttackMaterial {
  /** Value of the Host header. */
  readonly host: string;
  /** Path of the shard, without trailing slash. */
  readonly path: string;
  readonly treeSize: number;
  /** Distinct precertificates that are not logged. */
  readonly submissions: Submissions;
  /** Position in `submissions` of one that may be logged, again and again. */
  readonly duplicateAt: number;
}

const CONNECTIONS = 50;
const PER_SECOND = 200;
const IDLE_CONNECTIONS = 500;
/** More than Node reads at once. */
const STORM_CONNECTIONS = 2_048;
const PAGE_ENTRIES = 1_024;
const LARGE_BYTES = 8 * 1024 * 1024;

/** Bytes of DER that nests as deep as a body can: 512,000 bytes of JSON. */
const DEEP_DER_BYTES = 380_000;

/** Every attack, by name. */
export function makeAttacks(material: AttackMaterial): ReadonlyMap<string, Attack> {
  const { host, path, treeSize, submissions, duplicateAt } = material;
  const post = `POST ${path}/ct/v1/add-pre-chain HTTP/1.1\r\nHost: ${host}\r\n`;
  const submit = (body: string) => `${post}Content-Length: ${body.length}\r\n\r\n${body}`;
  const get = (target: string) =>
    `GET ${path}/${target} HTTP/1.1\r\nHost: ${host}\r\nAccept-Encoding: gzip\r\n\r\n`;
  const flood = (requests: readonly string[], perSecond = PER_SECOND): Attack => ({
    type: "requests",
    requests,
    connections: CONNECTIONS,
    perSecond,
  });
  const trickle = (opening: string, piece: string, connections = CONNECTIONS): Attack => ({
    type: "trickle",
    opening,
    piece,
    connections,
  });
  const chainBody = (certificate: Uint8Array) => {
    const chain = [certificate, submissions.authority.intermediate];
    return JSON.stringify({ chain: chain.map((der) => Buffer.from(der).toString("base64")) });
  };
  const forged = Array.from({ length: submissions.count }, (_, at) => {
    const certificate = Uint8Array.from(certificateAt(submissions, at));
    const last = certificate.length - 1;
    certificate[last] = (certificate[last] ?? 0) ^ 1;
    return submit(chainBody(certificate));
  });
  const pages = Math.max(1, Math.floor(treeSize / PAGE_ENTRIES));
  const entries = Array.from({ length: pages }, (_, page) => {
    const start = page * PAGE_ENTRIES;
    return get(`ct/v1/get-entries?start=${start}&end=${start + PAGE_ENTRIES - 1}`);
  });
  const tiles = Array.from({ length: Math.max(1, Math.floor(treeSize / 256)) }, (_, tile) =>
    get(`tile/data/${String(tile).padStart(3, "0")}`),
  );
  const hashTiles = tiles.map((request) => request.replace("/data/", "/0/"));
  const duplicate = submit(chainBody(certificateAt(submissions, duplicateAt)));
  return new Map<string, Attack>([
    ["slow bodies", trickle(`${post}Content-Length: 400000\r\n\r\n{"chain":["`, "A".repeat(100))],
    ["slow headers", trickle(post, "X-Slow: 1\r\n")],
    ["500 idle connections", trickle("", "", IDLE_CONNECTIONS)],
    ["8 MiB JSON", flood([submit(`{"chain":["${"A".repeat(LARGE_BYTES)}"]}`)])],
    ["deep DER", flood([submit(chainBody(deepDer(DEEP_DER_BYTES)))])],
    ["bad signatures", flood(forged)],
    ["one duplicate, 1,000/s", flood([duplicate], 1_000)],
    ["get-entries", flood(entries)],
    ["data tiles", flood(tiles)],
    ["hash tiles", flood(hashTiles)],
    [
      "2,048 ask for get-sth without a pause",
      { type: "storm", request: get("ct/v1/get-sth"), connections: STORM_CONNECTIONS },
    ],
  ]);
}

/** SEQUENCEs in one another, 4 bytes of header each, down to nothing. */
function deepDer(length: number): Uint8Array {
  const der = new Uint8Array(length);
  for (let at = 0; at + 5 <= length; at += 5) {
    const rest = length - at - 5;
    der.set([0x30, 0x83, Math.floor(rest / 65_536), Math.floor(rest / 256) % 256, rest % 256], at);
  }
  return der;
}
