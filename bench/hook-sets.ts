/** Sets of hooks whose cost is measured. */
import { join } from "node:path";
import type { HookSource } from "../src/hooks/load.ts";

const folder = join(import.meta.dir, "hooks");

/** Limits that nobody reaches, rules that seldom match: the cost of a request that passes. */
const shipped: HookSource[] = [
  {
    module: "levain/hooks/cors",
    folder,
    options: { origins: ["https://www.example.com"], credentials: true },
  },
  { module: "levain/hooks/rate-limit", folder, options: { requestsMax: 1e9, perMs: 1000 } },
  {
    module: "levain/hooks/redirects",
    folder,
    options: {
      redirects: [
        { host: "www.example.com", from: "/*", to: "https://example.com/*" },
        { from: "/old/:id", to: "/new/:id" },
      ],
      rewrites: [{ from: "/api/v1/*", to: "/v1/*" }],
    },
  },
  { module: "levain/hooks/auth", folder, options: { tokens: "STAFF", paths: ["/admin"] } },
];

export const HOOK_SETS: Readonly<Record<string, readonly HookSource[]>> = {
  none: [],
  "one that does nothing": [{ module: "./no-op.ts", folder }],
  "one that is awaited": [{ module: "./awaited.ts", folder }],
  ...Object.fromEntries(
    shipped.map((source) => [source.module.slice("levain/hooks/".length), [source]]),
  ),
  "all four": shipped,
};
