import { expect, test } from "bun:test";
import { createApp } from "./app.ts";
import { MemoryNotes } from "./notes.ts";

const setUp = () => createApp(new MemoryNotes());

const post = (body: unknown) => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});

test("a note that was added can be read and is listed", async () => {
  const app = setUp();

  const added = await app.request("/notes", post({ text: "Buy flour" }));

  expect(added.status).toBe(201);
  expect(await (await app.request("/notes/1")).json()).toEqual({ id: 1, text: "Buy flour" });
  expect(await (await app.request("/notes")).json()).toHaveLength(1);
});

test("a note that was removed is gone", async () => {
  const app = setUp();
  await app.request("/notes", post({ text: "Buy flour" }));

  expect((await app.request("/notes/1", { method: "DELETE" })).status).toBe(204);
  expect((await app.request("/notes/1")).status).toBe(404);
});

test.each([
  ["no text", {}],
  ["an empty text", { text: "" }],
  ["a number", { text: 1 }],
  ["a text that is too long", { text: "x".repeat(1001) }],
])("%s is refused", async (_, body) => {
  expect((await setUp().request("/notes", post(body))).status).toBe(400);
});

test("what is not there is a 404 in JSON", async () => {
  const response = await setUp().request("/nothing");

  expect(response.status).toBe(404);
  expect(await response.json()).toEqual({ error: "there is nothing here" });
});
