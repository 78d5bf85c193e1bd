import { expect, test } from "bun:test";
import { createApp } from "./app.ts";

async function guess(app: ReturnType<typeof createApp>, number: unknown) {
  const response = await app.request("/api/guess", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ number }),
  });
  return { status: response.status, body: await response.json() };
}

test("guesses are judged and counted, and a found number begins a new game", async () => {
  const app = createApp(() => 42);

  expect((await guess(app, 10)).body).toEqual({ verdict: "too low", guesses: 1 });
  expect((await guess(app, 90)).body).toEqual({ verdict: "too high", guesses: 2 });
  expect((await guess(app, 42)).body).toEqual({ verdict: "right", guesses: 3 });
  expect((await guess(app, 1)).body).toEqual({ verdict: "too low", guesses: 1 });
});

test.each([["ten"], [1.5], [null]])("%p is no guess", async (number) => {
  expect((await guess(createApp(), number)).status).toBe(400);
});
