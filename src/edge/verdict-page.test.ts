import { describe, expect, test } from "bun:test";
import { PlatformError } from "../base/errors.ts";
import { verdictPage } from "./verdict-page.ts";

const unknown = new PlatformError("HOST_UNKNOWN", ["a.localhost"]);

describe("who gets a page", () => {
  const accepts: [string, "text/html" | "application/json"][] = [
    ["", "application/json"],
    ["*/*", "application/json"],
    ["application/json", "application/json"],
    ["text/html", "text/html"],
    ["TEXT/HTML; charset=utf-8", "text/html"],
    ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"],
    ["application/json, text/html", "application/json"],
    ["application/json;q=0.5, text/html", "text/html"],
    ["text/html;q=0.1, application/json", "application/json"],
    ["text/html;q=0, */*", "application/json"],
    ["text/html;q=nonsense", "text/html"],
  ];

  test.each(accepts)("%j is answered with %s", (accept, type) => {
    expect(verdictPage(unknown, "id", accept).block).toContain(`content-type: ${type};`);
  });
});

test("JSON has code, message, fix, docs and request id, and nothing of the app's", () => {
  const error = new PlatformError("APP_START_FAILED", ["shop", "BOOT_CRASHED"], {
    cause: new Error("postgres://user:secret@db"),
    detail: { lastLines: ["secret"] },
  });

  const { status, body } = verdictPage(error, "request-1", "");

  expect(status).toBe(503);
  expect(JSON.parse(body)).toEqual({
    error: {
      code: "APP_START_FAILED",
      message: error.message,
      fix: error.toBody().fix,
      docs: "docs/errors.md#app_start_failed",
      requestId: "request-1",
    },
  });
});

test("a page shows the message, the fix, the code and the request id, and nothing of the app's", () => {
  const error = new PlatformError("APP_THREW", ["shop"], { cause: new Error("secret") });

  const { body } = verdictPage(error, "request-1", "text/html");

  for (const text of [error.message.replaceAll('"', "&quot;"), "APP_THREW", "500", "request-1"]) {
    expect(body).toContain(text);
  }
  expect(body).not.toContain("secret");
});

test("what the client chose is escaped in a page", () => {
  const error = new PlatformError("HOST_UNKNOWN", ['<script>alert("1")</script>&\'']);

  const { body } = verdictPage(error, '"><img src=x onerror=alert(2)>', "text/html");

  expect(body).not.toContain("<script>");
  expect(body).not.toContain("<img");
  expect(body).toContain("&lt;script&gt;");
});

test("503 says when to come back, and no verdict is cached", () => {
  const busy = verdictPage(new PlatformError("APP_BUSY", ["shop", 1]), "id", "");

  expect(busy.block).toContain("retry-after: 1\r\n");
  expect(busy.block).toContain("levain-error: APP_BUSY\r\n");
  expect(busy.block).toContain("cache-control: no-store\r\n");
  expect(verdictPage(unknown, "id", "").block).not.toContain("retry-after");
});
