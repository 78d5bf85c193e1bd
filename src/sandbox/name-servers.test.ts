/** Goal: it is known whether strict apps can resolve names. Method: name servers on sockets of this machine, good and bad. */
import { afterEach, describe, expect, test } from "bun:test";
import { askNameServers, nameServerAddresses } from "./name-servers.ts";

const servers: Bun.TCPSocketListener[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.stop(true);
});

/** A server that does something with each piece it gets. @returns its port */
function serve(onData: (socket: Bun.Socket, data: Buffer) => void): number {
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: (socket, data) => onData(socket, Buffer.from(data)) },
  });
  servers.push(server);
  return server.port;
}

/** The answers to the questions in a piece: the same with the bit of an answer. */
function answersTo(data: Buffer): Buffer[] {
  const answers: Buffer[] = [];
  for (let at = 0; at + 2 < data.length; at += 2 + data.readUInt16BE(at)) {
    const answer = Buffer.from(data.subarray(at, at + 2 + data.readUInt16BE(at)));
    answer[4]! |= 0x80;
    answers.push(answer);
  }
  return answers;
}

const ask = async (port: number) => (await askNameServers(["127.0.0.1"], port))[0]!.answers;

describe("a name server", () => {
  test("that answers both questions can be used", async () => {
    const port = serve((socket, data) => void socket.write(Buffer.concat(answersTo(data))));

    expect(await ask(port)).toBe("both");
  });

  test("that answers in other order and in single bytes can be used", async () => {
    const port = serve(async (socket, data) => {
      for (const byte of Buffer.concat(answersTo(data).reverse())) {
        socket.write(Buffer.from([byte]));
        socket.flush();
        await Promise.resolve();
      }
    });

    expect(await ask(port)).toBe("both");
  });

  test("that closes after its first answer cannot", async () => {
    const port = serve((socket, data) => void socket.end(answersTo(data)[0]));

    expect(await ask(port)).toBe("one");
  });

  const others: [what: string, onData: (socket: Bun.Socket, data: Buffer) => void][] = [
    ["speaks HTTP", (socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")],
    ["gives the questions back", (socket, data) => void socket.end(data)],
    ["closes at once", (socket) => void socket.end()],
    ["says nothing", () => {}],
  ];
  test.each(others)("that %s is none", async (_, onData) => {
    expect(await ask(serve(onData))).toBe("none");
  });

  test("where nobody listens is none", async () => {
    const port = serve(() => {});
    servers.pop()!.stop(true);

    expect(await ask(port)).toBe("none");
  });
});

test("the name servers are those of resolv.conf, as many as the C library asks", () => {
  const text =
    "# nameserver 192.0.2.9\nsearch example\nnameserver 192.0.2.1\nnameserver\tfe80::1%eth0\n";

  expect(nameServerAddresses(text)).toEqual(["192.0.2.1", "fe80::1%eth0"]);
  expect(nameServerAddresses(text.repeat(3))).toHaveLength(3);
  expect(nameServerAddresses("")).toEqual(["127.0.0.1"]);
  expect(nameServerAddresses(null)).toEqual(["127.0.0.1"]);
});
