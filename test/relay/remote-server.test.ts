/** Goal: a server over TCP and TLS serves sessions, and only one that is believed. Method: TLS in front of a real PostgreSQL. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tls from "node:tls";
import pg from "pg";
import { makeCertificate } from "../../src/control/certificates-for-tests.ts";
import type { ServerTls } from "../../src/relay/relay-api.ts";
import { withTestRelay } from "./relay-for-tests.ts";

const relayed = withTestRelay();
let proxy: net.Server;
let ca: string;
let port = 0;
const plainStarts: Buffer[] = [];

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), "levain-relay-tls-"));
  // For the address, and not for the name `localhost`.
  const files = makeCertificate(folder, "server", ["IP:127.0.0.1"]);
  const [key, cert] = [readFileSync(files.key), readFileSync(files.cert)];
  rmSync(folder, { recursive: true });
  ca = cert.toString();
  proxy = net.createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (first) => {
      plainStarts.push(first as Buffer);
      socket.write("S");
      const secured = new tls.TLSSocket(socket, { isServer: true, key, cert });
      const { host, port: number } = relayed.server.connection;
      const server = net.connect(`${host}/.s.PGSQL.${number}`);
      secured.on("error", () => server.destroy());
      server.on("error", () => secured.destroy());
      secured.pipe(server).pipe(secured);
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  port = (proxy.address() as net.AddressInfo).port;
});
afterAll(() => proxy.close());

async function ask(server: ServerTls, host = "127.0.0.1"): Promise<unknown> {
  const { spec, url } = await relayed.database();
  const address = { kind: "tcp", host, port, tls: server } as const;
  await relayed.relay.put({ ...spec, server: { ...spec.server, address } });
  const client = new pg.Client(url);
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query("SELECT current_user = $1 AS it", [spec.role])).rows[0];
  } finally {
    await client.end();
  }
}

test("a server with TLS is spoken to with TLS, whether or not its certificate is asked for", async () => {
  expect(await ask({ ca, isVerified: true })).toEqual({ it: true });
  expect(await ask({ ca: null, isVerified: false })).toEqual({ it: true });
  expect(plainStarts.every((first) => first.length === 8)).toBe(true);
});

test("a server whose certificate is not believed gets no password", async () => {
  const error = await ask({ ca: null, isVerified: true }).then(null, (thrown) => thrown);

  expect(error.code).toBe("08001");
  expect(error.message).toContain("certificate is not believed");
  const byName = await ask({ ca, isVerified: true }, "localhost").then(null, (thrown) => thrown);
  expect(byName?.code).toBe("08001");
});
