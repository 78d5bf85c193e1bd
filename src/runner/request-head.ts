/**
 * The head of a request on the wire, as the edge writes it (latin1):
 *
 *   METHOD SP target SP scheme SP peer-address SP peer-port CRLF
 *   name: value CRLF …
 */

export interface RequestHead {
  method: string;
  /** `scheme://host/path?query` as the client asked for it. */
  url: string;
  headers: Headers;
  peerAddress: string;
  peerPort: number;
  /** The id in `x-request-id`, for the app's log lines. */
  requestId: string;
}

export function readRequestHead(buffer: Buffer, start: number, end: number): RequestHead {
  const text = buffer.latin1Slice(start, end);
  const lineEnd = text.indexOf("\r\n");
  const methodEnd = text.indexOf(" ");
  const targetEnd = text.indexOf(" ", methodEnd + 1);
  const schemeEnd = text.indexOf(" ", targetEnd + 1);
  const addressEnd = text.indexOf(" ", schemeEnd + 1);

  const headers = new Headers();
  let host = "";
  let requestId = "";
  let at = lineEnd + 2;
  while (at < text.length) {
    const colon = text.indexOf(":", at);
    const valueEnd = text.indexOf("\r\n", colon);
    const name = text.slice(at, colon);
    const value = text.slice(colon + 1, valueEnd).trim();
    headers.append(name, value);
    if (name.length === 4 && name.toLowerCase() === "host") host = value;
    else if (name === "x-request-id") requestId = value;
    at = valueEnd + 2;
  }
  const target = text.slice(methodEnd + 1, targetEnd);
  return {
    method: text.slice(0, methodEnd),
    url: `${text.slice(targetEnd + 1, schemeEnd)}://${host}${target}`,
    headers,
    peerAddress: text.slice(schemeEnd + 1, addressEnd),
    peerPort: Number(text.slice(addressEnd + 1, lineEnd)),
    requestId,
  };
}
