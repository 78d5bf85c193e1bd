/**
 * What a proxy on this machine asks before it gets a certificate for a host that somebody has connected to (Caddy's `ask`):
 * `GET /v1/tls-check?domain=shop.example.com` answers 200 when something is live there, else 404. It takes no token, so it
 * says no more than a request to the host itself would, keeps nothing, and is there for this machine alone.
 */
import { domainHostCharactersMax } from "./limits.ts";
import { isLoopbackHost } from "./origin-guard.ts";

/** Who asks, as far as it matters. */
export interface TlsCheckCaller {
  /** Address of the connection's other end; empty on the unix socket. */
  peer: string;
  /** The `Host` header, in lower case. */
  host: string;
  headers: Headers;
}

const LOOPBACK_PEER = /^(127\.\d+\.\d+\.\d+|::1|::ffff:127\.\d+\.\d+\.\d+)$/;

/**
 * The answer, or null when the request is none of these: then it is one like every other, and needs a token. A proxy that
 * passes on what strangers ask says so.
 */
export function tlsCheckAnswer(
  request: { method: string; url: URL },
  { peer, host, headers }: TlsCheckCaller,
  isServed: (host: string) => boolean,
): Response | null {
  if (request.method !== "GET" || request.url.pathname !== "/v1/tls-check") return null;
  const isLocal = LOOPBACK_PEER.test(peer) && isLoopbackHost(host);
  if (!isLocal || headers.has("x-forwarded-for") || headers.has("forwarded")) return null;
  const domain = request.url.searchParams.get("domain") ?? "";
  const isKnown = domain.length <= domainHostCharactersMax + 1 && isServed(domain);
  return new Response(null, { status: isKnown ? 200 : 404 });
}
