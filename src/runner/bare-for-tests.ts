/** A fixture as plain Bun runs it: the oracle for what a runner has to do. */
import { connect } from "node:net";
import { join } from "node:path";

export interface BareAnswer {
  status: number;
  /** Lower-case names, without those that a server adds to every answer. */
  headers: Record<string, string>;
  cookies: string[];
  body: Buffer;
}

export class BareServer implements AsyncDisposable {
  readonly port: number;
  readonly #child: Bun.Subprocess;

  private constructor(child: Bun.Subprocess, port: number) {
    this.#child = child;
    this.port = port;
  }

  /** Starts `bun <fixture>`, which has to listen on port 0 and be served by default export. */
  static async start(entry: string, env: Record<string, string> = {}): Promise<BareServer> {
    const child = Bun.spawn([process.execPath, join(import.meta.dir, "fixtures", entry)], {
      env: { PATH: process.env["PATH"]!, NODE_ENV: "production", PORT: "0", ...env },
      stdio: ["ignore", "pipe", "ignore"],
    });
    let printed = "";
    for await (const chunk of child.stdout) {
      printed += Buffer.from(chunk).toString();
      const port = Number(/localhost:(\d+)/.exec(printed)?.[1]);
      if (port > 0) return new BareServer(child, port);
    }
    throw new Error(`${entry} does not listen: ${printed}`);
  }

  /** Asks over a socket of its own, so that nothing is decoded, followed or added. Rejects when there is no answer. */
  async ask(
    path: string,
    options: { method?: string; headers?: Record<string, string>; body?: string } = {},
  ): Promise<BareAnswer> {
    const { method = "GET", headers = {}, body = "" } = options;
    let head = `${method} ${path} HTTP/1.1\r\nhost: app.localhost\r\nconnection: close\r\n`;
    if (body !== "") head += `content-length: ${Buffer.byteLength(body)}\r\n`;
    for (const [name, value] of Object.entries(headers)) head += `${name}: ${value}\r\n`;
    const request = Buffer.concat([Buffer.from(`${head}\r\n`, "latin1"), Buffer.from(body)]);
    const bytes = await exchange(this.port, request);
    return parseAnswer(bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }
}

function exchange(port: number, request: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(request));
    const chunks: Buffer[] = [];
    socket.on("data", (chunk) => chunks.push(chunk as Buffer));
    socket.on("close", () => resolve(Buffer.concat(chunks)));
    socket.on("error", reject);
  });
}

const ADDED = ["date", "connection", "content-length", "transfer-encoding"];

function parseAnswer(bytes: Buffer): BareAnswer {
  const end = bytes.indexOf("\r\n\r\n");
  const [statusLine = "", ...lines] = bytes.latin1Slice(0, end).split("\r\n");
  const headers: Record<string, string> = {};
  const cookies: string[] = [];
  let isChunked = false;
  for (const line of lines) {
    const name = line.slice(0, line.indexOf(":")).toLowerCase();
    const value = line.slice(line.indexOf(":") + 1).trim();
    if (name === "transfer-encoding") isChunked = value === "chunked";
    if (ADDED.includes(name)) continue;
    if (name === "set-cookie") cookies.push(value);
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  const body = bytes.subarray(end + 4);
  return {
    status: Number(statusLine.split(" ")[1]),
    headers,
    cookies,
    body: isChunked ? dechunk(body) : body,
  };
}

function dechunk(bytes: Buffer): Buffer {
  const pieces: Buffer[] = [];
  let at = 0;
  while (true) {
    const lineEnd = bytes.indexOf("\r\n", at);
    const length = Number.parseInt(bytes.latin1Slice(at, lineEnd), 16);
    if (!(length > 0)) return Buffer.concat(pieces);
    pieces.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + length));
    at = lineEnd + 2 + length + 2;
  }
}
