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

/** Well-formed requests for a path that the app counts. `{host}` is to be replaced. */
export function wellFormed(dice: Dice, path: string): string {
  const method = dice.pick(["GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]);
  const lines = [`${method} ${path} HTTP/1.${dice.pick([1, 1, 1, 0])}`, "Host: {host}"];
  for (let count = dice.roll(4); count > 0; count--) {
    lines.push(
      dice.pick(["Accept: */*", "X-A: b", "Cookie: a=1", "Connection: keep-alive", "X-Empty:"]),
    );
  }
  const body = "x".repeat(dice.roll(40));
  switch (dice.roll(3)) {
    case 0:
      return `${lines.join("\r\n")}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    case 1: {
      const chunk = body === "" ? "" : `${body.length.toString(16)}\r\n${body}\r\n`;
      return `${lines.join("\r\n")}\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}0\r\n\r\n`;
    }
    default:
      return `${lines.join("\r\n")}\r\n\r\n`;
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
