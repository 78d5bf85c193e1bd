/** `levain audit`: who changed what on the node, and who was not let in. */
import type { AuditEntryInfo } from "../control/api.ts";
import { usageError } from "./failure.ts";
import { parseSince } from "./since.ts";
import { type Column, renderTable } from "./table.ts";
import { showMinute } from "./units.ts";
import type { Verb } from "./verb.ts";

export const audit: Verb = {
  name: "audit",
  group: "Observe",
  asksNode: true,
  summary: "Show who changed what, when and from where",
  description:
    "Everything that changes something is noted when it has ended, with the token that did it; so are refused " +
    "requests, in bounded number. Entries are kept for 13 months, at most 100,000 of them, and " +
    "cannot be changed. Needs a token of role admin.",
  flags: [
    ["--app <name>", "only what was done to this app"],
    ["--since <time>", "from then on: 5m, 2h, 3d, 2026-11-21, 2026-11-21T08:00:00Z"],
    ["--limit <count>", "the newest so many (default 100, at most 1000)"],
  ],
  examples: [
    ["levain audit", "the newest hundred entries"],
    ["levain audit --app shop --since 7d", "a week of one app"],
    ["levain audit --json", "for a program, with all details"],
  ],
  async run(call) {
    const { app, since, limit } = call.flags;
    if (limit !== undefined && !/^\d+$/.test(`${limit}`)) {
      throw usageError(`--limit "${limit}" is no whole number`);
    }
    const data = await call.client.call("audit", {
      query: {
        app: typeof app === "string" ? app : undefined,
        sinceMs: typeof since === "string" ? parseSince(since, Date.now()) : undefined,
        limit: limit === undefined ? undefined : Number(limit),
      },
    });
    return {
      data,
      next: [call.command("levain token list")],
      text: () => {
        if (data.entries.length === 0) return "Nothing is noted.";
        const columns: Column<AuditEntryInfo>[] = [
          { title: "TIME", cell: (row) => showMinute(row.atMs), paint: call.paint.dim },
          { title: "WHO", cell: (row) => row.actorName || row.actor, cutTo: 8 },
          { title: "DID", cell: (row) => row.action, cutTo: 8, paint: call.paint.bold },
          { title: "APP", cell: (row) => row.app ?? "-", cutTo: 8 },
          { title: "FROM", cell: (row) => row.address, cutTo: 9 },
          { title: "RESULT", cell: (row) => row.result, cutTo: 10 },
          { title: "DETAIL", cell: detailOf, cutTo: 4 },
        ];
        const size = { columns: call.io.stdout.columns, paintTitle: call.paint.dim };
        return renderTable(data.entries, columns, size);
      },
    };
  },
};

function detailOf({ detail }: AuditEntryInfo): string {
  return Object.entries(detail)
    .filter(([key, value]) => value !== null && key !== "digest" && key !== "commit")
    .map(([key, value]) => `${key}=${value}`)
    .join(" ");
}
