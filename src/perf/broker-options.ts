/** The flags of `levain bench broker`, checked. Pure. */
import { PlatformError } from "../base/errors.ts";
import type { BrokerLoadPlan } from "./broker-plan.ts";
import {
  brokerConnectionsMax,
  brokerControllersDefault,
  brokerDispatchersDefault,
  brokerKeysDefault,
  brokerPayloadBytesDefault,
  brokerPayloadBytesLargest,
  brokerWarmUpMsDefault,
  durationMsDefault,
  durationMsLargest,
} from "./limits.ts";

export interface BrokerBenchOptions extends Omit<BrokerLoadPlan, "url" | "serverPid"> {
  /** Null: a broker of its own. */
  url: string | null;
  /** Of its own broker. Milliseconds. */
  directWithinMs: number;
}

/** For the verb's help. */
export const BROKER_BENCH_FLAGS = [
  [
    "--controllers <count>",
    `idle runners that poll again at once (default ${brokerControllersDefault})`,
  ],
  ["--dispatchers <count>", `closed loops of dispatches (default ${brokerDispatchersDefault})`],
  ["--keys <count>", `deployments and machines they differ in (default ${brokerKeysDefault})`],
  ["--payload-bytes <bytes>", `of each message (default ${brokerPayloadBytesDefault})`],
  ["--hit-ratio <share>", "dispatches for which somebody waits, 0 to 1 (default 1)"],
  ["--duration-ms <ms>", `counted time (default ${durationMsDefault})`],
  ["--warmup-ms <ms>", `load before it (default ${brokerWarmUpMsDefault})`],
  ["--direct-within-ms <ms>", "of its own broker, as `levain broker` takes it (default 0)"],
  ["--seed <number>", "of what is drawn at random (default 1)"],
  ["--url <url>", "any broker that runs, instead of one of its own: where runners poll"],
  ["--dispatch-url <url>", "where that one takes dispatches (default: the same)"],
] as const;

/** The variable that the dispatch token is read from: a flag is seen by every user of the machine. */
export const dispatchTokenVariable = "LEVAIN_BROKER_DISPATCH_TOKEN";

type Flags = Readonly<Record<string, string | boolean | undefined>>;

/** @throws {PlatformError} `INPUT_INVALID` naming the flag and its value */
export function readBrokerBenchOptions(
  flags: Flags,
  env: Readonly<Record<string, string | undefined>>,
): BrokerBenchOptions {
  const count = (name: string, least: number, largest: number, byDefault: number) => {
    const value = number(flags, name, least, largest, byDefault);
    if (!Number.isInteger(value)) throw refusal(name, flags[name], "a whole number");
    return value;
  };
  const url = origin(flags, "url");
  const dispatchUrl = origin(flags, "dispatchUrl");
  if (url === null && dispatchUrl !== null) {
    throw new PlatformError("INPUT_INVALID", ["--dispatch-url needs --url: whose broker is it?"]);
  }
  if (url !== null && flags["directWithinMs"] !== undefined) {
    throw new PlatformError("INPUT_INVALID", [
      "--direct-within-ms and --url do not go together: that broker has its own setting",
    ]);
  }
  return {
    url,
    dispatchUrl: dispatchUrl ?? url ?? "",
    dispatchToken: env[dispatchTokenVariable] || null,
    controllers: count("controllers", 0, brokerConnectionsMax, brokerControllersDefault),
    dispatchers: count("dispatchers", 0, brokerConnectionsMax, brokerDispatchersDefault),
    keys: count("keys", 1, brokerConnectionsMax, brokerKeysDefault),
    payloadBytes: count("payloadBytes", 1, brokerPayloadBytesLargest, brokerPayloadBytesDefault),
    hitRatio: number(flags, "hitRatio", 0, 1, 1),
    durationMs: count("durationMs", 1, durationMsLargest, durationMsDefault),
    warmUpMs: count("warmupMs", 0, durationMsLargest, brokerWarmUpMsDefault),
    directWithinMs: count("directWithinMs", 0, 60_000, 0),
    seed: count("seed", 0, 0xffff_ffff, 1),
  };
}

function number(flags: Flags, name: string, least: number, largest: number, byDefault: number) {
  const text = flags[name];
  if (text === undefined) return byDefault;
  const value = /^\d+(\.\d+)?$/.test(`${text}`) ? Number(text) : Number.NaN;
  if (value >= least && value <= largest) return value;
  throw refusal(name, text, `a number from ${least} to ${largest}`);
}

/** A broker is at the root of its address: clients drop any path. */
function origin(flags: Flags, name: string): string | null {
  const text = flags[name];
  if (text === undefined) return null;
  const url = URL.parse(`${text}`);
  if (url?.protocol === "http:" && url.pathname === "/" && url.search === "") return url.origin;
  throw refusal(name, text, "an address with http:// and without a path");
}

function refusal(name: string, value: unknown, wanted: string): PlatformError {
  const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return new PlatformError("INPUT_INVALID", [`--${flag} is "${value}", must be ${wanted}`]);
}
