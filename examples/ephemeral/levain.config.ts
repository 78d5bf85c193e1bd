import { defineConfig } from "levain";

export default defineConfig({ name: "ephemeral", ephemeral: true });
