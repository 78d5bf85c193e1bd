import { expect, test } from "bun:test";
import { join } from "node:path";
import { ENDPOINTS } from "./api.ts";
import { ENDPOINT_PATHS } from "./endpoints.ts";
import { adminBodyBytesMax, streamHeartbeatMs } from "./limits.ts";

const doc = await Bun.file(join(import.meta.dir, "../../docs/admin-api.md")).text();

test("docs/admin-api.md lists every endpoint by its name, and no other", () => {
  const listed = [...doc.matchAll(/^\| (\w+) \| `([A-Z]+ \/\S*)` \|/gm)].map(
    ([, name, request]) => [name, request],
  );
  const endpoints = Object.entries(ENDPOINT_PATHS).map(([name, { method, path }]) => [
    name,
    `${method} ${path}`,
  ]);

  expect(listed.sort()).toEqual([["index", "GET /"], ...endpoints].sort());
});

test("docs/admin-api.md names every field that goes in, every line that comes out, and the numbers", () => {
  const fields = Object.values(ENDPOINTS).flatMap((endpoint) => [
    ...Object.keys("query" in endpoint ? endpoint.query.shape : {}),
    ...Object.keys("input" in endpoint ? endpoint.input.shape : {}),
  ]);
  const events = ENDPOINTS.deploy.stream.options.flatMap(({ shape }) => [
    ...shape.type.values,
    ...("step" in shape ? shape.step.options : []),
  ]);

  for (const word of [...fields, ...events]) expect(doc, word).toMatch(new RegExp(`\\b${word}\\b`));
  expect(doc).toContain(`${adminBodyBytesMax / 1024} KiB`);
  expect(streamHeartbeatMs).toBe(10_000);
});
