/** Control messages: JSON on stream 0, between the node and one runner. */

/** node → runner: become this version. Sent once. */
export interface LoadMessage {
  type: "load";
  /** Folder of the artifact; becomes the working directory. */
  root: string;
  /** Module to import, relative to `root`. */
  entry: string;
  ephemeral: boolean;
  /** The app's values and the documented `LEVAIN_*` ones; replaces what the process was started with. */
  env: Record<string, string>;
  /** Path of a unix socket of the process's own, for upgraded connections. */
  socketPath: string;
}

/** node → runner: take the end of another wire from descriptor 4, and serve it too. It was sent before this is. */
export interface WireMessage {
  type: "wire";
}

/** runner → node: another wire was taken. */
export interface WiredMessage {
  type: "wired";
}

/** runner → node: the process is up and can be given a version. */
export interface StartedMessage {
  type: "started";
}

/** runner → node: the app has a handler and takes requests. */
export interface LoadedMessage {
  type: "loaded";
}

/** `NODE_SERVER`: the app listens with node:http, which nothing can be captured from. */
const FAILURE_CODES = ["MODULE_MISSING", "NO_HANDLER", "NODE_SERVER", "THREW"] as const;
export type FailureCode = (typeof FAILURE_CODES)[number];

/** runner → node: the app cannot take requests; the process ends by itself. */
export interface FailedMessage {
  type: "failed";
  code: FailureCode;
  /** Name of the missing module, or the error's message. */
  message: string;
}

export type NodeMessage = LoadMessage | WireMessage;
export type RunnerMessage = StartedMessage | LoadedMessage | WiredMessage | FailedMessage;

/** Characters of the text in a `failed` message; more is cut at both ends. */
export const failedTextMax = 4096;

/** A message of the runner's, or null when it is none we know: the process is not trusted. */
export function asRunnerMessage(message: unknown): RunnerMessage | null {
  if (typeof message !== "object" || message === null) return null;
  const { type, code, message: text } = message as Record<string, unknown>;
  if (type === "started" || type === "loaded" || type === "wired") return { type };
  if (type !== "failed" || typeof text !== "string") return null;
  if (!FAILURE_CODES.includes(code as FailureCode)) return null;
  return { type, code: code as FailureCode, message: text.slice(0, failedTextMax) };
}
