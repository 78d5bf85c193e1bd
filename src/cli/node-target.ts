/** Which node a command asks: the one of a data directory, or one that listens at an address of this machine. */
import type { AdminTarget } from "./admin-client.ts";
import { usageError } from "./failure.ts";
import type { Call, Verb } from "./verb.ts";

/**
 * A flag, else its variable, else the data directory. Verbs that do not ask a node that may be elsewhere get the data
 * directory alone.
 *
 * @throws {PlatformError} `INPUT_INVALID` for an address that is not of this machine
 */
export function nodeTargetOf(
  verb: Verb,
  flags: Call["flags"],
  env: Readonly<Record<string, string | undefined>>,
  dataDir: string,
): AdminTarget {
  if (verb.asksNode !== true) return { dataDir };
  const given = (flag: unknown, variable: string) =>
    (typeof flag === "string" ? flag : env[variable]) || undefined;
  const url = given(flags.node, "LEVAIN_NODE");
  return {
    dataDir,
    url: url === undefined ? undefined : loopbackUrl(url),
    token: given(flags.token, "LEVAIN_TOKEN"),
  };
}

const LOOPBACK_NAMES = ["127.0.0.1", "localhost", "[::1]"];

/** The admin API answers nobody else, and a token must not cross a network in the clear. */
function loopbackUrl(text: string): string {
  const url = URL.parse(text);
  const isLoopback = url?.protocol === "http:" && LOOPBACK_NAMES.includes(url.hostname);
  const isBare = url?.pathname === "/" && url.search === "" && url.username === "";
  if (url !== null && isLoopback && isBare) return url.origin;
  throw usageError(
    `--node "${text}" is no address such as http://127.0.0.1:4001; to a node elsewhere lead a tunnel: ssh -N -L 4001:127.0.0.1:4001 <machine>`,
  );
}
