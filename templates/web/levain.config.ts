import { defineConfig } from "levain";

/** Files of `public/` are answered by the node, without a process; everything else by the app in `src/`. */
export default defineConfig({
  build: "bun run build",
  assets: "public",
  healthPath: "/api/health",
  limits: {
    memoryBytesMax: 128 * 1024 * 1024,
    requestTimeoutMs: 10_000,
    bodyBytesMax: 1024 * 1024,
  },
});
