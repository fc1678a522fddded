/**
 * deploy/nginx.conf as a real nginx of this machine: the file as it stands, with ports and paths
 * of a temporary folder in the place of the system's.
 * @module
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { request as plainRequest } from "node:http";
import { request } from "node:https";
import { join } from "node:path";
import { freePort, programPath, ServerProgram, substitute } from "./deploy.ts";
import type { CallOptions, Reply } from "./http-call.ts";
import { readSource } from "./source.ts";

/** The host of the file's certificate. */
const HOST = "ct.example.org";

/** A configuration that was written, and where it listens. */
export interface NginxFiles {
  readonly path: string;
  readonly tlsPort: number;
  readonly plainPort: number;
  /** PEM. */
  readonly certificate: string;
}

/** Makes a key and a certificate for the file's host, signed by itself. */
async function makeCertificate(folder: string): Promise<string> {
  const [key, certificate] = [join(folder, "privkey.pem"), join(folder, "fullchain.pem")];
  const names = ["-subj", `/CN=${HOST}`, "-addext", `subjectAltName=DNS:${HOST}`, "-days", "2"];
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const args = ["req", "-x509", ...kind, "-keyout", key, "-out", certificate, ...names];
  const made = spawnSync(programPath("openssl") ?? "openssl", args, { encoding: "utf8" });
  assert.equal(made.status, 0, made.stderr);
  return readFile(certificate, "utf8");
}

/** Writes the configuration below `folder`, for a log at `upstream`: `127.0.0.1:6962`. */
export async function writeNginx(folder: string, upstream: string): Promise<NginxFiles> {
  const certificate = await makeCertificate(folder);
  const [tlsPort, plainPort] = [await freePort(), await freePort()];
  await mkdir(join(folder, "temp"));
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `  ${name}_temp_path ${join(folder, "temp", name)};\n`,
  );
  const text = substitute(readSource("deploy/nginx.conf"), [
    ["user www-data;\n", process.getuid?.() === 0 ? "user root;\n" : ""],
    ["worker_processes auto;", "worker_processes 1;"],
    ["pid /run/nginx.pid;", `pid ${join(folder, "nginx.pid")};`],
    ["/var/log/nginx/", `${folder}/`],
    ["buffer=64k flush=5s", ""],
    ["/var/cache/nginx/stratus", join(folder, "cache")],
    ["/etc/ssl/stratus/", `${folder}/`],
    ["server 127.0.0.1:6962;", `server ${upstream};`],
    ["listen [::]:80 default_server;", ""],
    ["listen [::]:443 ssl http2 default_server;", ""],
    ["listen 80 default_server;", `listen 127.0.0.1:${plainPort} default_server;`],
    ["listen 443 ssl", `listen 127.0.0.1:${tlsPort} ssl`],
    ["\nhttp {\n", `\nhttp {\n${temporary.join("")}`],
  ]);
  const path = join(folder, "nginx.conf");
  await writeFile(path, text);
  return { path, tlsPort, plainPort, certificate };
}

/** nginx before a log, stopped when disposed of. */
export class Nginx implements AsyncDisposable {
  readonly files: NginxFiles;
  readonly #server: ServerProgram;

  private constructor(files: NginxFiles, server: ServerProgram) {
    this.files = files;
    this.#server = server;
  }

  /** Starts it in the foreground, below `folder`. */
  static async start(folder: string, upstream: string): Promise<Nginx> {
    const files = await writeNginx(folder, upstream);
    const args = ["-p", folder, "-c", files.path, "-g", "daemon off;"];
    const server = new ServerProgram("nginx", args);
    const nginx = new Nginx(files, server);
    await server.until("nginx", async () => {
      const reply = await nginx.plain("/").catch(() => undefined);
      return reply?.status === 404 ? true : undefined;
    });
    return nginx;
  }

  /** One request over TLS, whose certificate is verified; the path goes out as it is written. */
  call(path: string, options: CallOptions = {}): Promise<Reply> {
    const { tlsPort: port, certificate: ca } = this.files;
    const tls = { ca, servername: HOST };
    return ask(request({ ...common(path, options), host: "127.0.0.1", port, ...tls }), options);
  }

  /** One request over plain HTTP. */
  plain(path: string, options: CallOptions = {}): Promise<Reply> {
    const { plainPort: port } = this.files;
    return ask(plainRequest({ ...common(path, options), host: "127.0.0.1", port }), options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}

function common(path: string, { method, body, headers = {} }: CallOptions) {
  const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
  return {
    path,
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: { host: HOST, ...length, ...headers },
    agent: false,
  };
}

function ask(sent: ReturnType<typeof request>, { body }: CallOptions): Promise<Reply> {
  return new Promise((resolve, reject) => {
    sent.once("error", reject);
    sent.once("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () => {
        const whole = Buffer.concat(chunks);
        const { statusCode = 0, headers } = response;
        resolve({ status: statusCode, headers, body: whole, text: whole.toString() });
      });
    });
    sent.end(body);
  });
}
