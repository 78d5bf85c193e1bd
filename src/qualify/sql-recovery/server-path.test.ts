import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { connect, createServer, type Server, type Socket } from "node:net";
import { ServerPath } from "./server-path.ts";

/** A server that says back what it hears. */
let echo: Server;
let path: ServerPath;

beforeEach(async () => {
  echo = createServer((socket) => {
    socket.on("error", () => {});
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", resolve));
  const { port } = echo.address() as { port: number };
  path = await ServerPath.open({ host: "127.0.0.1", port });
});
afterEach(async () => {
  await path.close();
  echo.close();
});

/** Says something and returns the echo; the error or the end when there is none. */
function say(socket: Socket, text: string): Promise<string> {
  return new Promise((resolve) => {
    socket.once("data", (data) => resolve(String(data)));
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "error"));
    socket.once("end", () => resolve("end"));
    socket.write(text);
  });
}

const open = () => connect({ host: "127.0.0.1", port: path.port });

describe("a path to a server", () => {
  test("passes bytes both ways and ends with its client", async () => {
    const client = open();

    expect(await say(client, "rye")).toBe("rye");
    expect(path.passing).toBe(1);
    client.end();
    expect(await new Promise((resolve) => client.once("close", () => resolve("gone")))).toBe(
      "gone",
    );
  });

  test("resets what is open and passes what comes then", async () => {
    const client = open();
    await say(client, "rye");

    const reset = new Promise((resolve) =>
      client.once("error", (error: NodeJS.ErrnoException) => resolve(error.code)),
    );
    path.reset();

    expect(await reset).toBe("ECONNRESET");
    const next = open();
    expect(await say(next, "wheat")).toBe("wheat");
    next.destroy();
  });

  test("swallows what is open without a word and passes what comes then", async () => {
    const client = open();
    await say(client, "rye");

    path.swallow();
    const heard = say(client, "wheat");
    const next = open();
    expect(await say(next, "oats")).toBe("oats");

    expect(await Promise.race([heard, Promise.resolve("nothing")])).toBe("nothing");
    client.destroy();
    next.destroy();
  });

  test("swallows new connections, too, while it is blocked", async () => {
    path.block();
    const client = open();
    const heard = say(client, "rye");
    await new Promise((resolve) => client.once("connect", resolve));
    path.unblock();
    const next = open();

    expect(await say(next, "oats")).toBe("oats");
    expect(await Promise.race([heard, Promise.resolve("nothing")])).toBe("nothing");
    client.destroy();
    next.destroy();
  });
});
