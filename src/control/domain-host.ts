/** Which hosts can be an app's own. Pure. */
import { isIP } from "node:net";
import { PlatformError } from "../base/errors.ts";
import { domainHostCharactersMax, domainLabelCharactersMax } from "./limits.ts";

/**
 * The host as it is kept and routed: lower case, in ASCII (`bücher.example` is `xn--bcher-kva.example`), without a final dot.
 *
 * @param platform the node's own domain, in lower case
 * @throws {PlatformError} `DOMAIN_INVALID`
 */
export function domainHostOf(text: string, platform: string): string {
  const host = asciiOf(text);
  const problem = host === null ? "it is no host name" : problemOf(host, platform);
  if (problem !== null) throw new PlatformError("DOMAIN_INVALID", [text.slice(0, 300), problem]);
  return host as string;
}

/** Null for what is none, or more than one. */
function asciiOf(text: string): string | null {
  // What an address has beside a host would be taken for a part of it that does not count.
  if (text.length > 2 * domainHostCharactersMax || /[\s/\\@:?#%[\]]/u.test(text)) return null;
  const host = URL.parse(`http://${text}/`)?.hostname;
  if (host === undefined || host === "") return null;
  return host.endsWith(".") ? host.slice(0, -1) : host;
}

function problemOf(host: string, platform: string): string | null {
  if (host.includes("*")) return "a wildcard cannot be proved to be anybody's; add each host";
  if (isIP(host) !== 0) return "it is an address, not a name";
  if (host.length > domainHostCharactersMax) {
    return `it has ${host.length} characters, at most ${domainHostCharactersMax} are allowed`;
  }
  const labels = host.split(".");
  const isLabel = (label: string) =>
    label.length <= domainLabelCharactersMax && /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(label);
  if (!labels.every(isLabel)) return "its parts must be letters, digits and dashes";
  if (labels.length < 2) return "it must have a dot";
  if (/^\d+$/.test(labels.at(-1) ?? "")) return "it is an address, not a name";
  if (host === platform || host.endsWith(`.${platform}`)) {
    return "names of the platform's own domain belong to its apps already";
  }
  return labels.at(-1) === "localhost" ? "it never leaves a machine" : null;
}
