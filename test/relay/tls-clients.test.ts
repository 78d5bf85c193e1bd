/** Goal: clients reach the relay over TLS as they reach PostgreSQL. Method: real clients, a real certificate, real PostgreSQL. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TLSSocket } from "node:tls";
import { SQL } from "bun";
import pg from "pg";
import postgres from "postgres";
import { until } from "../../src/base/until-for-tests.ts";
import { hasOpenssl, makeCertificate } from "../../src/control/certificates-for-tests.ts";
import { loginTimeoutMs } from "../../src/relay/limits.ts";
import { startRelay } from "../../src/relay/relay.ts";
import type { Relay, RelayReach } from "../../src/relay/relay-api.ts";
import { withTestRelay } from "./relay-for-tests.ts";
import {
  agreed,
  closing,
  gssRequest,
  ownAddress,
  secured,
  startupOf,
  talk,
  tlsRequest,
} from "./tls-for-tests.ts";

setDefaultTimeout(30_000);

const relayed = withTestRelay();
let folder: string;
let relay: Relay;
let ca: string;
let caFile: string;

const names = [
  "IP:127.0.0.1",
  "DNS:localhost",
  ...(ownAddress === null ? [] : [`IP:${ownAddress}`]),
];

function certificate(name: string, certified = names) {
  const files = makeCertificate(folder, name, certified);
  return { files, cert: readFileSync(files.cert, "utf8"), key: readFileSync(files.key, "utf8") };
}

beforeAll(async () => {
  if (!hasOpenssl) return;
  folder = mkdtempSync(join(tmpdir(), "levain-relay-tls-"));
  const { cert, key, files } = certificate("relay");
  ca = cert;
  caFile = files.cert;
  relay = startRelay({ port: 0, reach: reachOf({ cert, key }) });
});
afterAll(async () => {
  await relay?.stop();
  if (folder !== undefined) rmSync(folder, { recursive: true });
});

const reachOf = (tls: RelayReach["tls"], hostname = "0.0.0.0"): RelayReach => ({
  hostname,
  tls,
  mayBePlain: false,
});

/** A database that the relay with TLS serves, and its URL there. */
async function served(host = "127.0.0.1") {
  const { spec, url, name } = await relayed.database();
  await relay.put(spec);
  const there = new URL(url);
  there.host = `${host}:${relay.port}`;
  return { url: there.href, spec, name };
}

/** Whether this process has the server's side of a connection (/proc/net/tcp). */
function hasConnection(port: number, peerPort: number): boolean {
  const hex = (number: number) => number.toString(16).toUpperCase().padStart(4, "0");
  const rows = readFileSync("/proc/net/tcp", "utf8").split("\n");
  return rows.some((row) => {
    const cells = row.trim().split(/\s+/);
    const [, local = "", remote = ""] = cells;
    // Without an inode it is the kernel's alone.
    const isOurs = cells[9] !== "0";
    return isOurs && local.endsWith(`:${hex(port)}`) && remote.endsWith(`:${hex(peerPort)}`);
  });
}

const strangersGone = () => until(async () => (await relay.facts()).strangers === 0);

async function askPg(url: string, ssl: pg.ClientConfig["ssl"], more: pg.ClientConfig = {}) {
  const client = new pg.Client({ connectionString: url, ssl, ...more });
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query("SELECT current_user AS who")).rows[0].who;
  } finally {
    await client.end();
  }
}

async function askPostgres(url: string, ssl: postgres.Options<Record<string, never>>["ssl"]) {
  const sql = postgres(url, { max: 1, ...(ssl === undefined ? {} : { ssl }) });
  try {
    return (await sql`SELECT current_user AS who`)[0]!.who;
  } finally {
    await sql.end();
  }
}

async function askBun(url: string, tls: Bun.TLSOptions | undefined) {
  await using sql = new SQL({ url, max: 1, ...(tls === undefined ? {} : { tls }) });
  return (await sql`SELECT current_user AS who`)[0].who;
}

describe.if(hasOpenssl)("client libraries over TLS", () => {
  test("pg, postgres and Bun.sql work with sslmode=require and with a certificate that they check", async () => {
    const { url, name } = await served();

    expect(await askPg(url, { rejectUnauthorized: false })).toBe(name);
    expect(await askPg(url, { ca })).toBe(name);
    expect(await askPg(url, { ca }, { enableChannelBinding: true })).toBe(name);
    expect(await askPostgres(url, "require")).toBe(name);
    expect(await askPostgres(url, { ca })).toBe(name);
    expect(await askBun(`${url}?sslmode=require`, undefined)).toBe(name);
    expect(await askBun(`${url}?sslmode=verify-full`, { ca })).toBe(name);
    await strangersGone();
  });

  test("a client that checks and does not trust the certificate goes away, and nothing is left of it", async () => {
    const { url } = await served();

    for (const ask of [
      () => askPg(url, true),
      () => askPostgres(url, "verify-full"),
      () => askBun(`${url}?sslmode=verify-full`, {}),
    ]) {
      expect(await ask().then(null, (error) => error)).toBeInstanceOf(Error);
    }
    await strangersGone();
  });

  test("clients of this machine work without TLS as before", async () => {
    const { url, name } = await served();

    expect(await askPg(url, false)).toBe(name);
    expect(await askPostgres(url, false)).toBe(name);
    expect(await askBun(url, undefined)).toBe(name);
  });

  test("large rows pass both ways", async () => {
    const { url } = await served();
    const client = new pg.Client({ connectionString: url, ssl: { ca } });
    await client.connect();
    const text = "x".repeat(8 * 1024 * 1024);

    const sent = await client.query("SELECT length($1::text) AS sent", [text]);
    const long = await client.query("SELECT repeat('y', 16777216) AS received");
    const many = await client.query(
      "SELECT n, repeat('z', 1000) AS pad FROM generate_series(1, 20000) AS n",
    );

    expect(sent.rows[0].sent).toBe(text.length);
    expect(long.rows[0].received.length).toBe(16 * 1024 * 1024);
    expect(many.rows.length).toBe(20_000);
    await client.end();
  });

  test("a query that was asked over TLS is cancelled", async () => {
    const { url } = await served();
    const sql = postgres(url, { max: 1, ssl: { ca } });
    const slow = sql`SELECT pg_sleep(60)`;
    const failed = slow.then(null, (error) => error.code);
    await until(async () =>
      (await relay.facts()).databases.some(
        ({ name, sessions }) => url.endsWith(`/${name}`) && sessions > 0,
      ),
    );
    await until(
      async () =>
        (
          await relayed.admin(
            `SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(60)%' AND state = 'active'`,
          )
        ).length > 0,
    );
    slow.cancel();
    expect(await failed).toBe("57014");
    await sql.end();
  });
});

const psql = Bun.which("psql");
describe.if(hasOpenssl && psql !== null)("psql over TLS", () => {
  const run = async (url: string, env: Record<string, string>) => {
    const child = Bun.spawn([psql!, url, "-AtXc", "SELECT current_user"], {
      env: { ...process.env, ...env },
      stdout: "pipe",
      stderr: "pipe",
    });
    const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    return { code: await child.exited, out: out.trim(), err };
  };

  test("the certificate is checked, and the log-in bound to it", async () => {
    const { url, name } = await served();

    const full = await run(url, { PGSSLMODE: "verify-full", PGSSLROOTCERT: caFile });
    const bound = await run(url, { PGSSLMODE: "require", PGCHANNELBINDING: "require" });
    const loose = await run(url, { PGSSLMODE: "prefer" });

    expect([full.out, bound.out, loose.out], full.err + bound.err + loose.err).toEqual([
      name,
      name,
      name,
    ]);
  });

  test("a client that stands still is sent no more than it takes, and all of it later", async () => {
    const { url, name } = await served();
    const told = async () =>
      (await relay.facts()).databases.find((one) => one.name === name)!.counters.bytesToClients;
    const rows = "SELECT repeat('x', 100000) FROM generate_series(1, 2000)";
    const child = Bun.spawn([psql!, url, "-qAtXc", rows], {
      env: { ...process.env, PGSSLMODE: "require" },
      stdout: "ignore",
    });
    await until(async () => (await told()) > 500_000);

    process.kill(child.pid, "SIGSTOP");
    let before = -1;
    await until(async () => {
      const now = await told();
      const isSame = now === before;
      before = now;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return isSame;
    });

    // What the kernel takes on both sides, and our own bounds.
    expect(before).toBeLessThan(50_000_000);
    process.kill(child.pid, "SIGCONT");
    expect(await child.exited).toBe(0);
    expect(await told()).toBeGreaterThan(200_000_000);
  });

  test("a log-in that was bound to another certificate is refused", async () => {
    const { url } = await served();
    const { cert, key } = certificate("between");
    const { port } = relay;
    // Somebody in between, who speaks TLS to both sides and passes on what they say.
    const server = createServer((client) => {
      client.on("error", () => {});
      client.once("data", async () => {
        client.write("S");
        const own = new TLSSocket(client, { isServer: true, cert, key });
        own.on("error", () => {});
        const there = await secured(await agreed(port), { rejectUnauthorized: false });
        there.on("error", () => {});
        own.pipe(there).pipe(own);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const through = new URL(url);
    through.port = String((server.address() as AddressInfo).port);

    const bound = await run(through.href, { PGSSLMODE: "require", PGCHANNELBINDING: "require" });
    const unbound = await run(through.href, { PGSSLMODE: "require", PGCHANNELBINDING: "disable" });

    server.close();
    expect(bound.code).not.toBe(0);
    expect(bound.err).toContain("password authentication failed");
    // What binding is there for: the same without it goes through.
    expect(unbound.code, unbound.err).toBe(0);
  });
});

describe.if(hasOpenssl)("what is said before and during the handshake", () => {
  test("bytes behind the request for TLS are refused, and nothing of them is read", async () => {
    const { name } = await served();

    const received = await talk(relay.port, [Buffer.concat([tlsRequest, startupOf(name)])]);

    expect(String.fromCharCode(received[0]!)).toBe("E");
    expect(received.toString()).toContain("08P01");
  });

  test("plain bytes behind the agreement end the connection without an answer", async () => {
    const { name } = await served();

    for (const bytes of [
      startupOf(name),
      Buffer.from("GET / HTTP/1.1\r\n\r\n"),
      Buffer.alloc(100_000, 0x51),
    ]) {
      const socket = await agreed(relay.port);
      const left = closing(socket);
      socket.write(bytes);
      const received = (await left).toString("latin1");
      expect(received).not.toContain("SCRAM");
      expect(received).not.toMatch(/^E/);
    }
    await strangersGone();
  });

  test("half handshakes are ended by their client or by time, and keep nobody out", async () => {
    const { url, name } = await served();
    const silent = await agreed(relay.port);
    const leaving = await agreed(relay.port);
    leaving.write(Buffer.from([0x16, 3, 1, 2, 0, 1]));
    const direct = connect(relay.port, "127.0.0.1");
    direct.on("error", () => {});
    direct.write(Buffer.from([0x16]));
    await until(async () => (await relay.facts()).strangers >= 3);

    leaving.destroy();
    expect(await askPg(url, { ca })).toBe(name);
    await until(async () => (await relay.facts()).strangers === 2);
    silent.destroy();
    direct.destroy();
    await strangersGone();
  });

  test("TLS at once is taken from who names the protocol, and from nobody else", async () => {
    const { name } = await served();
    const open = async (ALPNProtocols: string[] | undefined) => {
      const socket = connect(relay.port, "127.0.0.1");
      socket.on("error", () => {});
      const one = await secured(socket, {
        ca,
        ...(ALPNProtocols === undefined ? {} : { ALPNProtocols }),
      }).catch(() => null);
      if (one === null) return null;
      const received = closing(one);
      one.write(startupOf(name));
      one.write(Buffer.from([0x58, 0, 0, 0, 4]));
      return { protocol: one.alpnProtocol, text: (await received).toString("latin1") };
    };

    const right = await open(["postgresql"]);
    expect(right?.protocol).toBe("postgresql");
    expect(right?.text).toContain("SCRAM-SHA-256-PLUS");
    for (const wrong of [undefined, ["http/1.1"]]) {
      expect((await open(wrong))?.text ?? "").not.toContain("SCRAM");
    }
    await strangersGone();
  });

  test("GSSAPI is declined first, and TLS within TLS is none", async () => {
    const { name } = await served();
    const socket = connect(relay.port, "127.0.0.1");
    socket.on("error", () => {});
    socket.write(gssRequest);
    await new Promise<void>((resolve) =>
      socket.once("data", (chunk) => resolve(expect(chunk.toString()).toBe("N"))),
    );
    socket.write(tlsRequest);
    await new Promise<void>((resolve) =>
      socket.once("data", (chunk) => resolve(expect(chunk.toString()).toBe("S"))),
    );
    const one = await secured(socket, { ca });
    const received = closing(one);
    one.write(Buffer.concat([tlsRequest]));
    one.write(startupOf(name));

    expect((await received).toString()).toContain("08P01");
  });

  test("old versions of TLS are refused", async () => {
    for (const maxVersion of ["TLSv1", "TLSv1.1"] as const) {
      const socket = await agreed(relay.port);
      const error = await secured(socket, { ca, minVersion: "TLSv1", maxVersion }).then(
        null,
        (thrown) => thrown,
      );
      expect(error).toBeInstanceOf(Error);
      socket.destroy();
    }
    await strangersGone();
  });

  test("a handshake that does not go on is ended when the log-in has taken too long", async () => {
    let aheadMs = 0;
    const nowMs = () => performance.now() + aheadMs;
    const clock = { nowMs, wallMs: () => Date.now() + aheadMs };
    const { cert, key } = certificate("slow");
    const slow = startRelay({ port: 0, reach: reachOf({ cert, key }), clock });
    const silent = closing(await agreed(slow.port));
    const begun = await agreed(slow.port);
    begun.write(Buffer.from([0x16, 3, 1, 2, 0, 1]));
    const half = closing(begun);
    expect((await slow.facts()).strangers).toBe(2);

    aheadMs = loginTimeoutMs + 1000;

    expect((await Promise.all([silent, half])).map(({ length }) => length)).toEqual([0, 0]);
    expect((await slow.facts()).strangers).toBe(0);
    await slow.stop();
  });

  test("a client that does not end TLS from its side is not waited for", async () => {
    const socket = await agreed(relay.port);
    const one = await secured(socket, { ca });
    const { localPort = 0 } = socket;
    expect(hasConnection(relay.port, localPort)).toBe(true);

    // Refused, so that the relay ends; nothing is read or answered here.
    one.pause();
    socket.pause();
    one.write(Buffer.from([0, 0, 0, 1]));

    await until(() => !hasConnection(relay.port, localPort));
    socket.destroy();
  });
});

describe.if(hasOpenssl)("who has to use TLS", () => {
  test.if(ownAddress !== null)(
    "from beyond the machine a log-in in clear is refused before a password is asked for",
    async () => {
      const { url, name } = await served(ownAddress!);

      const plain = await talk(relay.port, [startupOf(name)], ownAddress!);
      expect(plain.toString()).toContain("C28000");
      expect(plain.toString()).not.toContain("SCRAM");
      expect(await askPg(url, { ca })).toBe(name);
    },
  );

  test.if(ownAddress !== null)(
    "a relay at one address is at 127.0.0.1 too, and takes clients in clear where it is told",
    async () => {
      const { cert, key } = certificate("other");
      const other = startRelay({ port: 0, reach: reachOf({ cert, key }, ownAddress!) });
      const plain = startRelay({
        port: 0,
        reach: { hostname: ownAddress!, tls: null, mayBePlain: true },
      });
      const { spec, name } = await served();
      for (const one of [other, plain]) await one.put(spec);
      const urlAt = (host: string, { port }: Relay) =>
        `postgres://${name}:${spec.password}@${host}:${port}/${name}`;

      expect(await askPg(urlAt("127.0.0.1", other), false)).toBe(name);
      expect(await askPg(urlAt(ownAddress!, other), { ca: cert })).toBe(name);
      expect(await askPg(urlAt(ownAddress!, plain), false)).toBe(name);
      expect((await talk(other.port, [startupOf(name)], ownAddress!)).toString()).toContain(
        "C28000",
      );
      await other.stop();
      await plain.stop();
    },
  );

  test("new connections are shown a renewed certificate, and open ones go on", async () => {
    const { url, name } = await served();
    const first = certificate("first");
    const own = startRelay({ port: 0, reach: reachOf(first, "127.0.0.1") });
    await own.put((await relayed.database()).spec);
    const there = (await served()).spec;
    await own.put(there);
    const at = `postgres://${there.name}:${there.password}@127.0.0.1:${own.port}/${there.name}`;
    const before = new pg.Client({ connectionString: at, ssl: { ca: first.cert } });
    await before.connect();
    const second = certificate("second");

    await own.renewTls(second);

    expect(await askPg(at, { ca: second.cert })).toBe(there.name);
    expect(await askPg(at, { ca: second.cert }, { enableChannelBinding: true })).toBe(there.name);
    expect(await askPg(at, { ca: first.cert }).then(null, (error) => error)).toBeInstanceOf(Error);
    expect((await before.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    await before.end();
    await own.stop();
    expect(await askPg(url, { ca })).toBe(name);
  });
});
