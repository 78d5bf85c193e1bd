/** Goal: an app sees of a request what it sees under plain Bun. Method: the same requests to both. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { BareServer } from "./bare-for-tests.ts";
import { TestRunner } from "./runner-for-tests.ts";

let bare: BareServer;
let runner: TestRunner;

beforeAll(async () => {
  [bare, runner] = await Promise.all([
    BareServer.start("every-request.ts"),
    TestRunner.start("every-request.ts"),
  ]);
});

afterAll(async () => {
  await Promise.all([bare[Symbol.asyncDispose](), runner[Symbol.asyncDispose]()]);
});

interface Asked {
  path: string;
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}

/** What both say; what belongs to a connection is taken out, since only the bare one has one. */
async function both({ path, method = "GET", headers = {}, body = "" }: Asked) {
  const lengthened =
    body === "" ? headers : { "content-length": String(Buffer.byteLength(body)), ...headers };
  const [expected, answer] = await Promise.all([
    bare.ask(path, { method, headers, body }),
    runner.ask(path, { method, headers: { connection: "close", ...lengthened }, body }),
  ]);
  return { expected: expected.body.toString(), answer: answer.text };
}

const form = "a=1&b=2&b=%C3%A9";
const multipart = '--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n';
const formType = { "content-type": "application/x-www-form-urlencoded" };
const multipartType = { "content-type": "multipart/form-data; boundary=x" };

const asked: Asked[] = [
  { path: "/facts" },
  { path: "/facts", method: "HEAD" },
  { path: "/facts?a=1&b=%20#c", method: "POST", body: "x" },
  { path: "/facts", method: "POST" },
  ...["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "QUERY"].map((method) => ({
    path: "/facts",
    method,
    body: method === "TRACE" ? "" : "x",
  })),
  {
    path: "/headers",
    headers: {
      "X-Mixed-Case": "1",
      "x-empty": "",
      "x-blanks": " \t both \t ",
      "x-latin1": "caf\xe9 \xa0",
      cookie: "a=1; b=2",
      "accept-encoding": "gzip",
    },
  },
  { path: "/headers/changed", headers: { "x-a": "1", "x-b": "2" } },
  { path: "/headers/kept" },
  { path: "/print", headers: { "x-a": "1" } },
  { path: "/print", method: "POST", body: "text" },
  ...[
    "/text",
    "/json",
    "/bytes",
    "/buffer",
    "/blob",
    "/stream",
    "/twice",
    "/clone",
    "/copy",
    "/copy/changed",
  ].flatMap((path): Asked[] => [
    { path },
    { path, method: "POST" },
    { path, method: "POST", body: '{"é":1}', headers: { "content-type": "application/json" } },
    { path, method: "DELETE", body: "x" },
    { path, body: "a body with GET" },
  ]),
  { path: "/copy/elsewhere", headers: { "x-a": "1" } },
  { path: "/form", method: "POST", body: form, headers: formType },
  { path: "/form", method: "POST", body: multipart, headers: multipartType },
  { path: "/form", method: "POST", body: "no form" },
  { path: "/form" },
  { path: "/echo", method: "POST", body: "echo" },
  { path: "/echo" },
  { path: "/ip/of-copy" },
  { path: "/a|b" },
  { path: "/a/../b/./c//d" },
  { path: "//double" },
  { path: "/%zz%41" },
  { path: "/?q=%20+x" },
  { path: "/caf\xc3\xa9?\xc3\xa9" },
  { path: '/"quotes"<>`{}^\\' },
];

describe("requests as under plain Bun", () => {
  test.each(
    asked.map((one) => [`${one.method ?? "GET"} ${one.path} ${one.body ?? ""}`, one] as const),
  )("%s", async (_title, one) => {
    const { expected, answer } = await both(one);

    expect(answer).toBe(expected);
  });

  test("lines of one name are joined as in plain Bun, and the app sees them in its order", async () => {
    const headers: [string, string][] = [
      ["cookie", "a=1"],
      ["x-a", "1"],
      ["Cookie", "b=2"],
      ["X-A", "2"],
      ["set-cookie", "x"],
      ["set-cookie", "y"],
    ];

    const seen = JSON.parse((await runner.ask("/headers", { headers })).text);

    expect(seen.json).toEqual({
      host: "app.localhost",
      cookie: "a=1; b=2",
      "x-a": "1, 2",
      "set-cookie": ["x", "y"],
    });
  });
});

describe("a body that follows its head", () => {
  test.each(["/text", "/stream", "/buffer", "/clone", "/twice", "/echo"])(
    "%s reads it",
    async (path) => {
      const request = runner.request(path, { method: "POST", isOpen: true });
      const expected = await bare.ask(path, { method: "POST", body: "one two three" });

      for (const piece of ["one ", "two ", "three"]) {
        request.write(piece);
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
      request.end();

      const { text } = await request.answer;
      const withoutLines = (json: string) => json.replace(/"headers":\[.*?\]\],/, "");
      expect(withoutLines(text)).toBe(withoutLines(expected.body.toString()));
    },
  );

  test("one that ends without a byte is an empty text", async () => {
    const request = runner.request("/text", { method: "POST", isOpen: true });
    request.end();

    expect((await request.answer).text).toBe("");
  });

  test("with GET it is taken off the client's hands and not shown", async () => {
    const request = runner.request("/text", { isOpen: true });
    request.write(Buffer.alloc(1024 * 1024));
    request.end();

    expect((await request.answer).text).toBe("");
  });
});

describe("the server that an app gets", () => {
  test("has what Bun's has", async () => {
    const answer = JSON.parse((await runner.ask("/server")).text);

    expect(answer).toEqual({
      port: "number",
      hostname: "localhost",
      development: false,
      id: "",
      protocol: "http",
      pendingRequests: 1,
      pendingWebSockets: 0,
      isUrl: true,
      methods: [],
    });
  });

  test("its methods do what they can and never throw", async () => {
    expect(JSON.parse((await runner.ask("/server/use")).text)).toEqual({
      upgraded: false,
      published: 0,
      subscribers: 0,
      inner: "/server/inner?a=1",
    });
  });

  test("requestIP tells the client's address as the edge saw it", async () => {
    const version6 = await runner.ask("/ip", { peer: "2001:db8::1 443" });
    const version4 = await runner.ask("/ip", { peer: "192.0.2.7 1234" });

    expect(JSON.parse(version6.text)).toEqual({
      family: "IPv6",
      isText: "string",
      isNumber: "number",
    });
    expect(JSON.parse(version4.text).family).toBe("IPv4");
  });
});
