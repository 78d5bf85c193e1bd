/** Requests, well-formed and then damaged, from a seed: the same seed gives the same bytes. */

/** Pseudo-random numbers from a seed (mulberry32). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 up to, not including, `below`. */
  roll(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.roll(items.length)]!;
  }
}

/** What is hard about HTTP, in pieces. */
const FRAGMENTS = [
  "\r\n",
  "\n",
  "\r",
  "\r\n\r\n",
  "\0",
  " ",
  "\t",
  ":",
  ",",
  ";",
  "0\r\n\r\n",
  "ffffffff\r\n",
  "5\r\nhello\r\n",
  "Content-Length: 5\r\n",
  "Content-Length: 0\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Host: x\r\n",
  "Connection: close\r\n",
  "Expect: 100-continue\r\n",
  "Upgrade: websocket\r\n",
  "HTTP/1.0",
  "HTTP/1.1",
  "GET ",
  "\xff",
  "\x80\x81",
  "//",
  "/../",
  "%00",
  "#",
  "?",
  "http://",
  "*",
  "[::1]",
  "@",
];

export interface WellFormed {
  text: string;
  method: string;
}

/**
 * A well-formed request in HTTP/1.1 for a path that the app counts. Its body, if it has one, is made of requests for
 * `bodyPath`: whoever reads on too early asks for it.
 */
export function wellFormed(dice: Dice, host: string, path: string, bodyPath: string): WellFormed {
  const method = dice.pick(["GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]);
  const lines = [`${method} ${path} HTTP/1.1`, `Host: ${host}`];
  for (let count = dice.roll(4); count > 0; count--) {
    lines.push(
      dice.pick(["Accept: */*", "X-A: b", "Cookie: a=1", "Connection: keep-alive", "X-Empty:"]),
    );
  }
  const inner = `GET ${bodyPath} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  // Now and then longer than what travels in one piece.
  const body = inner.repeat(dice.roll(20) === 0 ? 1500 : dice.roll(4));
  const head = lines.join("\r\n");
  switch (dice.roll(3)) {
    case 0:
      return { method, text: `${head}\r\nContent-Length: ${body.length}\r\n\r\n${body}` };
    case 1: {
      const chunks = pieces(dice, body).filter((piece) => piece !== "");
      const coded = chunks.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join("");
      return { method, text: `${head}\r\nTransfer-Encoding: chunked\r\n\r\n${coded}0\r\n\r\n` };
    }
    default:
      return { method, text: `${head}\r\n\r\n` };
  }
}

/** The text with `count` damages. */
export function damaged(dice: Dice, text: string, count: number): string {
  let result = text;
  for (let left = count; left > 0; left--) result = damage(dice, result);
  return result;
}

function damage(dice: Dice, text: string): string {
  const at = dice.roll(text.length + 1);
  const length = 1 + dice.roll(12);
  const before = text.slice(0, at);
  const after = text.slice(at);
  switch (dice.roll(6)) {
    case 0:
      return before + dice.pick(FRAGMENTS) + after;
    case 1:
      return before + after.slice(length);
    case 2:
      return before + String.fromCharCode(dice.roll(256)) + after.slice(1);
    case 3:
      return before + after.slice(0, length) + after;
    case 4:
      return before;
    default:
      return before + dice.pick(FRAGMENTS) + after.slice(length);
  }
}

/** The text in up to four pieces. */
export function pieces(dice: Dice, text: string): string[] {
  const cuts = Array.from({ length: dice.roll(4) }, () => dice.roll(text.length + 1)).sort(
    (left, right) => left - right,
  );
  return [0, ...cuts].map((from, index) => text.slice(from, cuts[index] ?? text.length));
}
