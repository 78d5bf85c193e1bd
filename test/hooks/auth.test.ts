/** Goal: nobody who cannot show the secret gets to the app. Method: a real lane, raw sockets, every spelling of a path. */
import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import type { AuthOptions } from "../../hooks/auth.ts";
import { valuesOf } from "../http/answer-reader.ts";
import { header, type RawLane } from "../lane/raw-lane.ts";
import { ask, codeOf, seenIn, sharedLane, startShippedLane } from "./hook-lane.ts";

const hashOf = (password: string) => Bun.password.hash(password, { algorithm: "bcrypt", cost: 4 });
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

const env = {
  USERS: `ada:${await hashOf("s3cret:with colon")}\n  grace:${await Bun.password.hash("h\u00f6pper")} `,
  TOKENS: `ci:${sha256("t0ken")} bot:${sha256("other")}`,
};
const lanes = (options: AuthOptions, nowMs = () => 0): Promise<RawLane> =>
  startShippedLane([["auth", options]], { env, nowMs });
const both = { users: "USERS", tokens: "TOKENS" };

const basic = (login: string) => `Authorization: Basic ${Buffer.from(login).toString("base64")}`;
const right = basic("ada:s3cret:with colon");

const statusOf = async (lane: RawLane, path: string, ...lines: string[]) =>
  (await ask(lane, [`GET ${path} HTTP/1.1`, ...lines].join("\r\n"))).status;

describe("without a login", () => {
  test("there is a challenge for each way in, and the app is not asked", async () => {
    await using lane = await lanes({ ...both, realm: "Staff only" });

    const answer = await ask(lane, "GET / HTTP/1.1");

    expect([answer.status, codeOf(answer)]).toEqual([401, "REQUEST_REJECTED"]);
    expect(valuesOf(answer, "www-authenticate")).toEqual([
      'Basic realm="Staff only", charset="UTF-8"',
      'Bearer realm="Staff only"',
    ]);
    expect(valuesOf(answer, "cache-control")).toEqual(["no-store"]);
    expect(lane.lane.pools.of(lane.spec("seen")).facts(0).requests).toBe(0);
  });

  test("a WebSocket and a request with a body are refused too", async () => {
    await using lane = await lanes(both);
    const upgrade = [
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];

    expect(await statusOf(lane, "/socket", ...upgrade)).toBe(401);
    const head = "POST / HTTP/1.1\r\nContent-Length: 5";
    expect((await ask(lane, head, { body: "12345" })).status).toBe(401);
  });
});

describe("a login", () => {
  const shared = sharedLane(() => lanes(both));

  test.each([
    ["of bcrypt", right],
    ["of argon2, in UTF-8", basic("grace:h\u00f6pper")],
    ["with the scheme in another case", right.replace("Basic", "bAsIc")],
    ["with the header in another case", right.replace("Authorization", "aUTHORIZATION")],
    ["of a token", "Authorization: Bearer t0ken"],
    ["of another token", "Authorization: bearer  other"],
  ])("%s passes", async (_, line) => {
    const answer = await ask(shared.lane, `GET / HTTP/1.1\r\n${line}`);

    expect(answer.status).toBe(200);
    // The app has no use for it.
    expect(seenIn(answer).headers["authorization"]).toBeUndefined();
  });

  const wrong: [string, ...string[]][] = [
    ["with a wrong password", basic("ada:s3cret")],
    ["with an empty password", basic("ada:")],
    ["with another's password", basic("ada:h\u00f6pper")],
    ["of nobody", basic("eve:s3cret:with colon")],
    ["without a colon", basic("ada")],
    ["that is empty", "Authorization:"],
    ["of nothing", "Authorization: Basic"],
    ["of another scheme", "Authorization: Digest t0ken"],
    ["with a password as a token", "Authorization: Bearer s3cret:with"],
    ["with a token as a login", "Authorization: Basic t0ken"],
    ["with a token's hash", `Authorization: Bearer ${sha256("t0ken")}`],
    ["with a token and more", "Authorization: Bearer t0ken x"],
    ["with half a token", "Authorization: Bearer t0ke"],
    ["that is no base64", "Authorization: Basic !!!!"],
    ["in base64 with a hole", `${right.slice(0, -6)}\t${right.slice(-6)}`],
    ["that is no UTF-8", "Authorization: Basic YWRhOv8="],
    ["with bytes above ASCII", "Authorization: Bearer t0ken\xff"],
    ["that is right and wrong", right, basic("eve:x")],
    ["that is right twice", right, right],
    ["in another header", `X-${right}`, `Proxy-${right}`],
    ["that is huge", `Authorization: Basic ${"QQ".repeat(12_000)}`],
    ["with a huge token", `Authorization: Bearer ${"a".repeat(24_000)}`],
    ["of an object's property", basic("constructor:x")],
  ];

  test.each(wrong.map(([what, ...lines]) => [what, lines] as const))(
    "%s is refused, not failed",
    async (_, lines) => {
      expect(await statusOf(shared.lane, "/", ...lines)).toBe(401);
    },
  );

  test("by one way does not pass where only the other is", async () => {
    await using users = await lanes({ users: "USERS" });
    await using tokens = await lanes({ tokens: "TOKENS" });

    expect(await statusOf(users, "/", "Authorization: Bearer t0ken")).toBe(401);
    expect(await statusOf(tokens, "/", right)).toBe(401);
  });

  test("tells the app the name, and a client cannot", async () => {
    await using lane = await lanes({ ...both, nameHeader: "X-User", paths: ["/in"] });
    const nameOf = async (path: string, ...lines: string[]) =>
      seenIn(await ask(lane, [`GET ${path} HTTP/1.1`, ...lines].join("\r\n"))).headers["x-user"];

    expect(await nameOf("/in", right, "X-User: root", "x-USER: root")).toBe("ada");
    expect(await nameOf("/in", "Authorization: Bearer t0ken")).toBe("ci");
    expect(await nameOf("/out", "X-User: root")).toBeUndefined();
  });

  test("that was right is remembered for a minute, and only that one", async () => {
    const clock = { timeMs: 0 };
    let checks = 0;
    const { verify } = Bun.password;
    Bun.password.verify = ((...args: Parameters<typeof verify>) => {
      checks += 1;
      return verify(...args);
    }) as typeof verify;
    try {
      await using lane = await lanes({ users: "USERS" }, () => clock.timeMs);
      checks = 0;
      const statuses = [];
      for (const line of [right, right, basic("ada:wrong"), basic("ada:wrong"), right]) {
        statuses.push(await statusOf(lane, "/", line));
      }
      expect([statuses, checks]).toEqual([[200, 200, 401, 401, 200], 3]);

      clock.timeMs += 60_000;
      await statusOf(lane, "/", right);
      expect(checks).toBe(4);
    } finally {
      Bun.password.verify = verify;
    }
  });

  test("is checked a few at a time; a flood of them is told to come back, and all get an answer", async () => {
    await using lane = await lanes({ users: "USERS" });

    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        ask(lane, `GET / HTTP/1.1\r\n${basic(`ada:${index}`)}`),
      ),
    );

    const statuses = answers.map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([401, 503]));
    const busy = answers.find(({ status }) => status === 503);
    expect(header(busy!, "retry-after")).toBe("1");
    expect(await statusOf(lane, "/", right)).toBe(200);
  });
});

describe("paths", () => {
  const protectedLane = sharedLane(() => lanes({ ...both, paths: ["/admin/"] }));
  const freeLane = sharedLane(() => lanes({ ...both, except: ["/public"] }));

  test.each([
    "/admin",
    "/admin/",
    "/admin?x",
    "/admin/users",
    "/ADMIN/users",
    "/%61dmin",
    "/adm%69n/users",
    "//admin",
    "/x/../admin",
    "/x/%2e%2e/admin",
    "/x/%2E./admin",
    "/./admin",
    "/%2e/admin",
    "/\\admin",
    "/x\\..\\admin",
    "/x/..%2fadmin",
    "/x/..%5cadmin",
    "/%2fadmin",
    "/admin%2fusers",
    "/admin/../admin",
    "/admin/..%2fpublic",
    "http://seen.localhost/admin",
    "http://seen.localhost//admin/x",
  ])("%s needs a login", async (path) => {
    const { lane } = protectedLane;

    expect(await statusOf(lane, path)).toBe(401);
    expect(await statusOf(lane, path, "Authorization: Bearer t0ken")).toBe(200);
  });

  test.each(["/", "/administrator", "/x/admin", "/?/admin", "/admin/../x", "/admi"])(
    "%s needs none",
    async (path) => {
      expect(await statusOf(protectedLane.lane, path)).toBe(200);
    },
  );

  test.each([
    ["/public", 200],
    ["/public/", 200],
    ["/public/a?b", 200],
    ["/%70ublic/a", 401],
    ["/PUBLIC/a", 401],
    ["/public/../admin", 401],
    ["/public/%2e%2e/admin", 401],
    ["/public/..%2fadmin", 401],
    ["/public\\..\\admin", 401],
    ["/admin/..%2fpublic/a", 401],
    ["/admin/../public/a", 200],
    ["//public", 401],
    ["/publicity", 401],
  ])("%s, where only /public is free, is answered with %d", async (path, status) => {
    expect(await statusOf(freeLane.lane, path)).toBe(status);
  });

  test("of other apps are free", async () => {
    await using lane = await lanes({ ...both, apps: ["a"] });

    expect(await statusOf(lane, "/")).toBe(200);
    expect((await ask(lane, "GET / HTTP/1.1", { app: "a" })).status).toBe(401);
    // Which app it is, the host decides that the request goes to.
    const absolute = "GET http://a.localhost/ HTTP/1.1\r\nHost: seen.localhost";
    expect((await ask(lane, absolute)).status).toBe(401);
  });
});

test.each([
  [undefined, "give `users`"],
  [{ users: "NONE" }, "NONE is empty"],
  [{ users: "TOKENS" }, "Bun.password.hash"],
  [{ tokens: "USERS" }, 'the hash of "ada"'],
  [{ tokens: "PLAIN" }, "entry 1 of PLAIN"],
  [{ users: "EMPTY_NAME" }, "entry 1 of EMPTY_NAME"],
  [{ users: "BROKEN" }, "Bun.password.hash"],
  [{ tokens: "TOKENS", realm: 'a"b' }, "`realm`"],
  [{ tokens: "TOKENS", paths: ["admin"] }, "must begin"],
  [{ tokens: "TOKENS", path: ["/admin"] }, "no option"],
  [
    { users: "NONE", except: ["a", "b"], realm: '"' },
    'path "b" must begin with "/"; variable NONE',
  ],
])("options %j are refused at the start, and no secret is told", async (options, why) => {
  const secrets = {
    ...env,
    PLAIN: "hunter2",
    EMPTY_NAME: ":hunter2",
    BROKEN: "ada:$argon2id$hunter2",
  };
  const starting = startShippedLane([["auth", options]], { env: secrets });

  const message = await starting.then(
    () => "",
    (error: Error) => error.message,
  );

  expect(message).toContain(why);
  expect(message).not.toContain("hunter2");
});
