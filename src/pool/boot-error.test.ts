import { describe, expect, test } from "bun:test";
import { PlatformError } from "../base/errors.ts";
import { visitorError } from "./boot-error.ts";

describe("what visitors are told of a start that failed", () => {
  test("is the code of what the app did, without its words", () => {
    const told = visitorError("shop", new PlatformError("BOOT_CRASHED", ["secret words"]));
    expect(told.code).toBe("APP_START_FAILED");
    expect(told.message).toBe('Cannot start app "shop": BOOT_CRASHED');
  });

  test("is that the database was dropped, and what brings it back", () => {
    const dropped = new PlatformError("DATABASE_DROPPED", ["shop", "fix", "by ann"]);
    expect(visitorError("shop", dropped)).toBe(dropped);
  });
});
