/**
 * Goal: request hooks see files like any other answer, and may change what is asked and what is said. Method: a real
 * lane; each file from disk, from memory and in pieces, with hooks that answer at once and with ones that are waited for.
 */
import { describe, expect, test } from "bun:test";
import type { RequestHook, ResponseHook } from "../../sdk/src/hooks.ts";
import { adorning, asking } from "../hooks/hook-lane.ts";
import { startTestLane, type TestLane } from "../lane-for-tests.ts";
import { prepareSite } from "./prepared-site.ts";

const large = Buffer.alloc(700_000, "0123456789");
const files = { "a.txt": "alpha", "b.txt": "beta ".repeat(1000), "large.txt": large };

const tick = () => new Promise((resolve) => setImmediate(resolve));

const laterOf =
  (hook: RequestHook): RequestHook =>
  async (request) => {
    await tick();
    return hook(request);
  };

const laterTo =
  (hook: ResponseHook): ResponseHook =>
  async (response, request) => {
    await tick();
    await hook(response, request);
  };

async function textOf(lane: TestLane, path: string, headers: Record<string, string> = {}) {
  const response = await lane.fetch("site", path, { headers });
  return { response, text: await response.text() };
}

describe.each([false, true])("hooks that are waited for: %p", (isLater) => {
  const request = (hook: RequestHook) => asking(isLater ? laterOf(hook) : hook);
  const answer = (hook: ResponseHook) => adorning(isLater ? laterTo(hook) : hook);

  test("add to the head of every file, whole and in part, and leave the bytes", async () => {
    using site = prepareSite(files);
    const hook = answer(({ headers, source }) => {
      headers.set("x-hook", source);
      headers.delete("etag");
    });
    await using lane = startTestLane({ site: site.app }, { hooks: [hook] });

    for (const [path, bytes] of Object.entries(files)) {
      for (let time = 0; time < 3; time++) {
        const { response, text } = await textOf(lane, `/${path}`);
        expect([response.headers.get("x-hook"), response.headers.get("etag")]).toEqual([
          "app",
          null,
        ]);
        expect(text).toBe(bytes.toString());
      }
      const part = await textOf(lane, `/${path}`, { range: "bytes=1-3" });
      expect([part.response.status, part.text]).toEqual([206, bytes.toString().slice(1, 4)]);
    }
    expect((await textOf(lane, "/gone")).response.headers.get("x-hook")).toBe("platform");
  });

  test("lead to another file, and say how it is wanted", async () => {
    using site = prepareSite(files);
    const hook = request((asked) => {
      asked.rewrite(asked.target.replace("/v1/", "/"));
      asked.headers.set("accept-encoding", "gzip");
      asked.headers.delete("range");
    });
    await using lane = startTestLane({ site: site.app }, { hooks: [hook] });

    for (let time = 0; time < 2; time++) {
      const { response, text } = await textOf(lane, "/v1/b.txt", {
        range: "bytes=0-1",
        "accept-encoding": "identity",
      });
      expect([response.status, response.headers.get("content-encoding")]).toEqual([200, "gzip"]);
      expect(text).toBe(files["b.txt"]);
    }
  });

  test("keep a file from being answered, however its path is written", async () => {
    using site = prepareSite({ "private/a.txt": "secret" });
    const hook = request(({ path, plainPath }) => {
      const isPrivate = [path, plainPath].some((one) => one.startsWith("/private/"));
      return isPrivate ? { reject: "it is private" } : undefined;
    });
    await using lane = startTestLane({ site: site.app }, { hooks: [hook] });

    for (const path of [
      "/private/a.txt",
      "/%70rivate/a.txt",
      "/private/%61.txt",
      "//private/a.txt",
    ]) {
      const { response, text } = await textOf(lane, path);
      expect([403, 404]).toContain(response.status);
      expect(text).not.toContain("secret");
    }
  });
});
