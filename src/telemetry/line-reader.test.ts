import { expect, test } from "bun:test";
import { LineReader, type OutputLine } from "./line-reader.ts";

const LINE_BYTES_MAX = 256;

function setup() {
  const lines: OutputLine[] = [];
  const reader = new LineReader(LINE_BYTES_MAX, (line) => lines.push(line));
  return { lines, texts: () => lines.map(({ text }) => text), reader, push: pushText(reader) };
}

const pushText = (reader: LineReader) => (text: string) => reader.push(Buffer.from(text));

/** What a reader makes of text that arrives in pieces of a size. */
function linesOf(bytes: Buffer, pieceBytes: number): OutputLine[] {
  const { lines, reader } = setup();
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const piece = Buffer.from(bytes.subarray(at, at + pieceBytes));
    reader.push(piece);
    piece.fill(0); // the reader may not have kept it
  }
  reader.end();
  return lines;
}

test("each line feed ends a line, and an empty line is one", () => {
  const { texts, push } = setup();

  push("one\n\ntwo\nthr");
  push("ee\n");

  expect(texts()).toEqual(["one", "", "two", "three"]);
});

test("an unfinished last line is given at the end, once", () => {
  const { texts, push, reader } = setup();

  push("no line feed");
  expect(texts()).toEqual([]);
  reader.end();
  reader.end();

  expect(texts()).toEqual(["no line feed"]);
});

test("a carriage return belongs to the line end only directly before the line feed", () => {
  const { texts, push } = setup();

  push("dos\r\n10 %\r20 %\n\r\n");

  expect(texts()).toEqual(["dos", "10 %\r20 %", ""]);
});

test("control characters and colours stay as they were printed", () => {
  const { texts, push } = setup();

  push("\x1b[31mred\x1b[0m\x00\x07\n");

  expect(texts()).toEqual(["\x1b[31mred\x1b[0m\x00\x07"]);
});

test("however the bytes are cut into pieces, the lines are the same", () => {
  const text = `grüße 日本 🍞\n\x1ereq-1\x1fтест\r\n\n${"é".repeat(400)}\n\x1ereq-2\x1f${"🍞".repeat(200)}\nend`;
  const bytes = Buffer.from(text);

  const whole = linesOf(bytes, bytes.length);

  for (let pieceBytes = 1; pieceBytes < 80; pieceBytes++) {
    expect(linesOf(bytes, pieceBytes), `pieces of ${pieceBytes}`).toEqual(whole);
  }
});

test("a line that is too long is given in pieces that lose nothing and cut no character", () => {
  const { lines, push } = setup();
  const text = `a${"🍞é日".repeat(500)}`;

  push(`${text}\nnext\n`);

  const pieces = lines.slice(0, -1).map((line) => line.text);
  expect(pieces.join("")).toBe(text);
  expect(Math.max(...pieces.map((piece) => Buffer.byteLength(piece)))).toBeLessThanOrEqual(
    LINE_BYTES_MAX,
  );
  expect(lines.at(-1)?.text).toBe("next");
});

test("a line of exactly the longest length is one line, whatever ends it", () => {
  for (const lineEnd of ["\n", "\r\n"]) {
    for (const pieceBytes of [1, LINE_BYTES_MAX, 1000]) {
      const lines = linesOf(Buffer.from(`${"x".repeat(LINE_BYTES_MAX)}${lineEnd}y\n`), pieceBytes);

      expect(lines.map(({ text }) => text)).toEqual(["x".repeat(LINE_BYTES_MAX), "y"]);
    }
  }
});

test("endless output without a line feed keeps no more than one line", () => {
  const { lines, reader } = setup();

  for (let index = 0; index < 1000; index++) reader.push(Buffer.alloc(1000, 0x61));
  reader.end();

  expect(lines.map(({ text }) => text.length).reduce((sum, length) => sum + length, 0)).toBe(
    1_000_000,
  );
  expect(Math.max(...lines.map(({ text }) => text.length))).toBe(LINE_BYTES_MAX);
});

test("bytes that are no UTF-8 cost their own characters and nothing else", () => {
  const { texts, reader } = setup();

  reader.push(Buffer.from([0x61, 0xff, 0x62, 0x0a, 0xe2, 0x82, 0x0a, 0x63, 0x0a]));

  expect(texts()).toEqual(["a\ufffdb", "\ufffd", "c"]);
});

test("continuation bytes without end are split like any text", () => {
  const { lines, reader } = setup();

  reader.push(Buffer.alloc(1000, 0x80));
  reader.end();

  expect(lines.length).toBe(4);
});

test("a prefix names the request and is not part of the text", () => {
  const { lines, push } = setup();

  push(`\x1e4bf92f3577b34da6\x1fhello\nplain\n\x1e${"r".repeat(64)}\x1f\n`);

  expect(lines).toEqual([
    { text: "hello", requestId: "4bf92f3577b34da6" },
    { text: "plain", requestId: null },
    { text: "", requestId: "r".repeat(64) },
  ]);
});

test("a malformed prefix stays text", () => {
  const malformed = [
    "\x1e\x1fempty id",
    `\x1e${"r".repeat(65)}\x1ftoo long`,
    "\x1ehas space\x1ftext",
    "\x1eünicode\x1ftext",
    "\x1eno end",
    "\x1e",
    "text \x1ereq\x1f in the middle",
  ];

  for (const text of malformed) {
    const { lines, push } = setup();
    push(`${text}\n`);
    expect(lines).toEqual([{ text, requestId: null }]);
  }
});

test("all pieces of a line that is too long belong to its request, and the next line does not", () => {
  const { lines, push } = setup();

  push(`\x1ereq-9\x1f${"x".repeat(600)}\nnext\n`);

  expect(lines.map(({ requestId }) => requestId)).toEqual(["req-9", "req-9", "req-9", null]);
});

test("the rest of a line that is too long is text, even when it looks like a prefix", () => {
  const { lines, push } = setup();

  push(`${"x".repeat(LINE_BYTES_MAX)}\x1eforged\x1ftext\n`);

  expect(lines[1]).toEqual({ text: "\x1eforged\x1ftext", requestId: null });
});
