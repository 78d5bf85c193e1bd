/** A server that answers each request with the bytes it is told to: for what a client makes of an answer. */
import type { Socket } from "bun";

/** What is written, one after the other; null ends the connection. */
export type Answer = string | null | readonly (string | null)[];

/** `count`: requests of this server until now, this one among them. */
export type Script = (head: string, count: number, url: string) => Answer;

interface Data {
  text: string;
  connection: number;
}

/** On a free port of the loopback. Stop it. */
export class ScriptedServer implements Disposable {
  readonly #listener: Bun.TCPSocketListener<Data>;
  /** Targets, with the number of the connection that each came on: `1 /connect`. */
  readonly requests: string[] = [];
  #connections = 0;

  constructor(script: Script) {
    this.#listener = Bun.listen<Data>({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open: (socket) => {
          this.#connections += 1;
          socket.data = { text: "", connection: this.#connections };
        },
        data: (socket, chunk) => this.#take(socket, chunk, script),
      },
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#listener.port}`;
  }

  [Symbol.dispose](): void {
    this.#listener.stop(true);
  }

  #take(socket: Socket<Data>, chunk: Buffer, script: Script): void {
    socket.data.text += chunk.toString("latin1");
    for (;;) {
      const end = socket.data.text.indexOf("\r\n\r\n");
      if (end < 0) return;
      const head = socket.data.text.slice(0, end);
      socket.data.text = socket.data.text.slice(end + 4);
      this.requests.push(`${socket.data.connection} ${head.split(" ")[1]}`);
      for (const part of [script(head, this.requests.length, this.url)].flat()) {
        if (part === null) return void socket.end();
        socket.write(part);
      }
    }
  }
}

/** A whole answer, with its length. */
export function answerOf(status: number, body = "", headers = ""): string {
  const length = status === 204 ? "" : `Content-Length: ${Buffer.byteLength(body)}\r\n`;
  return `HTTP/1.1 ${status} Because\r\n${length}${headers}\r\n${body}`;
}
