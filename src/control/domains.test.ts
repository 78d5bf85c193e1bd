/** Goal: which hosts an app can have, how they are proved, and what is asked for that. Method: plain values; a real server. */
import { describe, expect, test } from "bun:test";
import { startTestNode } from "./admin-deps-for-tests.ts";
import { askOverHttp, checkDomain, type DomainResolver, isPublic } from "./domain-check.ts";
import { domainHostOf } from "./domain-host.ts";
import { domainCheckBytesMax } from "./limits.ts";

describe("a host", () => {
  test.each([
    ["shop.example.com", "shop.example.com"],
    ["SHOP.Example.COM.", "shop.example.com"],
    ["bücher.example", "xn--bcher-kva.example"],
    ["ｅxample.com", "example.com"],
    ["shop.apps.example.com.evil.net", "shop.apps.example.com.evil.net"],
    ["a-b.example", "a-b.example"],
  ])("%s is kept as %s", (given, host) => {
    expect(domainHostOf(given, "apps.example.com")).toBe(host);
  });

  test.each([
    ["*.example.com", "wildcard"],
    ["apps.example.com", "platform's own"],
    ["shop.apps.example.com", "platform's own"],
    ["SHOP.APPS.EXAMPLE.COM.", "platform's own"],
    ["example", "a dot"],
    ["shop.localhost", "never leaves"],
    ["127.0.0.1", "an address"],
    ["0x7f.1", "an address"],
    ["a.1", "no host name"],
    ["[::1]", "no host name"],
    ["example.com:80", "no host name"],
    ["https://example.com", "no host name"],
    ["example.com/path", "no host name"],
    ["me@example.com", "no host name"],
    ["a b.example.com", "no host name"],
    ["a_b.example.com", "letters, digits and dashes"],
    ["-a.example.com", "letters, digits and dashes"],
    ["a..example.com", "letters, digits and dashes"],
    ["xn--zzzzzz.com", "no host name"],
    [`${"a".repeat(64)}.example.com`, "letters, digits and dashes"],
    [`${"a.".repeat(130)}com`, "at most 253"],
    ["", "no host name"],
    ["..", "letters, digits and dashes"],
    ["shop.example.com\r\nx: y", "no host name"],
  ])("%j is refused: %s", (given, why) => {
    expect(() => domainHostOf(given, "apps.example.com")).toThrow(why);
  });
});

describe("a proof", () => {
  const challenge = "c0ffee";
  const none: DomainResolver = {
    resolveTxt: () => Promise.reject(Object.assign(new Error(), { code: "ENODATA" })),
    resolve4: () => Promise.reject(Object.assign(new Error(), { code: "ENOTFOUND" })),
    resolve6: () => Promise.reject(Object.assign(new Error(), { code: "ENOTFOUND" })),
  };
  const check = (resolver: Partial<DomainResolver>, answer: string | Error = "") => {
    const asked: string[] = [];
    const ask = async (address: string, host: string, path: string) => {
      asked.push(`${address} ${host}${path}`);
      if (answer instanceof Error) throw answer;
      return answer;
    };
    const parts = { resolver: { ...none, ...resolver }, ask };
    return checkDomain("shop.example.com", challenge, parts).then((found) => ({ ...found, asked }));
  };

  test("is the text in one of the TXT records, in however many parts", async () => {
    const names: string[] = [];
    const found = await check({
      async resolveTxt(name) {
        names.push(name);
        return [["v=spf1 -all"], ["levain-verify=", "c0ffee"]];
      },
    });

    expect(found).toMatchObject({ isVerified: true, dns: "found" });
    expect(names).toEqual(["_levain.shop.example.com"]);
  });

  test.each([
    "c0ffee",
    "levain-verify=c0ffe",
    "levain-verify=c0ffeee",
    "levain-verify=C0FFEE",
    "x levain-verify=c0ffee",
  ])("is not the text %j", async (text) => {
    const found = await check(
      { resolveTxt: async () => [[text]], resolve4: async () => ["192.0.2.9"] },
      text,
    );

    expect(found).toMatchObject({ isVerified: false });
    expect([found.dns, found.http].join()).toContain("has another text");
  });

  test("is the answer of the host's own address, with whitespace around it", async () => {
    const found = await check({ resolve4: async () => ["203.0.113.7"] }, "levain-verify=c0ffee\n");

    expect(found).toMatchObject({ isVerified: true, http: "found" });
    expect(found.asked).toEqual(["203.0.113.7 shop.example.com/.well-known/levain-domain"]);
  });

  test("is not looked for within networks of the node's own", async () => {
    const inner = [
      "127.0.0.1",
      "10.1.2.3",
      "192.168.0.1",
      "169.254.169.254",
      "100.64.0.1",
      "0.0.0.0",
    ];
    for (const address of inner) {
      const found = await check({ resolve4: async () => [address] }, "levain-verify=c0ffee");
      expect(found, address).toMatchObject({ isVerified: false, asked: [] });
    }
    for (const address of [
      "::1",
      "fd00::1",
      "fe80::1",
      "::ffff:127.0.0.1",
      "::127.0.0.1",
      "64:ff9b::7f00:1",
      "2002:7f00:1::",
    ]) {
      const found = await check({ resolve6: async () => [address] }, "levain-verify=c0ffee");
      expect(found, address).toMatchObject({ isVerified: false, asked: [] });
    }
    expect(["203.0.113.7", "2001:db8::1", "8.8.8.8"].every(isPublic)).toBe(true);
  });

  test("says what is in the way, without what was answered", async () => {
    const silent = Object.assign(new Error("secret"), { code: "ETIMEOUT" });
    const found = await check(
      { resolveTxt: () => Promise.reject(silent), resolve4: async () => ["203.0.113.7"] },
      new Error("inner secret"),
    );

    expect(found.dns).toBe("the name server did not answer (ETIMEOUT)");
    expect(found.http).toContain("does not answer with 200");
    expect(JSON.stringify(found)).not.toContain("secret");
  });

  test("over HTTP is small, direct and with status 200", async () => {
    const answers: Record<string, () => Response> = {
      good: () => new Response("yes"),
      moved: () => Response.redirect("http://127.0.0.1:1/"),
      missing: () => new Response("yes", { status: 404 }),
      large: () => new Response("x".repeat(domainCheckBytesMax + 1)),
    };
    using server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: (request) => answers[new URL(request.url).pathname.slice(1)]!(),
    });
    const ask = (path: string) => askOverHttp(`127.0.0.1:${server.port}`, "a.example.com", path);

    expect(await ask("/good")).toBe("yes");
    for (const path of ["/moved", "/missing", "/large"]) {
      expect(await ask(path).catch(() => "refused"), path).toBe("refused");
    }
  });
});

describe("the question of a proxy", () => {
  const isKnown = "?domain=shop.example.com";
  const ask = async (query: string, headers: Record<string, string> = {}, method = "GET") => {
    await using node = await startTestNode();
    const url = `http://127.0.0.1:${node.server.port}/v1/tls-check${query}`;
    const response = await fetch(url, { method, headers });
    const shape = [
      response.status,
      await response.text(),
      response.headers.get("www-authenticate"),
    ];
    return { status: response.status, shape };
  };

  test("is answered without a token, and with nothing but yes or no", async () => {
    expect((await ask(isKnown)).shape).toEqual([200, "", null]);
    expect((await ask("?domain=shop.localhost")).shape).toEqual([200, "", null]);
    for (const query of [
      "",
      "?domain=",
      "?domain=x.example.com",
      `?domain=${"a".repeat(10_000)}`,
    ]) {
      expect((await ask(query)).shape, query.slice(0, 40)).toEqual([404, "", null]);
    }
  });

  test("is not answered to strangers: what was passed on, other methods and hosts need a token", async () => {
    expect((await ask(isKnown, { "x-forwarded-for": "192.0.2.1" })).status).toBe(401);
    expect((await ask(isKnown, { forwarded: "for=192.0.2.1" })).status).toBe(401);
    expect((await ask(isKnown, {}, "POST")).status).toBe(401);
    expect((await ask(isKnown, { host: "rebound.example.com" })).status).toBe(403);
    expect((await ask(isKnown, { origin: "http://shop.localhost" })).status).toBe(403);
    await using node = await startTestNode();
    const overSocket = await fetch(`http://localhost/v1/tls-check${isKnown}`, {
      unix: node.socketPath,
    });
    expect(overSocket.status).toBe(401);
  });
});
