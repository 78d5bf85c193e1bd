import { describe, expect, test } from "bun:test";
import { pick, randomOf, testSeed } from "../../src/base/random-for-tests.ts";
import { until } from "../../src/base/until-for-tests.ts";
import {
  type ScriptedServer,
  startScriptedServer,
} from "../../src/broker/scripted-server-for-tests.ts";
import {
  chunkedDispatch,
  dispatchBody,
  dispatchRequest,
  openRaw,
  sendSplit,
} from "./raw-requests.ts";

/** The message of `dispatchBody`, as it is forwarded. */
const innerOf = (body: string) => body.slice('{"dequeuedMessage":'.length, -1);

function answersTrue(broker: ScriptedServer): void {
  broker.core.onDispatch = ({ dispatcher }) => dispatcher.answer(true);
}

describe("a dispatch", () => {
  test("is answered with what the core says, and its message kept byte for byte", async () => {
    using broker = startScriptedServer();
    const client = await openRaw(broker.port, ["POST", "POST"]);
    const body = dispatchBody("snapshot_ü");

    await client.send(Buffer.from(dispatchRequest(body, "traceparent: 00-1-2-01\r\n")));
    const first = await broker.core.dispatchNumber(0);
    first.dispatcher.answer(true);
    await client.send(Buffer.from(dispatchRequest(body)));
    (await broker.core.dispatchNumber(1)).dispatcher.answer(false);
    await client.until(() => client.answered === 2);

    expect(first.dispatch).toMatchObject({
      key: "deployment_1\u000020260101.1\u00000.5\u00000.5",
      snapshot: "snapshot_ü",
      run: "run_1",
      traceparent: "00-1-2-01",
    });
    expect(String(first.dispatch.message)).toBe(innerOf(body));
    expect(client.answers.map(({ body }) => body.toString())).toEqual([
      '{"didWarmStart":true}',
      '{"didWarmStart":false}',
    ]);
    client.hangUp();
  });

  for (const form of ["counted", "chunked"] as const) {
    test(`is understood wherever its bytes are split: ${form}`, async () => {
      using broker = startScriptedServer();
      answersTrue(broker);
      const body = dispatchBody();
      const pieces = [body.slice(0, 5), body.slice(5, 6), body.slice(6)];
      const request = form === "counted" ? dispatchRequest(body) : chunkedDispatch(pieces);
      const random = randomOf(testSeed());
      // Every place in the head and around chunks, some in the long body.
      const places = Array.from({ length: request.length - 1 }, (_, index) => index + 1).filter(
        (at) => at < 260 || at > request.length - 12 || random(8) === 0,
      );
      const client = await openRaw(
        broker.port,
        places.map(() => "POST"),
      );

      for (const [index, at] of places.entries()) {
        await sendSplit(client, request, at);
        await client.until(() => client.answered === index + 1);
      }

      expect(broker.core.dispatches).toHaveLength(places.length);
      for (const { dispatch } of broker.core.dispatches) {
        expect(String(dispatch.message)).toBe(innerOf(body));
      }
      expect(broker.server.facts().bodyBytes).toBe(0);
      client.hangUp();
    });
  }

  test("that was sent ahead is answered in its turn, each with its own message", async () => {
    using broker = startScriptedServer();
    const client = await openRaw(broker.port, ["POST", "POST", "POST"]);
    const bodies = ["a", "b", "c"].map((name) => dispatchBody(`snapshot_${name}`));

    await client.send(bodies.map((body) => dispatchRequest(body)).join(""));
    for (let index = 0; index < 3; index++) {
      const { dispatch, dispatcher } = await broker.core.dispatchNumber(index);
      expect(broker.core.dispatches).toHaveLength(index + 1);
      // Alone, without what was sent around it.
      expect(dispatch.message.buffer.buffer.byteLength).toBeLessThan(bodies[index]!.length + 500);
      dispatcher.answer(index === 1);
    }
    await client.until(() => client.answered === 3);

    expect(broker.core.dispatches.map(({ dispatch }) => dispatch.snapshot)).toEqual([
      "snapshot_a",
      "snapshot_b",
      "snapshot_c",
    ]);
    expect(client.answers.map(({ body }) => JSON.parse(body.toString()).didWarmStart)).toEqual([
      false,
      true,
      false,
    ]);
    client.hangUp();
  });

  for (const end of [{ halfClose: true }, { close: true }, { reset: true }] as const) {
    test(`is given up when its supervisor goes: ${Object.keys(end)[0]}`, async () => {
      using broker = startScriptedServer();
      const client = await openRaw(broker.port, ["POST"]);
      await client.send(dispatchRequest());
      const held = await broker.core.dispatchNumber(0);

      await client.take(end);
      await until(() => broker.core.wentAway.length > 0);

      expect(broker.core.wentAway).toEqual([held]);
      await until(() => broker.server.facts().connections === 0);
      expect(broker.server.facts().dispatches).toBe(0);
      client.hangUp();
    });
  }

  test("whose sender waits to be asked for the body is asked", async () => {
    using broker = startScriptedServer();
    answersTrue(broker);
    const client = await openRaw(broker.port, ["POST"]);
    const [head, body] = dispatchRequest(dispatchBody(), "expect: 100-continue\r\n").split(
      "\r\n\r\n",
    );

    await client.send(`${head}\r\n\r\n`);
    await client.take({ until: "interim" });
    await client.send(body!);
    await client.until(() => client.answered === 1);

    expect(client.answers[0]!.interim.map(({ status }) => status)).toEqual([100]);
    expect(client.answers[0]!.status).toBe(200);
    client.hangUp();
  });

  test("without a deployment's name reaches the core without a key", async () => {
    using broker = startScriptedServer();
    answersTrue(broker);
    const client = await openRaw(broker.port, ["POST"]);

    await client.send(
      dispatchRequest(dispatchBody().replace('"friendlyId":"deployment_1"', '"x":1')),
    );
    await client.until(() => client.answered === 1);

    expect(broker.core.dispatches[0]!.dispatch.key).toBe("");
    client.hangUp();
  });

  test("that is not what clients take is answered 400, and the connection stays", async () => {
    using broker = startScriptedServer();
    answersTrue(broker);
    const bodies = ["", "{}", "null", "[]", '{"dequeuedMessage":{}}', "{", dispatchBody().slice(1)];
    const client = await openRaw(broker.port, [...bodies.map(() => "POST"), "POST"]);

    for (const [index, body] of bodies.entries()) {
      await client.send(dispatchRequest(body));
      await client.until(() => client.answered === index + 1);
    }
    await client.send(dispatchRequest());
    await client.until(() => client.answered === bodies.length + 1);

    expect(client.answers.map(({ status }) => status)).toEqual([...bodies.map(() => 400), 200]);
    expect(broker.core.dispatches).toHaveLength(1);
    client.hangUp();
  });

  test("without the dispatch token is answered 401, and with it taken", async () => {
    using broker = startScriptedServer({ config: { dispatchToken: "t".repeat(20) } });
    answersTrue(broker);
    const send = async (lines: string) => {
      const client = await openRaw(broker.port, ["POST"]);
      await client.send(dispatchRequest(dispatchBody(), lines));
      await client.until(() => client.answered === 1);
      client.hangUp();
      return client.answers[0]!.status;
    };

    expect(await send("")).toBe(401);
    expect(await send("authorization: Bearer no\r\n")).toBe(401);
    expect(await send(`Authorization: Bearer ${"t".repeat(20)}\r\n`)).toBe(200);
    expect(broker.server.facts().unauthorized).toBe(2);
  });
});

test("random dispatches in random pieces are answered, each for what it is", async () => {
  const seed = testSeed();
  const random = randomOf(seed);
  using broker = startScriptedServer();
  broker.core.onDispatch = ({ dispatch, dispatcher }) =>
    dispatcher.answer(dispatch.snapshot.endsWith("y"));
  const rounds = 60;
  const requests = Array.from({ length: rounds }, (_, index) => {
    const isHit = random(2) === 0;
    const body = dispatchBody(
      `${index}${isHit ? "y" : "n"}`,
      random(4) === 0 ? random(200_000) : random(200),
    );
    const kind = pick(random, ["counted", "chunked", "broken", "health"] as const);
    if (kind === "health")
      return { method: "GET", bytes: "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n", wanted: "200" };
    if (kind === "broken") {
      return {
        method: "POST",
        bytes: dispatchRequest(body.slice(0, -1 - random(20))),
        wanted: "400",
      };
    }
    const cut = random(body.length - 1) + 1;
    const bytes =
      kind === "counted"
        ? dispatchRequest(body)
        : chunkedDispatch([body.slice(0, cut), body.slice(cut)]);
    return { method: "POST", bytes, wanted: `200 ${isHit}` };
  });
  const client = await openRaw(
    broker.port,
    requests.map(({ method }) => method),
  );
  const all = requests.map(({ bytes }) => bytes).join("");

  for (let at = 0; at < all.length; ) {
    const length = pick(random, [1, 7, 300, 4000, 70_000]);
    await client.send(all.slice(at, at + length));
    at += length;
    if (random(4) === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await client.until(() => client.answered === rounds || client.ended !== null);

  const got = client.answers.map(({ status, body }) =>
    body.includes("didWarmStart")
      ? `${status} ${JSON.parse(body.toString()).didWarmStart}`
      : `${status}`,
  );
  expect({ seed, got }).toEqual({ seed, got: requests.map(({ wanted }) => wanted) });
  client.hangUp();
});
