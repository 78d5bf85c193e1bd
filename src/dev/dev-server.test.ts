import { expect, test } from "bun:test";
import { findDevServer } from "./dev-server.ts";

test.each([
  ["vite", true],
  ["codegen && cross-env A=1 vite --host", true],
  ["vite --port 8080", false],
  ["next dev -p 8080", false],
  ["vite && echo done", false],
  ["vite | tee log", false],
])("%p takes a port from behind it: %p", (dev, takesPort) => {
  expect(findDevServer({ dev })?.takesPort).toBe(takesPort);
});
