import { describe, expect, test } from "bun:test";
import { until } from "../../src/base/until-for-tests.ts";
import { pipelinedBytesMax } from "../../src/broker/limits.ts";
import { Message } from "../../src/broker/message.ts";
import { startScriptedServer } from "../../src/broker/scripted-server-for-tests.ts";
import { openRaw, pollHead, pollLines, sendSplit } from "./raw-requests.ts";

const MESSAGE = Buffer.from('{"a":"é"}');
const KEY = "deployment_1\u000020260101.1\u00000.5\u00000.5";

describe("a poll", () => {
  test("is understood wherever its bytes are split, the first time and when it is known", async () => {
    using broker = startScriptedServer();
    const head = pollHead();
    const count = head.length - 1;
    broker.core.onPoll = ({ socket }) => {
      socket.deliver(Message.of(MESSAGE));
      return true;
    };

    const known = await openRaw(
      broker.port,
      Array.from({ length: count }, () => "GET"),
    );
    for (let at = 1; at <= count; at++) {
      await sendSplit(known, head, at);
      await known.until(() => known.answered === at);
    }

    expect(known.answers.every(({ status, body }) => status === 200 && body.equals(MESSAGE))).toBe(
      true,
    );
    expect(broker.core.polls).toHaveLength(count);
    for (const { poll, path } of broker.core.polls) {
      expect(poll).toEqual({
        key: KEY,
        controller: "controller_1",
        instance: "machine-1",
        address: "127.0.0.1",
      });
      expect(path).toMatchObject({ lease: null, hops: 0, elapsedMs: 0 });
    }
    known.hangUp();
  });

  test("is parsed once, and the same object each time its bytes are the same, whatever its target says", async () => {
    using broker = startScriptedServer();
    const client = await openRaw(broker.port, ["GET", "GET", "GET"]);

    await client.send(pollHead());
    (await broker.core.pollNumber(0)).socket.redirect("/warm-start?lease=abc-1&h=1&e=250");
    await client.until(() => client.answered === 1);
    await client.send(pollHead({}, "/warm-start?lease=abc-1&h=1&e=250"));
    (await broker.core.pollNumber(1)).socket.deliver(Message.of(MESSAGE));
    await client.until(() => client.answered === 2);
    await client.send(pollHead());
    const third = await broker.core.pollNumber(2);

    const [first, second] = broker.core.polls;
    expect(client.answers[0]).toMatchObject({ status: 307 });
    expect(client.answers[0]!.headers).toContainEqual([
      "location",
      "/warm-start?lease=abc-1&h=1&e=250",
    ]);
    expect(second!.path).toMatchObject({ lease: "abc-1", hops: 1, elapsedMs: 250 });
    expect(second!.poll).toBe(first!.poll);
    expect(third.poll).toBe(first!.poll);
    expect([first, second, third].map((poll) => poll!.sameSocket)).toEqual([false, false, true]);
    expect(broker.server.facts().headsRead).toBe(1);
    client.hangUp();
  });

  test("whose headers have changed on the same connection is another one", async () => {
    using broker = startScriptedServer();
    broker.core.onPoll = ({ socket }) => {
      socket.deliver(Message.of(MESSAGE));
      return true;
    };
    // As behind a proxy that sends the requests of several runners over one connection.
    const heads = [
      pollHead(),
      pollHead({ "x-trigger-workload-controller-id": "controller_2" }),
      pollHead({ "x-trigger-machine-cpu": "1.0" }, "/warm-start?lease=a-1&h=1&e=1"),
      pollHead({ "x-trigger-machine-cpu": "2.0" }, "/warm-start?lease=a-1&h=1&e=1"),
      pollHead(),
    ];
    const client = await openRaw(
      broker.port,
      heads.map(() => "GET"),
    );

    for (const [index, head] of heads.entries()) {
      await client.send(head);
      await client.until(() => client.answered === index + 1);
    }

    expect(broker.core.polls.map(({ poll }) => [poll.controller, poll.key.split("\0")[2]])).toEqual(
      [
        ["controller_1", "0.5"],
        ["controller_2", "0.5"],
        ["controller_1", "1"],
        ["controller_1", "2"],
        ["controller_1", "0.5"],
      ],
    );
    // The delivery before it was another controller's.
    expect(broker.core.polls.map(({ sameSocket }) => sameSocket)).toEqual([
      false,
      false,
      false,
      true,
      true,
    ]);
    client.hangUp();
  });

  test("is found by names of any case, in any order", async () => {
    using broker = startScriptedServer();
    const lines = Object.entries(pollLines).reverse();
    const client = await openRaw(broker.port, ["GET"]);

    await client.send(
      `GET /warm-start HTTP/1.1\r\n${lines.map(([name, value]) => `${name.toUpperCase()}:\t${value} \r\n`).join("")}\r\n`,
    );

    expect((await broker.core.pollNumber(0)).poll.key).toBe(KEY);
    client.hangUp();
  });

  test("without a header that is part of its key, or with one twice, is answered 400", async () => {
    using broker = startScriptedServer();
    const twice = pollHead().replace("\r\n\r\n", "\r\nX-Trigger-Machine-Cpu: 0.5\r\n\r\n");
    const without = pollHead().replace(/x-trigger-deployment-id.*\r\n/, "");

    for (const head of [twice, without]) {
      const client = await openRaw(broker.port, ["GET"]);
      await client.send(head);
      await client.until(() => client.answered === 1);
      expect(client.answers[0]!.status).toBe(400);
      client.hangUp();
    }
    expect(broker.core.polls).toHaveLength(0);
  });

  test("keeps what is sent ahead behind it until it is answered, and all of it in order", async () => {
    using broker = startScriptedServer();
    const client = await openRaw(broker.port, ["GET", "GET", "GET"]);

    await client.send(`${pollHead()}GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n${pollHead()}`);
    const first = await broker.core.pollNumber(0);
    expect(client.answered).toBe(0);
    first.socket.deliver(Message.of(MESSAGE));
    const second = await broker.core.pollNumber(1);
    second.socket.dismiss();
    await client.until(() => client.answered === 3);

    expect(client.answers.map(({ status }) => status)).toEqual([200, 200, 410]);
    client.hangUp();
  });

  test("that is answered while another connection has its turn goes on with what was sent ahead", async () => {
    using broker = startScriptedServer();
    const [one, two] = await Promise.all([
      openRaw(broker.port, ["GET", "GET"]),
      openRaw(broker.port, ["GET"]),
    ]);
    await one.send(pollHead() + pollHead());
    const first = await broker.core.pollNumber(0);
    broker.core.onPoll = ({ socket }) => {
      broker.core.onPoll = () => false;
      first.socket.deliver(Message.of(MESSAGE));
      socket.deliver(Message.of(MESSAGE));
      return true;
    };

    await two.send(pollHead({ "x-trigger-workload-controller-id": "controller_2" }));
    await broker.core.pollNumber(2);

    await one.until(() => one.answered === 1);
    await two.until(() => two.answered === 1);
    expect(broker.core.polls[2]!.poll.controller).toBe("controller_1");
    one.hangUp();
    two.hangUp();
  });

  test("whose client sends more ahead than is kept is cut off", async () => {
    using broker = startScriptedServer();
    const client = await openRaw(broker.port, ["GET", "GET"]);

    await client.send(pollHead());
    const held = await broker.core.pollNumber(0);
    await client.send("x".repeat(pipelinedBytesMax + 1));
    await client.until(() => client.ended !== null);

    expect(broker.core.wentAway).toEqual([held]);
  });

  for (const end of [{ halfClose: true }, { close: true }, { reset: true }] as const) {
    test(`is gone when its client ends the connection: ${Object.keys(end)[0]}`, async () => {
      using broker = startScriptedServer();
      const client = await openRaw(broker.port, ["GET"]);
      await client.send(pollHead());
      const held = await broker.core.pollNumber(0);

      await client.take(end);
      await until(() => broker.core.wentAway.length > 0);
      await until(() => broker.server.facts().connections === 0);

      expect(broker.core.wentAway).toEqual([held]);
      expect(broker.server.facts()).toMatchObject({ polls: 0, lost: 0 });
      client.hangUp();
    });
  }

  test("is closed without an answer when the core says so, and dismissed with 410", async () => {
    using broker = startScriptedServer();
    const [closed, dismissed] = await Promise.all([
      openRaw(broker.port, ["GET"]),
      openRaw(broker.port, ["GET"]),
    ]);

    await closed.send(pollHead());
    (await broker.core.pollNumber(0)).socket.close();
    await closed.until(() => closed.ended !== null);
    await dismissed.send(pollHead());
    (await broker.core.pollNumber(1)).socket.dismiss();
    await dismissed.until(() => dismissed.ended !== null);

    expect([closed.ended, closed.answered]).toEqual(["closed", 0]);
    expect([dismissed.ended, dismissed.answers[0]?.status]).toEqual(["closed", 410]);
    expect(broker.core.wentAway).toEqual([]);
    dismissed.hangUp();
  });

  test("of HTTP/1.0 is answered, and its connection closed", async () => {
    using broker = startScriptedServer();
    const client = await openRaw(broker.port, ["GET"]);

    await client.send(pollHead({ connection: "close" }).replace("HTTP/1.1", "HTTP/1.0"));
    (await broker.core.pollNumber(0)).socket.deliver(Message.of(MESSAGE));
    await client.until(() => client.ended !== null);

    expect(client.answers[0]!.body).toEqual(MESSAGE);
  });

  test("with a deployment token that is refused is answered 401 and not held", async () => {
    using broker = startScriptedServer({
      config: { tokenSecret: "s".repeat(32), tokenEnforcement: "enforce" },
    });
    const client = await openRaw(broker.port, ["GET"]);

    await client.send(pollHead({ "x-trigger-deployment-id": "aaaa.bbbb.cccc" }));
    await client.until(() => client.answered === 1);

    expect(client.answers[0]!.status).toBe(401);
    expect(client.answers[0]!.body.toString()).not.toContain("aaaa");
    expect(broker.core.polls).toHaveLength(0);
    expect(broker.server.facts()).toMatchObject({ refused: 1, unauthorized: 0 });
    client.hangUp();
  });

  test("of Bun's fetch, sent again by itself when its kept connection is closed, is a poll like any other", async () => {
    using broker = startScriptedServer();
    broker.core.onPoll = ({ socket }) => {
      const { length } = broker.core.polls;
      if (length === 2) socket.close();
      else socket.deliver(Message.of(MESSAGE));
      return true;
    };
    const poll = () => fetch(`http://127.0.0.1:${broker.port}/warm-start`, { headers: pollLines });

    await (await poll()).arrayBuffer();
    const second = await poll();

    expect(await second.json()).toEqual({ a: "é" });
    expect(broker.core.polls).toHaveLength(3);
    expect(broker.core.wentAway).toEqual([]);
  });
});
