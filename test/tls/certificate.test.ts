import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { readCertificate, tlsHost } from "../../src/tls/certificate.ts";
import { freePort } from "../support/deploy.ts";
import { startTls } from "../support/tls-server.ts";

const SOON = new Date("2031-05-06T07:08:09Z");
const LATER = new Date("2040-01-01T00:00:00Z");

test("tlsHost() is host and port of an https URL", () => {
  assert.equal(tlsHost("https://ct.example.org/x"), "ct.example.org:443");
  assert.equal(tlsHost("https://[2001:db8::1]:8443"), "[2001:db8::1]:8443");
  assert.equal(tlsHost("http://ct.example.org"), undefined);
});

test("readCertificate() shows when the first certificate of the chain expires", async () => {
  for (const [leaf, issuer] of [
    [SOON, LATER],
    [LATER, SOON],
  ] as const) {
    await using server = await startTls(leaf, issuer);
    const { expiresMs, problem } = await readCertificate(server.host, 10_000);
    assert.equal(expiresMs, SOON.getTime());
    assert.match(problem, /SELF_SIGNED|UNABLE_TO/, "nobody trusts this root");
  }
});

test("readCertificate() has no objection to a certificate that a client would take", async () => {
  await using server = await startTls(SOON, LATER);
  const before = getCACertificates();
  try {
    setDefaultCACertificates([server.root]);
    const local = server.host.replace("127.0.0.1", "localhost");
    const expiresMs = SOON.getTime();
    assert.deepEqual(await readCertificate(local, 10_000), { expiresMs, problem: "" });
    const { problem } = await readCertificate(server.host, 10_000);
    assert.match(problem, /ALTNAME/, "it is not for the address");
  } finally {
    setDefaultCACertificates(before);
  }
});

test("readCertificate() throws where nothing listens, speaks TLS, or answers in time", async () => {
  const port = await freePort();
  await assert.rejects(readCertificate(`127.0.0.1:${port}`, 5_000), /ECONNREFUSED/);
  let isSilent = true;
  const silent = createServer((socket) => {
    socket.on("error", () => undefined).resume();
    if (!isSilent) socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const address = silent.address();
  assert.ok(typeof address === "object" && address !== null);
  const host = `127.0.0.1:${address.port}`;
  await assert.rejects(readCertificate(host, 50), /no TLS handshake within 50 ms/);
  isSilent = false;
  await assert.rejects(readCertificate(host, 5_000));
  await new Promise((resolve) => silent.close(resolve));
});
