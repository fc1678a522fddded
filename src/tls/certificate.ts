/**
 * The certificate that an address shows: when it expires, and whether a client would take it.
 * @module
 */
import { isIP } from "node:net";
import { connect, type DetailedPeerCertificate, type TLSSocket } from "node:tls";

/** A chain has at most so many certificates that are looked at. */
const CHAIN_MAX = 10;

/** What a server shows. */
export interface ShownCertificate {
  /** Of the first certificate in the chain that expires; milliseconds since the Unix epoch. */
  readonly expiresMs: number;
  /** Why a client would not take it (name, chain, time), cut; empty if it would. */
  readonly problem: string;
}

/** `host:port` of an https URL; undefined for another one. */
export function tlsHost(url: string): string | undefined {
  const { protocol, host, port } = new URL(url);
  if (protocol !== "https:") return undefined;
  return port === "" ? `${host}:443` : host;
}

/**
 * Shakes hands and leaves; a certificate is looked at whether it would be taken or not.
 * @param host `ct.example.org:443`, as {@link tlsHost} gives it.
 * @throws Error if nothing was shown within `timeoutMs`.
 */
export function readCertificate(host: string, timeoutMs: number): Promise<ShownCertificate> {
  const { hostname, port } = new URL(`tls://${host}`);
  const name = hostname.replace(/^\[|\]$/g, "");
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: name,
      port: Number(port),
      // An address is no name that a server could be asked for.
      ...(isIP(name) === 0 && { servername: name }),
      rejectUnauthorized: false,
    });
    AbortSignal.timeout(timeoutMs).addEventListener("abort", () => {
      socket.destroy(new Error(`no TLS handshake within ${timeoutMs} ms`));
    });
    socket.once("close", () => reject(new Error("the connection was closed")));
    socket.once("error", reject);
    socket.once("secureConnect", () => {
      try {
        resolve(certificateOf(socket));
      } catch (error) {
        reject(error);
      }
      socket.destroy();
    });
  });
}

function certificateOf(socket: TLSSocket): ShownCertificate {
  let expiresMs = Number.POSITIVE_INFINITY;
  let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  for (let count = 0; next !== undefined && count < CHAIN_MAX; count += 1) {
    const certificate: DetailedPeerCertificate = next;
    const ms = Date.parse(certificate.valid_to);
    if (Number.isFinite(ms)) expiresMs = Math.min(expiresMs, ms);
    // A self-signed certificate is its own issuer.
    next =
      certificate.issuerCertificate === certificate ? undefined : certificate.issuerCertificate;
  }
  if (!Number.isFinite(expiresMs)) throw new Error("the server showed no certificate");
  const refusal = socket.authorized ? "" : String(socket.authorizationError);
  return { expiresMs, problem: refusal.slice(0, 200) };
}
