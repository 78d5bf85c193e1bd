/** `levain audit`: who changed what on the node, and who was not let in. */
import type { AuditEntryInfo } from "../control/api.ts";
import { usageError } from "./failure.ts";
import { printableLine } from "./printable.ts";
import { parseSince } from "./since.ts";
import { type Column, renderTable } from "./table.ts";
import { showMinute } from "./units.ts";
import type { Verb } from "./verb.ts";
import { wrapWords } from "./wrap-words.ts";

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
          { title: "DID", cell: (row) => row.action, paint: call.paint.bold },
          { title: "APP", cell: (row) => row.app ?? "-", cutTo: 8 },
          { title: "FROM", cell: (row) => row.address, cutTo: 6 },
          { title: "RESULT", cell: (row) => row.result },
        ];
        const { columns: width } = call.io.stdout;
        const table = renderTable(data.entries, columns, {
          columns: width,
          paintTitle: call.paint.dim,
        });
        const [title, ...rows] = table.split("\n");
        const entries = rows.flatMap((row, index) => {
          // Below its row, where it need not be cut.
          const text = detailOf(data.entries[index]!);
          const detail = text === "" ? [] : wrapWords(text, width - INDENT.length);
          return [row, ...detail.map((line) => call.paint.dim(INDENT + line))];
        });
        return [title, ...entries].join("\n");
      },
    };
  },
};

const INDENT = "    ";

function detailOf({ detail }: AuditEntryInfo): string {
  const parts = Object.entries(detail)
    .filter(([key]) => key !== "digest" && key !== "commit")
    .map(([key, value]) => [key, Array.isArray(value) ? value.join(", ") : `${value ?? ""}`])
    .filter(([, text]) => text !== "")
    .map(([key, text]) => `${key}=${text}`);
  return printableLine(parts.join(" "));
}
