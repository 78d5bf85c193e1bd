import { defineConfig } from "levain";

export default defineConfig({
  name: "orders",
  // One second without anything to do, and the process is frozen. Short, so that you can watch it.
  idleFreezeMs: 1000,
});
