import { describe, expect, test } from "bun:test";
import { PushedClock } from "../../src/base/clock-for-tests.ts";
import { pick, randomOf, testSeed } from "../../src/base/random-for-tests.ts";
import { until } from "../../src/base/until-for-tests.ts";
import {
  bodyTimeoutMs,
  dispatchBytesBesides,
  headTimeoutMs,
  readingTimeoutMs,
} from "../../src/broker/limits.ts";
import { Message } from "../../src/broker/message.ts";
import { startScriptedServer } from "../../src/broker/scripted-server-for-tests.ts";
import type { RawConnection } from "../http/raw-client.ts";
import {
  chunkedDispatch,
  dispatchBody,
  dispatchRequest,
  openRaw,
  pollHead,
} from "./raw-requests.ts";

describe("what is asked of which port", () => {
  test("runners and supervisors share one port, unless they have one each", async () => {
    using shared = startScriptedServer();
    using apart = startScriptedServer({ config: { dispatchPort: 0 } });
    const status = async (
      port: number,
      path: string,
      method = "GET",
      body: string | null = null,
    ) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, body });
      await response.arrayBuffer();
      return response.status;
    };
    const { port, dispatchPort } = apart.server;

    expect(shared.server.dispatchPort).toBe(shared.port);
    expect(dispatchPort).not.toBe(port);
    for (const path of ["/healthz", "/connect", "/status", "/metrics"]) {
      expect([path, await status(shared.port, path)]).toEqual([path, 200]);
    }
    expect(await status(shared.port, "/control", "POST", "{}")).toBe(200);
    for (const path of ["/status", "/metrics"]) expect(await status(port, path)).toBe(404);
    expect(await status(port, "/warm-start", "POST", dispatchBody())).toBe(405);
    expect(await status(port, "/healthz")).toBe(200);
    expect(await status(port, "/connect")).toBe(200);
    expect(await status(dispatchPort, "/connect")).toBe(404);
    expect(await status(dispatchPort, "/warm-start")).toBe(405);
    expect(await status(dispatchPort, "/status")).toBe(200);
    expect(await status(dispatchPort, "/healthz")).toBe(200);
    expect(shared.core.connects).toEqual(["127.0.0.1"]);
  });

  test("a path that does not exist is answered 404, a method that it has not 405 with those that it has", async () => {
    using broker = startScriptedServer();
    const ask = async (line: string) => {
      const client = await openRaw(broker.port, [line.split(" ")[0]!]);
      await client.send(`${line} HTTP/1.1\r\nhost: a\r\n\r\n`);
      await client.until(() => client.answered === 1);
      client.hangUp();
      const { status, headers } = client.answers[0]!;
      return [status, headers.find(([name]) => name.toLowerCase() === "allow")?.[1] ?? null];
    };

    expect(await ask("GET /")).toEqual([404, null]);
    expect(await ask("GET /warm-start/")).toEqual([404, null]);
    expect(await ask("DELETE /warm-start")).toEqual([405, "GET, POST"]);
    expect(await ask("HEAD /warm-start")).toEqual([405, "GET, POST"]);
    expect(await ask("POST /connect")).toEqual([405, "GET"]);
    expect(await ask("HEAD /healthz")).toEqual([200, null]);
    expect(await ask("GET http://other/connect")).toEqual([200, null]);
    expect(broker.core.polls).toHaveLength(0);
  });
});

describe("what is too much", () => {
  for (const form of ["declared", "chunked"] as const) {
    test(`a message beyond the bound is answered 413, and the connection ended: ${form}`, async () => {
      using broker = startScriptedServer({ config: { messageBytesMax: 10_000 } });
      const client = await openRaw(broker.port, ["POST"]);
      const body = dispatchBody("snapshot_1", 10_000 + dispatchBytesBesides);

      await client.send(form === "declared" ? dispatchRequest(body) : chunkedDispatch([body]));
      await client.until(() => client.ended !== null);

      expect(client.answers.map(({ status }) => status)).toEqual([413]);
      expect(broker.core.dispatches).toHaveLength(0);
      expect(broker.server.facts().bodyBytes).toBe(0);
    });
  }

  test("a length that is only declared takes no room, and what has come of a body is given back with its connection", async () => {
    using broker = startScriptedServer({ config: { messageBytesMax: 8 * 1024 * 1024 } });
    const client = await openRaw(broker.port, ["POST"]);

    await client.send("POST /warm-start HTTP/1.1\r\nhost: a\r\ncontent-length: 8000000\r\n\r\n");
    await client.send("{".repeat(100));
    await until(() => broker.server.facts().bodyBytes > 0);
    expect(broker.server.facts().bodyBytes).toBeLessThan(100_000);
    await client.take({ reset: true });

    await until(() => broker.server.facts().bodyBytes === 0);
    client.hangUp();
  });

  test("a connection beyond the bound is closed without a word", async () => {
    using broker = startScriptedServer({ connectionsMax: 3 });
    const clients: RawConnection[] = [];
    for (let index = 0; index < 4; index++) clients.push(await openRaw(broker.port, ["GET"]));

    await clients[3]!.until(() => clients[3]!.ended !== null);

    expect(broker.server.facts()).toMatchObject({ connections: 3, turnedAway: 1 });
    for (const client of clients) client.hangUp();
  });
});

describe("what takes too long", () => {
  const cases: [string, string, number][] = [
    ["a head that does not end", pollHead().slice(0, -2), 1],
    ["a body that does not end", dispatchRequest().slice(0, -2), 1],
    ["a connection that says nothing", "", 0],
  ];
  for (const [name, bytes, tooSlow] of cases) {
    test(`${name} ends its connection without an answer`, async () => {
      const clock = new PushedClock();
      using broker = startScriptedServer({ clock });
      const client = await openRaw(broker.port, ["GET"]);
      await client.send(bytes);
      await until(() => broker.server.facts().connections === 1);

      clock.push(bodyTimeoutMs + headTimeoutMs);
      await client.until(() => client.ended !== null);

      expect(client.answered).toBe(0);
      expect(broker.server.facts()).toMatchObject({ connections: 0, tooSlow });
    });
  }
});

test("the kernel looks after every connection, without being asked for each", async () => {
  using broker = startScriptedServer();
  const client = await openRaw(broker.port, ["GET"]);
  await client.send(pollHead());
  await broker.core.pollNumber(0);

  const localPort = broker.port.toString(16).toUpperCase().padStart(4, "0");
  const rows = (await Bun.file("/proc/self/net/tcp").text()).split("\n");
  // Established, on the broker's port; the timer that runs is that of keep-alive.
  const row = rows
    .map((line) => line.trim().split(/\s+/))
    .find(([, local = "", , state]) => {
      return state === "01" && local.endsWith(`:${localPort}`);
    });

  expect(row?.[5]).toStartWith("02:");
  client.hangUp();
});

describe("a delivery", () => {
  const MESSAGE = Buffer.from('{"a":1}');

  test("to a client that breaks off without reading it is told as lost", async () => {
    using broker = startScriptedServer();
    const client = await openRaw(broker.port, ["GET"]);
    await client.send(pollHead());
    const { poll, socket } = await broker.core.pollNumber(0);

    await client.take({ reading: false });
    socket.deliver(Message.of(MESSAGE));
    await client.take({ reset: true });
    await until(() => broker.server.facts().connections === 0);

    expect(broker.core.lostPolls).toEqual([poll]);
    expect(broker.server.facts().lost).toBe(1);
  });

  test("to a client that leaves when it has read it is not", async () => {
    using broker = startScriptedServer();
    const client = await openRaw(broker.port, ["GET"]);
    await client.send(pollHead());

    (await broker.core.pollNumber(0)).socket.deliver(Message.of(MESSAGE));
    await client.until(() => client.answered === 1);
    await client.take({ close: true });
    await until(() => broker.server.facts().connections === 0);

    expect(broker.core.lostPolls).toEqual([]);
  });

  test("behind which the client has asked for something else is not, however it ends", async () => {
    using broker = startScriptedServer();
    const client = await openRaw(broker.port, ["GET", "GET"]);
    await client.send(pollHead());

    (await broker.core.pollNumber(0)).socket.deliver(Message.of(MESSAGE));
    await client.send("GET /connect HTTP/1.1\r\nhost: a\r\n\r\n");
    await client.until(() => client.answered === 2);
    await client.take({ reset: true });
    await until(() => broker.server.facts().connections === 0);

    expect(broker.core.lostPolls).toEqual([]);
  });

  for (const end of ["stops reading", "breaks off", "reads on"] as const) {
    test(`of 8 MiB leaves from where it is, and is told as lost unless it left whole: the client ${end}`, async () => {
      const clock = new PushedClock();
      using broker = startScriptedServer({ clock });
      const message = Buffer.alloc(8 * 1024 * 1024, "x");
      const client = await openRaw(broker.port, ["GET"]);
      await client.send(pollHead());
      const { poll, socket } = await broker.core.pollNumber(0);

      await client.take({ reading: false });
      socket.deliver(Message.of(message));
      if (end === "breaks off") await client.take({ reset: true });
      else if (end === "stops reading") clock.push(readingTimeoutMs);
      else await client.take({ reading: true });
      if (end === "reads on") {
        await client.until(() => client.answered === 1);
        expect(client.answers[0]!.body.equals(message)).toBe(true);
      } else await until(() => broker.server.facts().connections === 0);

      expect(broker.core.lostPolls).toEqual(end === "reads on" ? [] : [poll]);
      expect(broker.server.facts().tooSlow).toBe(end === "stops reading" ? 1 : 0);
      client.hangUp();
    });
  }
});

describe("a drain", () => {
  test("ends connections with their answers, and resolves when nothing is held", async () => {
    using broker = startScriptedServer();
    const [poller, supervisor, idle] = await Promise.all([
      openRaw(broker.port, ["GET", "GET"]),
      openRaw(broker.port, ["POST"]),
      openRaw(broker.port, ["POST"]),
    ]);
    await poller.send(pollHead());
    const held = await broker.core.pollNumber(0);
    await supervisor.send(dispatchRequest());
    const dispatch = await broker.core.dispatchNumber(0);

    let isDrained = false;
    const drained = broker.server.drain().then(() => {
      isDrained = true;
    });
    await expect(openRaw(broker.port, ["GET"])).rejects.toThrow();
    // An offer's claim comes on the same connection.
    held.socket.redirect("/warm-start?lease=a-1&h=1&e=1");
    await poller.send(pollHead({}, "/warm-start?lease=a-1&h=1&e=1"));
    const claim = await broker.core.pollNumber(1);
    // Idle connections of supervisors stay: what comes on them has an answer.
    await idle.send(dispatchRequest());
    (await broker.core.dispatchNumber(1)).dispatcher.answer(false);
    await idle.until(() => idle.ended !== null);
    dispatch.dispatcher.answer(true);
    expect(isDrained).toBe(false);
    claim.socket.deliver(Message.of("{}"));
    await drained;
    await poller.until(() => poller.ended !== null);
    await supervisor.until(() => supervisor.ended !== null);

    expect(poller.answers.map(({ status }) => status)).toEqual([307, 200]);
    expect(supervisor.answers[0]!.headers).toContainEqual(["connection", "close"]);
    expect(broker.core.wentAway).toEqual([]);
    for (const client of [poller, supervisor, idle]) client.hangUp();
  });
});

test("requests with any bytes changed leave the broker serving, and nothing behind", async () => {
  const seed = testSeed();
  const random = randomOf(seed);
  using broker = startScriptedServer();
  broker.core.onPoll = ({ socket }) => {
    socket.deliver(Message.of("{}"));
    return true;
  };
  broker.core.onDispatch = ({ dispatcher }) => dispatcher.answer(false);
  const good = [
    pollHead(),
    pollHead({}, "/warm-start?lease=a-1&h=1&e=1"),
    dispatchRequest(),
    chunkedDispatch(["{", "}"]),
  ];
  const pieces = [
    "\r\n",
    "\r",
    "\n",
    "\0",
    " ",
    ":",
    "0",
    "chunked",
    "content-length: 5\r\n",
    "é",
    "HTTP/1.0",
    "?",
  ];

  for (let round = 0; round < 150; round++) {
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port: broker.port,
      socket: { data() {} },
    });
    for (let count = random(4); count >= 0; count--) {
      let bytes = pick(random, good);
      for (let changes = random(3); changes > 0; changes--) {
        const from = random(bytes.length);
        bytes = bytes.slice(0, from) + pick(random, pieces) + bytes.slice(from + random(3));
      }
      socket.write(Buffer.from(bytes, "latin1"));
      if (random(3) === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    if (random(2) === 0) socket.end();
    else socket.terminate();
  }
  await until(() => broker.server.facts().connections === 0);

  const { polls, dispatches, bodyBytes } = broker.server.facts();
  expect({ seed, polls, dispatches, bodyBytes }).toEqual({
    seed,
    polls: 0,
    dispatches: 0,
    bodyBytes: 0,
  });
  expect((await fetch(`http://127.0.0.1:${broker.port}/healthz`)).status).toBe(200);
});
