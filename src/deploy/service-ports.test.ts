import { expect, test } from "bun:test";
import { closedPortWarnings } from "./service-ports.ts";

const warn = (value: string, connect = ["*:443"], level: "strict" | "relaxed" = "strict") =>
  closedPortWarnings(new Map([["SOME_URL", value]]), connect, level);

test.each([
  ["postgres://user:secret@db.example.com/shop", 5432],
  ["postgresql://db:6543/shop?sslmode=require", 6543],
  ["redis://127.0.0.1", 6379],
  ["mysql://db/shop", 3306],
  ["mongodb://db/shop", 27_017],
])("%s leads to port %d, which has to be opened", (value, port) => {
  const [warning = ""] = warn(value);

  expect(warning).toContain(`SOME_URL leads to port ${port}`);
  expect(warning).toContain(`connect: ["*:443", "*:${port}"]`);
  expect(warning).not.toContain("secret");
  expect(warn(value, [`db.example.com:${port}`])).toEqual([]);
});

test.each([
  "https://api.example.com:8443",
  "http://localhost:3000",
  "hello",
  "",
  "mongodb://a:1,b:2/c",
])("%p is no service that is connected to for sure", (value) => {
  expect(warn(value)).toEqual([]);
});

test("where the network is open nothing is said", () => {
  expect(warn("postgres://db/shop", ["*:443"], "relaxed")).toEqual([]);
});

test("a database over the port that is open anyway is fine", () => {
  expect(warn("postgres://db:443/shop")).toEqual([]);
});
