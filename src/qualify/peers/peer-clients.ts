/** What the other side of a case does as a client, and to the process of the case. */
import { connect } from "node:net";

/** Long polls that wait at the same time. Count. */
const pollsAtOnce = 500;

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export async function post(asked: { url: string; bodyBytes: number; count: number }) {
  const body = new Uint8Array(asked.bodyBytes).fill(65);
  const answers = Array.from({ length: asked.count }, async () =>
    (await fetch(asked.url, { method: "POST", body })).text(),
  );
  return { answers: await Promise.all(answers) };
}

/** Each waits until the server has its request, and leaves. */
export async function driveLongPolls({ port, count }: { port: number; count: number }) {
  let left = count;
  const one = () => leaveAfter(port, "/poll", 2);
  const rows = Array.from({ length: pollsAtOnce }, async () => {
    while (left-- > 0) await one();
  });
  await Promise.all(rows);
  return {};
}

/** Clients that go after they have asked. */
export async function leave(asked: { port: number; path: string; count: number }) {
  const all = Array.from({ length: asked.count }, () => leaveAfter(asked.port, asked.path, 50));
  await Promise.all(all);
  return {};
}

function leaveAfter(port: number, path: string, afterMs: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: qualify\r\n\r\n`, () => {
        setTimeout(() => socket.destroy(), afterMs);
      });
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve());
  });
}

interface SocketsAsked {
  port: number;
  sockets: number;
  messages: number;
  messageBytes: number;
}

export async function driveWebSockets({ port, sockets, messages, messageBytes }: SocketsAsked) {
  let echoes = 0;
  let wrong = 0;
  const one = async (at: number) => {
    const text = String(at % 10).repeat(messageBytes);
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
    const over = Promise.withResolvers<void>();
    let left = messages;
    socket.onopen = () => socket.send(text);
    socket.onmessage = ({ data }) => {
      echoes += 1;
      if (data !== text) wrong += 1;
      left -= 1;
      if (left > 0) socket.send(text);
      // Half of them say goodbye.
      else if (at % 2 === 0) socket.close();
      else socket.terminate();
    };
    socket.onerror = () => over.resolve();
    socket.onclose = () => over.resolve();
    await over.promise;
  };
  await Promise.all(Array.from({ length: sockets }, (_, at) => one(at)));
  return { echoes, wrong };
}

/** Answers first, then the process stands still for a while. */
export async function stopProcess(asked: { pid: number; forMs: number; afterMs: number }) {
  void (async () => {
    await sleep(asked.afterMs);
    process.kill(asked.pid, "SIGSTOP");
    await sleep(asked.forMs);
    process.kill(asked.pid, "SIGCONT");
  })().catch(() => {});
  return {};
}
