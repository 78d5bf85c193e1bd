/**
 * The demo as a visitor: requests, a WebSocket and server-sent events through the edge. They go to the loopback address
 * with the app's Host header, since not every machine resolves names below `localhost`.
 */
import { expectThat } from "./demo-steps.ts";

export class DemoEdge {
  readonly #address: string;
  readonly #host: string;

  /** @param url the app's URL, as the deploy gave it. */
  constructor(url: string) {
    const { host, port } = new URL(url);
    this.#host = host;
    this.#address = `127.0.0.1:${port === "" ? 80 : port}`;
  }

  /** Never follows, never throws for a status. */
  async fetch(path: string, signal: AbortSignal, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set("host", this.#host);
    return fetch(`http://${this.#address}${path}`, {
      ...init,
      headers,
      signal,
      redirect: "manual",
    });
  }

  /** @throws {DemoMismatch} when the status is another one. */
  async json<T>(
    path: string,
    signal: AbortSignal,
    init: RequestInit = {},
    status = 200,
  ): Promise<T> {
    const response = await this.fetch(path, signal, init);
    expectThat(
      response.status === status,
      `${init.method ?? "GET"} ${path} answered ${response.status} instead of ${status}`,
    );
    return (await response.json()) as T;
  }

  /** Sends a text and gives the messages that come, until the loop is left or the signal aborts. */
  async *converse(path: string, text: string, signal: AbortSignal): AsyncGenerator<string> {
    const socket = new WebSocket(`ws://${this.#address}${path}`, {
      headers: { host: this.#host },
    } as never);
    const received: string[] = [];
    let ended: string | null = null;
    let wake = () => {};
    socket.onopen = () => socket.send(text);
    socket.onmessage = ({ data }) => {
      received.push(String(data));
      wake();
    };
    socket.onclose = ({ code }) => {
      ended = `the WebSocket at ${path} closed with code ${code}`;
      wake();
    };
    const onAbort = () => socket.close();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      for (;;) {
        const message = received.shift();
        if (message !== undefined) {
          yield message;
          continue;
        }
        expectThat(ended === null, ended ?? "");
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
      socket.close();
    }
  }

  /** Data of each server-sent event as it comes. Leaving the loop closes the stream. */
  async *events(path: string, signal: AbortSignal): AsyncGenerator<string> {
    const response = await this.fetch(path, signal);
    const type = response.headers.get("content-type") ?? "nothing";
    expectThat(type.startsWith("text/event-stream"), `GET ${path} answered with ${type}`);
    const decoder = new TextDecoder();
    let text = "";
    for await (const bytes of response.body as ReadableStream<Uint8Array>) {
      const events = (text + decoder.decode(bytes, { stream: true })).split("\n\n");
      text = events.pop() as string;
      for (const event of events) yield /^data: (.*)$/m.exec(event)?.[1] ?? "";
    }
    expectThat(false, `GET ${path} ended`);
  }
}
