import { defineConfig } from "levain";

export default defineConfig({
  healthPath: "/health",
  // A schedule runs only while the process does: a stopped app wakes for nobody.
  idleFreezeMs: 0,
  limits: {
    memoryBytesMax: 128 * 1024 * 1024,
    requestTimeoutMs: 10_000,
    bodyBytesMax: 256 * 1024,
  },
});
