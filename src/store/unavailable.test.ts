import { expect, test } from "bun:test";
import pg from "pg";
import { storeError } from "./unavailable.ts";

function databaseError(code: string): pg.DatabaseError {
  const error = new pg.DatabaseError("what the server said", 0, "error");
  error.code = code;
  return error;
}

test.each([
  "08006", // connection failure
  "28P01", // wrong password
  "3D000", // no such database
  "40001", // serialization failure
  "42P01", // no such table
  "53300", // too many connections
  "57P01", // shut down by an administrator
  "57P03", // starting up or recovering
  "57014", // statement timeout
  "XX001", // damaged data
])("SQLSTATE %s says that the store is not available, with the server's words", (code) => {
  expect(storeError(databaseError(code))).toMatchObject({
    code: "STORE_UNAVAILABLE",
    message: expect.stringContaining("what the server said"),
  });
});

test("errors of the connection say that the store is not available", () => {
  const refused = Object.assign(new Error("connect ENOENT"), { code: "ENOENT" });

  expect(storeError(refused)).toMatchObject({ code: "STORE_UNAVAILABLE", cause: refused });
});

test("a text that cannot be kept is the user's to correct", () => {
  expect(storeError(databaseError("22021"))).toMatchObject({ code: "INPUT_INVALID" });
});

test("a wrong statement stays what it is: a defect", () => {
  const error = databaseError("42601");

  expect(storeError(error)).toBe(error);
});
