import { describe, expect, test } from "bun:test";
import { type Answer, AnswerReader, type Asked, Fault } from "./answer-reader.ts";

const get: Asked = { method: "GET" };

function read(text: string, asked: readonly Asked[] = [get]): Answer[] {
  const reader = new AnswerReader(asked);
  reader.push(Buffer.from(text, "latin1"));
  reader.close();
  return reader.answers;
}

describe("what a server may send", () => {
  test("a counted answer is read whole, and byte by byte alike", () => {
    const text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Empty:\r\n\r\nhello";

    const reader = new AnswerReader([get]);
    for (const character of text) reader.push(Buffer.from(character));

    expect(reader.answers).toEqual(read(text));
    expect(reader.answers).toMatchObject([{ status: 200, framing: "counted", complete: true }]);
    expect(reader.answers[0]?.body.toString()).toBe("hello");
    expect(reader.answers[0]?.headers).toEqual([
      ["Content-Length", "5"],
      ["X-Empty", ""],
    ]);
  });

  test("chunks are joined, and trailers kept apart", () => {
    const [answer] = read(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\nA\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n",
    );

    expect(answer?.body.toString()).toBe("one0123456789");
    expect(answer?.chunks).toEqual([3, 10]);
    expect(answer?.trailers).toEqual([["X-T", "1"]]);
  });

  test("an answer without length ends with the connection", () => {
    const [answer] = read("HTTP/1.1 200 \r\n\r\nall of it");

    expect(answer).toMatchObject({ framing: "close", complete: true, reason: "" });
  });

  test("a body that ends before its length is incomplete", () => {
    const [answer] = read("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello");

    expect(answer).toMatchObject({ complete: false });
  });

  test("interim answers belong to the final one after them", () => {
    const [answer] = read("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");

    expect(answer?.status).toBe(204);
    expect(answer?.interim.map(({ status }) => status)).toEqual([100]);
  });

  test("answers to HEAD, 204 and 304 have no body", () => {
    const answers = read(
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\n",
      [{ method: "HEAD" }, get, get],
    );

    expect(answers.map(({ body }) => body.length)).toEqual([0, 0, 0]);
  });

  test("what follows an upgrade is not HTTP", () => {
    const reader = new AnswerReader([get]);
    reader.push(Buffer.from("HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x02hi", "latin1"));

    expect(reader.current?.framing).toBe("tunnel");
    expect(reader.partialBody.latin1Slice()).toBe("\x81\x02hi");
  });
});

describe("what a server may not send", () => {
  const head = (...lines: string[]) => `HTTP/1.1 200 OK\r\n${lines.join("\r\n")}\r\n\r\n`;
  const faults: [string, string, (readonly Asked[])?][] = [
    ["both framings", head("Content-Length: 5", "Transfer-Encoding: chunked")],
    ["two lengths", head("Content-Length: 5", "Content-Length: 5")],
    ["a length that is no number", head("Content-Length: +5")],
    ["an unknown coding", head("Transfer-Encoding: gzip, chunked")],
    ["a length in a 204", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"],
    ["a coding in a 100", "HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n"],
    [
      "chunks for HTTP/1.0",
      head("Transfer-Encoding: chunked"),
      [{ method: "GET", version: "1.0" }],
    ],
    [
      "an interim answer for HTTP/1.0",
      "HTTP/1.1 100 Continue\r\n\r\n",
      [{ method: "GET", version: "1.0" }],
    ],
    ["a body after HEAD", `${head("Content-Length: 5")}hello`, [{ method: "HEAD" }]],
    ["a second answer to one request", `${head("Content-Length: 0")}HTTP/1.1 200 OK\r\n\r\n`],
    ["a folded line", head("X-A: a", " b")],
    ["a space before the colon", head("X-A : a")],
    ["a bare LF in a head", head("X-A: a\nX-B: b")],
    ["a bare CR in a value", head("X-A: a\rb")],
    ["a NUL in a value", head("X-A: a\0b")],
    ["no space after the status", "HTTP/1.1 200\r\n\r\n"],
    ["another version", "HTTP/1.0 200 OK\r\n\r\n"],
    ["a bad chunk size", `${head("Transfer-Encoding: chunked")}zz\r\n`],
    [
      "a chunk size with an extension of spaces",
      `${head("Transfer-Encoding: chunked")}5 \r\nhello\r\n0\r\n\r\n`,
    ],
    ["chunk data beyond its size", `${head("Transfer-Encoding: chunked")}2\r\nhello\r\n0\r\n\r\n`],
    ["half a head", "HTTP/1.1 200 OK\r\nX-A"],
    ["what is no HTTP", "hello"],
  ];

  for (const [what, text, asked] of faults) {
    test(`${what} is a fault`, () => {
      expect(() => read(text, asked)).toThrow(Fault);
    });
  }
});
