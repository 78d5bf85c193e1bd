/**
 * The first line of a request's head on the wire; the client's header lines follow, each ended by CRLF (latin1):
 *
 *   METHOD SP target SP scheme SP host SP request-id SP peer-address SP peer-port CRLF
 *
 * Host and request id are among the header lines too. Here they are where the runner finds them without reading those,
 * which most handlers never ask for. The edge writes the line itself, from bytes; this is for heads that nobody sent.
 */
export interface RequestLine {
  method: string;
  target: string;
  /** May be empty, for a client of HTTP/1.0. */
  host: string;
  /** Empty for none. */
  requestId?: string | undefined;
  /** Address and port of who asks, with a space between. */
  peer?: string;
}

export function requestLine({ method, target, host, requestId = "", peer }: RequestLine): string {
  return `${method} ${target} http ${host} ${requestId} ${peer ?? "127.0.0.1 0"}\r\n`;
}
