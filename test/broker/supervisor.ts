/** What Trigger.dev's supervisor does with a message: asks for a warm start, and starts a runner cold unless it is told true. */
import { type MachineKey, messageOf } from "./message.ts";

/** `error`: no answer, or one that says nothing; it starts a runner then, as with `false`. */
export type Verdict = "true" | "false" | "error";

export interface Ask {
  key: MachineKey;
  run: string;
  snapshot: string;
  /** Of the dispatch port, where it wants one. */
  token?: string;
  /** Ends its connection without waiting for the answer. */
  signal?: AbortSignal;
  /** Size of what a waitpoint carries. Bytes. */
  output?: number;
}

/** `origin`: of the dispatch port. Never throws. */
export async function dispatch(origin: string, ask: Ask): Promise<Verdict> {
  const dequeuedMessage = messageOf(ask.key, ask.run, ask.snapshot, ask.output);
  try {
    const response = await fetch(new URL("/warm-start", origin), {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(ask.token === undefined ? {} : { authorization: `Bearer ${ask.token}` }),
      },
      body: JSON.stringify({ dequeuedMessage }),
      ...(ask.signal === undefined ? {} : { signal: ask.signal }),
    });
    if (!response.ok) return "error";
    const { didWarmStart } = (await response.json()) as { didWarmStart: unknown };
    return didWarmStart === true ? "true" : didWarmStart === false ? "false" : "error";
  } catch {
    return "error";
  }
}
