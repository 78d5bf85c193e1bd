import { defineConfig } from "levain";

export default defineConfig({
  name: "shop",
  // Two seconds without a visitor, and the process is frozen. Short, so that you can watch it.
  idleFreezeMs: 2000,
});
