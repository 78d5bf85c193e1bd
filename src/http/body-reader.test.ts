import { describe, expect, test } from "bun:test";
import { pick, randomOf, testSeed } from "../base/random-for-tests.ts";
import { BodyReader } from "./body-reader.ts";
import { chunkLineBytesMax, trailerBytesMax } from "./limits.ts";

/** Offers `pieces` one after the other, what is left of one together with the next, to a sink that takes `takes` bytes at a time. */
function read(
  body: BodyReader,
  pieces: readonly string[],
  takes: () => number = () => Number.POSITIVE_INFINITY,
): { data: string; left: string } {
  let data = "";
  let input: Buffer = Buffer.alloc(0);
  for (const piece of pieces) {
    input = Buffer.concat([input, Buffer.from(piece, "latin1")]);
    do {
      const used = body.read(input, (buffer, start, end) => {
        const taken = Math.min(takes(), end - start);
        data += buffer.latin1Slice(start, start + taken);
        return taken;
      });
      input = input.subarray(used);
    } while (body.isBlocked);
  }
  return { data, left: input.latin1Slice() };
}

function chunked(): BodyReader {
  const body = new BodyReader();
  body.begin(-1, true);
  return body;
}

const codeOf = (body: string): string | null => {
  try {
    read(chunked(), [body]);
    return null;
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe("a counted body", () => {
  test("ends where its length says, and leaves the next request alone", () => {
    const body = new BodyReader();
    body.begin(5, false);

    const { data, left } = read(body, ["12", "345GET /"]);

    expect({ data, left, isDone: body.isDone, bytes: body.bytes }).toEqual({
      data: "12345",
      left: "GET /",
      isDone: true,
      bytes: 5,
    });
  });

  test("of no bytes is done before anything came", () => {
    const body = new BodyReader();

    body.begin(0, false);
    expect(body.isDone).toBe(true);
    body.begin(-1, false);
    expect(body.isDone).toBe(true);
  });

  test("says how much of it is still to come", () => {
    const body = new BodyReader();
    body.begin(10, false);

    read(body, ["1234"]);

    expect([body.declaredBytes, body.isDone]).toEqual([6, false]);
  });

  test("that the sink does not take is blocked, and read on later", () => {
    const body = new BodyReader();
    body.begin(5, false);

    const used = body.read(Buffer.from("12345"), () => 2);

    expect([used, body.isBlocked, body.isDone]).toEqual([2, true, false]);
    expect(read(body, ["345"]).data).toBe("345");
    expect([body.isBlocked, body.isDone]).toEqual([false, true]);
  });
});

describe("a chunked body", () => {
  test("is decoded, with extensions and trailers read over", () => {
    const body = chunked();

    const { data, left } = read(body, [
      '5;a=b\r\n12345\r\n00A ;q="x;y"\r\n6789012345\r\n000;last\r\nX-Sum: 1\r\nx:\r\n\r\nGET /',
    ]);

    expect(data).toBe("123456789012345");
    expect(left).toBe("GET /");
    expect([body.isDone, body.bytes, body.declaredBytes]).toEqual([true, 15, 0]);
  });

  test("is the same however it is cut in two, and in single bytes", () => {
    const text = "3\r\nabc\r\n1;x\r\nd\r\n0\r\nX: y\r\n\r\nnext";
    const cuts = Array.from({ length: text.length + 1 }, (_, at) => [
      text.slice(0, at),
      text.slice(at),
    ]);

    for (const pieces of [...cuts, text.split("")]) {
      const body = chunked();
      expect(read(body, pieces), JSON.stringify(pieces)).toEqual({ data: "abcd", left: "next" });
      expect(body.isDone).toBe(true);
    }
  });

  test("is the same however little the sink takes", () => {
    for (const takes of [1, 2, 3, 7]) {
      const body = chunked();

      const result = read(body, ["5\r\n12345\r\n3\r\n678\r\n0\r\n\r\nnext"], () => takes);

      expect(result).toEqual({ data: "12345678", left: "next" });
      expect(body.bytes).toBe(8);
    }
  });

  test("can follow another one", () => {
    const body = chunked();
    read(body, ["1\r\na\r\n0\r\nX: 1\r\n\r\n"]);

    body.begin(-1, true);

    expect([body.isDone, body.bytes]).toEqual([false, 0]);
    expect(read(body, ["1\r\nb\r\n0\r\n\r\n"]).data).toBe("b");
  });

  const malformed = [
    "\r\n",
    "zz\r\n",
    "0x5\r\n",
    "-5\r\n",
    "+5\r\n",
    " 5\r\n",
    "5 \r\n",
    "5\n12345\r\n",
    "5\rX",
    "1234567890123\r\n",
    "5;a\nb\r\n",
    "5;a\0b\r\n",
    "5\r\n123456\r\n",
    "5\r\n12345\n",
    "5\r\n12345X",
    "0\r\nno colon\r\n\r\n",
    "0\r\n: x\r\n\r\n",
    "0\r\n folded: x\r\n\r\n",
    "0\r\nX: a\nb\r\n\r\n",
    `5;${"x".repeat(chunkLineBytesMax)}`,
    `0\r\nX: ${"y".repeat(trailerBytesMax)}`,
    `0\r\n${"X: yyyyyyyyyyyyyyyyyyyyyy\r\n".repeat(trailerBytesMax / 20)}`,
  ];

  test.each(malformed)("is refused when it is malformed: %j", (text) => {
    expect(codeOf(text)).toBe("REQUEST_MALFORMED");
  });

  test("with the longest size line is read", () => {
    expect(codeOf(`1;${"x".repeat(chunkLineBytesMax - 2)}\r\na\r\n0\r\n\r\n`)).toBeNull();
  });

  test("passes on what a sink throws", () => {
    const sink = () => {
      throw new Error("broken belief");
    };

    expect(() => chunked().read(Buffer.from("1\r\na\r\n"), sink)).toThrow("broken belief");
  });
});

test("random chunked bodies come out as they went in, however cut and however slowly taken", () => {
  const seed = testSeed();
  const random = randomOf(seed);
  const ends = ["", ";ext", " \t;a=b"];

  for (let round = 0; round < 3000; round++) {
    let text = "";
    let expected = "";
    for (let count = random(8); count > 0; count--) {
      const data = pick(random, ["\r\n", "0\r\n\r\n", "x", "y"]).repeat(1 + random(6));
      expected += data;
      text += `${"0".repeat(random(3))}${data.length.toString(16)}${pick(random, ends)}\r\n${data}\r\n`;
    }
    text += `0\r\n${random(2) === 0 ? "X-T: 1\r\n" : ""}\r\nnext`;
    const pieces: string[] = [];
    for (let at = 0; at < text.length; ) {
      const length = 1 + random(12);
      pieces.push(text.slice(at, at + length));
      at += length;
    }
    const body = chunked();

    const result = read(body, pieces, () => 1 + random(5));

    expect(result, `seed ${seed} ${JSON.stringify(pieces)}`).toEqual({
      data: expected,
      left: "next",
    });
    expect(body.isDone).toBe(true);
  }
});
