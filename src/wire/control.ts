/** Control messages: JSON on stream 0, between the node and one runner. */
import { holderNameCharactersMax, holdersPerMessageMax } from "./limits.ts";

/** node → runner: become this version. Sent once. */
export interface LoadMessage {
  type: "load";
  /** Folder of the artifact; becomes the working directory. */
  root: string;
  /** Module to import, relative to `root`. */
  entry: string;
  /** What the app finds behind the entry in `process.argv`. */
  args: readonly string[];
  ephemeral: boolean;
  /** The app's values and the documented `LEVAIN_*` ones; replaces what the process was started with. */
  env: Record<string, string>;
  /** `permissions.connect` of a version that is held to it; null: not held. */
  connect: string[] | null;
  /** It may listen on ports of the machine, other than PORT. */
  listen: boolean;
  /** Path of a unix socket of the process's own, for upgraded connections; others of the app's stand beside it. */
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

/** runner → node: the app's module has run, and has neither a handler nor listens yet. Comes before `loaded` or `failed`. */
export interface WaitingMessage {
  type: "waiting";
}

/** runner → node: the app has a handler or listens, and takes requests. */
export interface LoadedMessage {
  type: "loaded";
}

/** node → runner: call the app's `onStandby` hooks; it is to be frozen. `settled` answers. */
export interface SettleMessage {
  type: "settle";
  /** Comes back in the answer. Count. */
  turn: number;
}

/** runner → node: those hooks have run, or their time is over. */
export interface SettledMessage {
  type: "settled";
  turn: number;
}

/** node → runner: go on, with `onResume` hooks before anything else; what `settle` has begun is over. */
export interface ResumeMessage {
  type: "resume";
}

/** runner → node: those hooks have run, or their time is over. */
export interface ResumedMessage {
  type: "resumed";
}

/** node → runner: `lifecycle` was heard, and another may come. */
export interface HeardMessage {
  type: "heard";
}

const HOLDER_KINDS = ["waitUntil", "keepAwake"] as const;
export type HolderKind = (typeof HOLDER_KINDS)[number];

/** What keeps an app awake. */
export interface Holder {
  /** Of one process; never used again. */
  id: number;
  kind: HolderKind;
  /** The app's own word for it; may be empty. */
  name: string;
}

/** runner → node: what has changed since the last one was heard. */
export interface LifecycleMessage {
  type: "lifecycle";
  /** At most `holdersPerMessageMax`. */
  taken: Holder[];
  /** Ids of holders that the node knows; as many at most. */
  released: number[];
  /** The app has hooks: it has to be told before it is frozen and when it goes on. */
  hasHooks: boolean;
}

/** What a runner says about the sleep of its app. */
export type LifecycleEvent = LifecycleMessage | SettledMessage | ResumedMessage;

/** Those that end in `SERVER`: the app listens in a way that gives it no requests. */
const FAILURE_CODES = [
  "MODULE_MISSING",
  "NO_HANDLER",
  "THREW",
  "EPHEMERAL_SERVER",
  "SEVERAL_SERVERS",
  "TLS_SERVER",
  "TCP_SERVER",
  "CLUSTER_SERVER",
] as const;
export type FailureCode = (typeof FAILURE_CODES)[number];

/** runner → node: the app cannot take requests; the process ends by itself. */
export interface FailedMessage {
  type: "failed";
  code: FailureCode;
  /** Name of the missing module, the ports of the servers, or the error's message. */
  message: string;
}

/** Answers to `load`: `waiting`, and `loaded` or `failed`. Count. */
export const loadAnswersMax = 2;

export type NodeMessage = LoadMessage | WireMessage | SettleMessage | ResumeMessage | HeardMessage;
export type RunnerMessage =
  | StartedMessage
  | LoadedMessage
  | WaitingMessage
  | WiredMessage
  | FailedMessage
  | LifecycleEvent;

/** Characters of the text in a `failed` message; more is cut at both ends. */
export const failedTextMax = 4096;

/** A message of the runner's, or null when it is none we know: the process is not trusted. */
export function asRunnerMessage(message: unknown): RunnerMessage | null {
  if (!isRecord(message)) return null;
  const { type, code, message: text, turn } = message;
  switch (type) {
    case "started":
    case "loaded":
    case "waiting":
    case "wired":
    case "resumed":
      return { type };
    case "settled":
      return isCount(turn) ? { type, turn } : null;
    case "lifecycle":
      return asLifecycle(message);
    case "failed":
      if (typeof text !== "string" || !isOneOf(FAILURE_CODES, code)) return null;
      return { type, code, message: text.slice(0, failedTextMax) };
    default:
      return null;
  }
}

function asLifecycle({
  taken,
  released,
  hasHooks,
}: Record<string, unknown>): LifecycleMessage | null {
  if (!Array.isArray(taken) || !Array.isArray(released)) return null;
  if (taken.length > holdersPerMessageMax || released.length > holdersPerMessageMax) return null;
  if (!released.every(isCount)) return null;
  const holders: Holder[] = [];
  for (const one of taken) {
    if (!isRecord(one) || !isCount(one["id"]) || !isOneOf(HOLDER_KINDS, one["kind"])) return null;
    if (typeof one["name"] !== "string") return null;
    holders.push({ id: one["id"], kind: one["kind"], name: shownName(one["name"]) });
  }
  return { type: "lifecycle", taken: holders, released, hasHooks: hasHooks === true };
}

/** A name as it is shown: on one line, of bounded length. */
export function shownName(name: string): string {
  return name.slice(0, holderNameCharactersMax).replace(/\p{C}/gu, " ").trim();
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isOneOf<const T extends string>(all: readonly T[], value: unknown): value is T {
  return all.includes(value as T);
}
