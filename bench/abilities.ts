/** What a peer can do beside answering: a rate says nothing of what it was bought with. */

/** In the order of the columns. */
const columns = [
  "app in a process of its own",
  "fresh module state per request",
  "starts an app at its first request",
  "freezes or stops idle apps",
  "bodies are streamed",
  "knows apps, versions, limits",
] as const;

const rows: Record<string, readonly string[]> = {
  "bare Bun.serve": ["no: the app is the server", "no", "no", "no", "yes", "no"],
  HAProxy: ["yes, if somebody starts it", "no", "no", "no", "yes", "no"],
  Levain: ["yes", "yes", "yes", "yes", "yes", "yes"],
  nginx: ["yes, if somebody starts it", "no", "no", "no", "yes", "no"],
  Caddy: ["yes, if somebody starts it", "no", "no", "no", "yes", "no"],
  "Bun.serve → fetch(unix)": ["yes, if somebody starts it", "no", "no", "no", "yes", "no"],
  "Bun.serve → Worker": [
    "no: a thread; a crash or `process.exit` takes all",
    "no: a worker per request would, at some hundredth of the rate",
    "could",
    "could stop them, not freeze them",
    "no: whole in memory",
    "no",
  ],
};

/** Names of the peers that have a row. */
export const known: readonly string[] = Object.keys(rows);

/** Markdown. "no": not as it is measured here; whatever could be built around it is not counted. */
export function abilitiesTable(): string {
  const lines = [
    ["peer", ...columns],
    ["---", ...columns.map(() => "---")],
    ...Object.entries(rows).map(([peer, cells]) => [peer, ...cells]),
  ];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
