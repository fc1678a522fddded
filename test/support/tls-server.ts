/**
 * A TLS server with a certificate made here, that says nothing.
 * @module
 */
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:tls";
import { makeCa } from "./certificates.ts";
import { pem } from "./submit-run.ts";

/** A server that listens on 127.0.0.1. */
export interface TlsServer extends AsyncDisposable {
  /** `127.0.0.1:port`; its certificate is for `localhost`. */
  readonly host: string;
  /** PEM of its root. */
  readonly root: string;
}

/** Starts one whose certificate and issuer expire at these times. */
export async function startTls(leaf: Date, issuer: Date): Promise<TlsServer> {
  const root = makeCa({ notAfter: new Date("2049-01-01T00:00:00Z") });
  const ca = root.intermediate({ notAfter: issuer });
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const spki = publicKey.export({ type: "spki", format: "der" });
  const certificate = ca.issue({ spki, notAfter: leaf, dnsNames: ["localhost"] });
  const key = privateKey.export({ type: "pkcs8", format: "pem" });
  const server = createServer({ key, cert: pem(certificate, ca.der, root.der) });
  server.on("tlsClientError", () => undefined);
  server.on("secureConnection", (socket) => socket.on("error", () => undefined));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    host: `127.0.0.1:${address.port}`,
    root: pem(root.der),
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
