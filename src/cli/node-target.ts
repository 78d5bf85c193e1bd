/**
 * Which node a command asks, in this order: `--node`, `--context`, `--data-dir`, LEVAIN_NODE, LEVAIN_CONTEXT,
 * LEVAIN_DATA_DIR, the context that `levain login` or `levain context use` chose, the default data directory.
 *
 * A token goes to the node it belongs to and to no other: LEVAIN_TOKEN is for LEVAIN_NODE, `--node` and the data
 * directory, a context has its own.
 */
import { PlatformError } from "../base/errors.ts";
import type { AdminTarget } from "./admin-client.ts";
import { type Context, LOCAL, readContexts } from "./contexts.ts";
import { usageError } from "./failure.ts";
import type { Call, Verb } from "./verb.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Verbs that do not ask a node that may be elsewhere get the data directory alone.
 *
 * @throws {PlatformError} `INPUT_INVALID` for an address that a token must not be sent to; `CONTEXT_UNKNOWN`,
 *   `CONTEXTS_UNUSABLE`
 */
export function nodeTargetOf(
  verb: Verb,
  flags: Call["flags"],
  env: Environment,
  dataDir: string,
): AdminTarget {
  if (verb.asksNode !== true) return { dataDir };
  const flag = (name: string) => textOf(flags[name]);
  const variable = (name: string) => textOf(env[name]);
  const token = flag("token");
  const own = { dataDir, token: token ?? variable("LEVAIN_TOKEN") };
  const at = (url: string) => addressTarget(url, own, env);
  const inContext = (name: string) => contextTarget(name, { ...own, token }, own, env);

  const named = flag("node");
  if (named !== undefined) return at(named);
  const context = flag("context");
  if (context !== undefined) return inContext(context);
  if (flag("dataDir") !== undefined) return own;
  const variableNode = variable("LEVAIN_NODE");
  if (variableNode !== undefined) return at(variableNode);
  const variableContext = variable("LEVAIN_CONTEXT");
  if (variableContext !== undefined) return inContext(variableContext);
  if (variable("LEVAIN_DATA_DIR") !== undefined || verb.isLocalUnlessNamed === true) return own;
  const { current } = readContexts(env);
  return current === null ? own : inContext(current);
}

function addressTarget(url: string, own: AdminTarget, env: Environment): AdminTarget {
  const origin = nodeUrlOf(url, false);
  if (own.token !== undefined && new URL(origin).protocol === "http:")
    return { ...own, url: origin };
  // Somebody who has logged in there need not say it all again.
  const known = Object.values(readContexts(env).contexts).find((one) => one.url === origin);
  return {
    ...own,
    url: origin,
    token: own.token ?? known?.token,
    ca: known?.ca ?? undefined,
  };
}

function contextTarget(
  name: string,
  given: AdminTarget,
  own: AdminTarget,
  env: Environment,
): AdminTarget {
  if (name === LOCAL) return own;
  const { contexts } = readContexts(env);
  const context: Context | undefined = Object.hasOwn(contexts, name) ? contexts[name] : undefined;
  if (context === undefined) throw new PlatformError("CONTEXT_UNKNOWN", [name.slice(0, 100)]);
  const { url, token, ca } = context;
  return { ...given, url: nodeUrlOf(url, true), token: given.token ?? token, ca: ca ?? undefined };
}

const LOOPBACK_NAMES = ["127.0.0.1", "localhost", "[::1]"];

/**
 * The address of a node as it is used: scheme, host and port.
 *
 * @param mayBePlain whether a token may cross a network in the clear
 * @throws {PlatformError} `INPUT_INVALID`
 */
export function nodeUrlOf(text: string, mayBePlain: boolean): string {
  const url = URL.parse(text);
  const isBare =
    url?.pathname === "/" && url.search === "" && url.hash === "" && url.username === "";
  const isHttp = url?.protocol === "http:" || url?.protocol === "https:";
  if (url === null || !isBare || !isHttp) {
    throw usageError(
      `--node "${text.slice(0, 200)}" is no address such as https://levain.example.com or http://127.0.0.1:4001`,
    );
  }
  if (url.protocol === "https:" || LOOPBACK_NAMES.includes(url.hostname) || mayBePlain) {
    return url.origin;
  }
  throw usageError(
    `--node "${url.origin}" would send the token in the clear; use https://, or lead a tunnel: ssh -N -L 4001:127.0.0.1:4001 <machine>. On a network that encrypts by itself, \`levain login --plain-http\``,
  );
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
