/** Requests as text, for the cases that are about something else than the text. */

/** `GET <path>` of the app with further header lines. */
export function get(path: string, ...lines: string[]): string {
  return head(`GET ${path} HTTP/1.1`, ...lines);
}

/** What so many GETs are, for `asked`. */
export function gets(count: number): { method: string }[] {
  return Array.from({ length: count }, () => ({ method: "GET" }));
}

/** A request with a counted body. */
export function post(path: string, body: string, ...lines: string[]): string {
  return head(`POST ${path} HTTP/1.1`, ...lines, `Content-Length: ${body.length}`) + body;
}

/** The head of a request with a chunked body. */
export function chunkedHead(path: string, ...lines: string[]): string {
  return head(`POST ${path} HTTP/1.1`, ...lines, "Transfer-Encoding: chunked");
}

/** A request line and header lines; `Host` stands first. */
export function head(requestLine: string, ...lines: string[]): string {
  return raw(requestLine, "Host: {host}", ...lines);
}

/** Lines as they are, closed by an empty one. */
export function raw(...lines: string[]): string {
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** Pieces as chunks, with the last one. */
export function chunks(...pieces: string[]): string {
  return `${pieces.map(chunk).join("")}0\r\n\r\n`;
}

export function chunk(piece: string): string {
  return `${piece.length.toString(16)}\r\n${piece}\r\n`;
}

/** Lets the paced answer named `<key>:<what>` go on. */
export function mark(what: string): { meanwhile: string } {
  return { meanwhile: get(`/marks/add?name={key}:${what}`) };
}

/** Waits until the app has noted `<key>:<what>`. */
export function marked(what: string): { meanwhile: string } {
  return { meanwhile: get(`/marks/wait?name={key}:${what}`) };
}
