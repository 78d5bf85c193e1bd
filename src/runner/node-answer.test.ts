/** Answers of a server of node:http are read the same, in whatever pieces they come. */
import { expect, test } from "bun:test";
import { pick, randomOf, testSeed } from "../base/random-for-tests.ts";
import { AnswerBody, AnswerHead, readAnswerHead } from "./node-answer.ts";

interface Read {
  status: number;
  lines: string;
  body: string;
  isDone: boolean;
  left: string;
}

/** Reads `text` cut at `cuts`, as the connection does: what could not be read is offered again. */
function read(text: string, cuts: readonly number[], isHeadRequest = false): Read {
  const head = new AnswerHead();
  const body = new AnswerBody();
  const found: Read = { status: 0, lines: "", body: "", isDone: false, left: "" };
  let unread = Buffer.alloc(0);
  for (const [index, start] of [0, ...cuts].entries()) {
    const piece = Buffer.from(text.slice(start, cuts[index] ?? text.length), "latin1");
    const buffer = Buffer.concat([unread, piece]);
    let at = 0;
    if (found.status === 0) {
      at = readAnswerHead(buffer, 0, buffer.length, head);
      if (at === -1) {
        unread = buffer;
        continue;
      }
      found.status = head.status;
      const lines = Buffer.alloc(buffer.length);
      found.lines = lines.latin1Slice(0, head.kept.copy(buffer, lines, 0));
      body.begin(head, isHeadRequest);
    }
    at = body.read(buffer, at, buffer.length);
    found.body += buffer.latin1Slice(body.start, body.end);
    found.isDone = body.isDone;
    unread = buffer.subarray(at);
  }
  return { ...found, left: unread.latin1Slice() };
}

test("the lines of the connection and of framing are left out, all others stay as they were", () => {
  const text =
    "HTTP/1.1 200 OK\r\nX-One: 1\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nx-two:2\r\nContent-Length: 2\r\nDate: now\r\n\r\nok";

  expect(read(text, [])).toEqual({
    status: 200,
    lines: "X-One: 1\r\nx-two:2\r\nDate: now\r\n",
    body: "ok",
    isDone: true,
    left: "",
  });
});

test("an answer to HEAD ends with its head, whatever length it says", () => {
  const text = "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n";

  expect(read(text, [], true)).toMatchObject({ body: "", isDone: true });
});

test("random answers cut at random places are read whole", () => {
  const seed = testSeed();
  const random = randomOf(seed);
  for (let round = 0; round < 2000; round++) {
    const chunks = Array.from({ length: random(6) }, () => "x".repeat(1 + random(40)));
    const body = chunks.join("");
    const framing = pick(random, ["length", "chunked", "close"] as const);
    const own = Array.from({ length: random(4) }, (_, index) => `x-${index}: ${index}\r\n`).join(
      "",
    );
    const coded = chunks
      .map((chunk) => `${chunk.length.toString(16)};a=b\r\n${chunk}\r\n`)
      .join("");
    const lines = {
      length: `content-length: ${body.length}\r\n`,
      chunked: "transfer-encoding: chunked\r\n",
      close: "",
    }[framing];
    const sent = framing === "chunked" ? `${coded}0\r\nx-sum: 1\r\n\r\n` : body;
    const text = `HTTP/1.1 200 Fine\r\n${lines}${own}\r\n${sent}`;
    const cuts = Array.from({ length: random(8) }, () => random(text.length + 1)).sort(
      (left, right) => left - right,
    );

    expect(read(text, cuts), `LEVAIN_TEST_SEED=${seed} ${JSON.stringify({ text, cuts })}`).toEqual({
      status: 200,
      lines: own,
      body,
      isDone: framing !== "close",
      left: "",
    });
  }
});
