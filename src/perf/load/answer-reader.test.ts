import { describe, expect, test } from "bun:test";
import { pick, type Random, randomOf, testSeed } from "../../base/random-for-tests.ts";
import { AnswerReader } from "./answer-reader.ts";
import { answerHeadBytesMax } from "./limits.ts";

interface Read {
  end: "done" | "more" | "malformed";
  status: number;
  closes: boolean;
  bytes: number;
  /** Bytes behind the answer. */
  rest: number;
}

/** Reads the pieces one after the other, and then the end of the input. */
function readPieces(pieces: readonly Buffer[], { isHead = false, ends = false } = {}): Read {
  const reader = new AnswerReader();
  reader.begin(isHead);
  let rest = 0;
  for (const piece of pieces) {
    if (reader.isDone || reader.isMalformed) rest += piece.length;
    else rest += piece.length - reader.read(piece);
  }
  if (ends && !reader.isMalformed) reader.endInput();
  return {
    end: reader.isDone ? "done" : reader.isMalformed ? "malformed" : "more",
    status: reader.status,
    closes: reader.closes,
    bytes: reader.bytes,
    rest,
  };
}

const read = (text: string, options: { isHead?: boolean; ends?: boolean } = {}) =>
  readPieces([Buffer.from(text, "latin1")], options);

const done = (status: number, text: string, closes = false): Read => ({
  end: "done",
  status,
  closes,
  bytes: text.length,
  rest: 0,
});

describe("an answer ends", () => {
  test("where its content-length says", () => {
    const text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

    expect(read(text)).toEqual(done(200, text));
    expect(read(text.slice(0, -1)).end).toBe("more");
    expect(read(`${text}!`).rest).toBe(1);
  });

  test("with its head when its length is 0", () => {
    const text = "HTTP/1.1 404 Not Found\r\ncontent-length:0\r\n\r\n";

    expect(read(text)).toEqual(done(404, text));
  });

  test.each([204, 304])("with its head when it is a %d", (status) => {
    const text = `HTTP/1.1 ${status} x\r\ncontent-length: 1000\r\ntransfer-encoding: chunked\r\n\r\n`;

    expect(read(text)).toEqual(done(status, text));
  });

  test("with its head when the request was a HEAD", () => {
    const text = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n";

    expect(read(text, { isHead: true })).toEqual(done(200, text));
  });

  test("with its last chunk", () => {
    const text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";

    expect(read(text)).toEqual(done(200, text));
    expect(read(text.slice(0, -2)).end).toBe("more");
  });

  test("with its trailers, whatever extensions the chunks have", () => {
    const text =
      "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n" +
      'A;name="0\r\nxxxxxxxxxx\r\n000;last\r\nchecksum: 0\r\nother: 1\r\n\r\n'.replace(
        "0\r\nx",
        '0"\r\nx',
      );

    expect(read(text)).toEqual(done(200, text));
    expect(read(text.slice(0, -1)).end).toBe("more");
  });

  test("with the last chunk also when a length stands beside it", () => {
    const text =
      "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n";

    expect(read(text)).toEqual(done(200, text));
  });

  test("with the connection when nothing else says so", () => {
    const text = "HTTP/1.1 200 OK\r\n\r\nuntil the end";

    expect(read(text).end).toBe("more");
    expect(read(text, { ends: true })).toEqual(done(200, text, true));
  });

  test("with the connection when its coding is not chunked", () => {
    const text = "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\ncontent-length: 1\r\n\r\nxx";

    expect(read(text, { ends: true })).toEqual(done(200, text, true));
  });

  test("nowhere when the connection ends before its length, its last chunk or its head", () => {
    for (const text of [
      "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
      "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n",
      "",
    ]) {
      expect(read(text, { ends: true }).end).toBe("more");
    }
  });

  test("after the final head, however many interim ones come before", () => {
    const text =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\ncontent-length: 9\r\n\r\n" +
      "HTTP/1.1 201 Created\r\ncontent-length: 1\r\n\r\nx";

    expect(read(text)).toEqual(done(201, text));
  });

  test("and the connection with it, as the version and the connection line say", () => {
    const closes = (version: string, line: string) =>
      read(`HTTP/${version} 200 OK\r\ncontent-length: 0\r\n${line}\r\n`).closes;

    expect(closes("1.1", "")).toBe(false);
    expect(closes("1.1", "Connection: Close\r\n")).toBe(true);
    expect(closes("1.1", "connection: keep-alive\r\n")).toBe(false);
    expect(closes("1.1", "x-connection: close\r\n")).toBe(false);
    expect(closes("1.0", "")).toBe(true);
    expect(closes("1.0", "CONNECTION:Keep-Alive\r\n")).toBe(false);
    expect(read("HTTP/1.1 101 Switching Protocols\r\n\r\n").closes).toBe(true);
  });
});

describe("what cannot be read is malformed", () => {
  test.each([
    ["no HTTP", "SSH-2.0-OpenSSH_9.2\r\n"],
    ["an empty line", "\r\n"],
    ["another version", "HTTP/2.0 200 OK\r\n\r\n"],
    ["no status", "HTTP/1.1 abc no\r\n\r\n"],
    ["a status below 100", "HTTP/1.1 020 no\r\n\r\n"],
    ["a length that is none", "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n"],
    ["a length without a digit", "HTTP/1.1 200 OK\r\ncontent-length: \r\n\r\n"],
    ["a length in two parts", "HTTP/1.1 200 OK\r\ncontent-length: 1 2\r\n\r\n"],
    ["two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n"],
    ["a chunk without a size", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\r\n"],
    ["a size that is none", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n"],
    ["a longer chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n"],
    [
      "a chunk of no length",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffff\r\n",
    ],
  ])("%s", (_what, text) => {
    expect(read(text).end).toBe("malformed");
    expect(readPieces([...text].map((byte) => Buffer.from(byte))).end).toBe("malformed");
  });

  test("a head that never ends, instead of keeping all of it", () => {
    const piece = Buffer.alloc(1024, "x: y\r\n");
    const pieces = [Buffer.from("HTTP/1.1 200 OK\r\n")];
    for (let bytes = 0; bytes <= answerHeadBytesMax + piece.length; bytes += piece.length) {
      pieces.push(piece);
    }

    expect(readPieces(pieces).end).toBe("malformed");
  });
});

test("an answer is read the same in whatever pieces it comes", () => {
  const seed = testSeed();
  const random = randomOf(seed);
  for (let round = 0; round < 2000; round++) {
    const { text, isHead } = randomAnswer(random);
    const bytes = Buffer.from(text, "latin1");

    const whole = readPieces([bytes], { isHead, ends: true });
    const cut = readPieces(randomPieces(random, bytes), { isHead, ends: true });

    const evidence = `LEVAIN_TEST_SEED=${seed} round ${round}: ${JSON.stringify(text)}`;
    if (whole.end === "malformed") expect(cut.end, evidence).toBe("malformed");
    else expect(cut, evidence).toEqual(whole);
  }
});

test("answers behind one another are each read to their own end", () => {
  const seed = testSeed();
  const random = randomOf(seed);
  const reader = new AnswerReader();
  for (let round = 0; round < 500; round++) {
    const length = random(300);
    const text = `HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\n\r\n${"x".repeat(length)}`;
    reader.begin(false);
    for (const piece of randomPieces(random, Buffer.from(text))) reader.read(piece);

    expect(reader.isDone, `LEVAIN_TEST_SEED=${seed} round ${round}`).toBe(true);
    expect(reader.bytes, `LEVAIN_TEST_SEED=${seed} round ${round}`).toBe(text.length);
  }
});

function randomPieces(random: Random, bytes: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  const piecesBytesMax = pick(random, [1, 3, 20, 200]);
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + random(piecesBytesMax);
    // A copy, as a socket gives it: what is kept of it has to be copied.
    pieces.push(Buffer.from(bytes.subarray(at, end)));
    at = end;
  }
  return pieces;
}

/** Right ones and almost right ones. */
function randomAnswer(random: Random): { text: string; isHead: boolean } {
  const end = pick(random, ["\r\n", "\r\n", "\r\n", "\n"]);
  const interim = random(4) === 0 ? `HTTP/1.1 103 Hints${end}link: a${end}${end}` : "";
  const status = pick(random, [200, 200, 200, 204, 304, 404, 503]);
  const lines = [`HTTP/1.${pick(random, [0, 1, 1, 1])} ${status} ${pick(random, ["", "OK"])}`];
  const framing = pick(random, ["length", "chunked", "none", "wrong"]);
  let body = "x".repeat(random(100));
  if (framing === "length") lines.push(`Content-Length: ${body.length}`);
  if (framing === "wrong") lines.push(pick(random, ["content-length: x", "content-length: 3,3"]));
  if (framing === "chunked") {
    lines.push("transfer-encoding: chunked");
    const chunks = Array.from({ length: random(4) }, () => "y\n\r0".repeat(1 + random(20)));
    body = chunks
      .map(
        (chunk) => `${chunk.length.toString(16)}${pick(random, ["", ";a=b"])}${end}${chunk}${end}`,
      )
      .join("");
    body += `0${end}${pick(random, ["", `t: 1${end}`])}${end}`;
  }
  for (let count = random(4); count > 0; count--) {
    lines.push(pick(random, ["connection: close", "date: now", "Connection: Keep-Alive", "t: c"]));
  }
  if (random(8) === 0) body = body.slice(0, random(body.length + 1));
  if (random(8) === 0) body += "HTTP/1.1 200 OK";
  return { text: `${interim}${lines.join(end)}${end}${end}${body}`, isHead: random(6) === 0 };
}
