import { describe, expect, test } from "bun:test";
import { appendFile } from "node:fs/promises";
import { CATALOG, CATALOG_BY_GROUP } from "./catalog.ts";
import { asPlatformError, InvariantError, invariant, messageOf, PlatformError } from "./errors.ts";

describe("an error of the catalogue", () => {
  test("has its row's status, owner, message and remedy, and points to its docs", () => {
    const error = new PlatformError("APP_BUSY", ["shop", 5]);

    expect([error.status, error.owner]).toEqual([503, "user"]);
    expect(error.toBody()).toEqual({
      code: "APP_BUSY",
      message: error.message,
      cause: null,
      fix: expect.stringContaining("limits.concurrencyMax"),
      docs: "docs/errors.md#app_busy",
    });
    expect(error.message).toContain('"shop": 5 are running');
  });

  test("names in its remedy what the message names, so that it can be run as it is", () => {
    expect(new PlatformError("VERSION_UNKNOWN", ["shop", "v9"]).toBody().fix).toContain(
      "`levain versions shop`",
    );
    for (const [code, row] of Object.entries(CATALOG)) {
      const { remedy } = row;
      const fix =
        typeof remedy === "string" ? remedy : remedy("shop" as never, 1 as never, 2 as never);
      expect(fix, code).not.toMatch(/<|undefined/);
    }
  });

  test("keeps what is underneath, and its evidence", () => {
    const error = new PlatformError("APP_THREW", ["shop"], {
      cause: new TypeError("x is not a function"),
      detail: { lastLines: ["a"] },
    });

    expect(error.toBody()).toMatchObject({
      cause: "x is not a function",
      detail: { lastLines: ["a"] },
    });
  });
});

test("anything thrown has a message and can become an error of the catalogue", () => {
  const known = new PlatformError("APP_BUSY", ["shop", 5]);

  expect([new Error("a"), "b", 3, null].map(messageOf)).toEqual(["a", "b", "3", "null"]);
  expect(asPlatformError(known)).toBe(known);
  expect(asPlatformError("b")).toMatchObject({ code: "INTERNAL", cause: "b" });
});

test("a write that finds the disk full has a code of its own", async () => {
  const thrown = await appendFile("/dev/full", "x").catch((error: unknown) => error);

  expect(asPlatformError(thrown).toBody()).toMatchObject({
    code: "DISK_FULL",
    cause: expect.stringContaining("ENOSPC"),
  });
});

test("a broken belief is thrown with what was believed", () => {
  expect(() => invariant(1, "one is true")).not.toThrow();
  expect(() => invariant(0, "zero is true")).toThrow(InvariantError);
  expect(() => invariant(0, "zero is true")).toThrow("zero is true");
});

test("what a socket's callback throws ends the process, where Bun would go on", async () => {
  const script = `
    import { throwUncaught } from ${JSON.stringify(`${import.meta.dir}/errors.ts`)};
    const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: {
      data() { throw new Error("broken belief"); },
      error(_socket, error) { throwUncaught(error); },
    } });
    const client = await Bun.connect({ hostname: "127.0.0.1", port: server.port, socket: { data() {} } });
    client.write("x");
  `;
  const child = Bun.spawn([process.execPath, "-e", script], { stderr: "pipe" });

  const [stderr, code] = await Promise.all([child.stderr.text(), child.exited]);

  expect(stderr).toContain("broken belief");
  expect(code).toBe(1);
});

test("no code stands in two parts of the catalogue", () => {
  const codes = Object.values(CATALOG_BY_GROUP).flatMap((rows) => Object.keys(rows));

  expect(codes.sort()).toEqual(Object.keys(CATALOG).sort());
});
