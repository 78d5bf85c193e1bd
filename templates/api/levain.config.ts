import { defineConfig } from "levain";

/** What this app may use. Every key has a default; these are budgets that an API of this size should never need more of. */
export default defineConfig({
  healthPath: "/health",
  limits: {
    memoryBytesMax: 128 * 1024 * 1024,
    requestTimeoutMs: 10_000,
    bodyBytesMax: 1024 * 1024,
  },
});
