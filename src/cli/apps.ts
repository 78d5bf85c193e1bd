/** `levain apps`: every app with its branches and their URLs. */
import type { AppInfo } from "../control/api.ts";
import { type Column, renderTable } from "./table.ts";
import type { Call, Verb } from "./verb.ts";

interface Row {
  app: string;
  branch: string;
  live: number | null;
  url: string;
}

export const apps: Verb = {
  name: "apps",
  group: "Observe",
  asksNode: true,
  summary: "List the apps, their branches and URLs",
  examples: [
    ["levain apps", "one line per branch"],
    ["levain apps --json", "the same for a program"],
  ],
  async run(call) {
    const data = await call.client.call("apps");
    const first = data.apps[0]?.name;
    return {
      data,
      next:
        first === undefined
          ? [call.command("levain deploy")]
          : [call.command(`levain versions ${first}`), call.command("levain ps")],
      text: () => renderApps(data.apps, call),
    };
  },
};

function renderApps(list: readonly AppInfo[], call: Call): string {
  if (list.length === 0) return "No apps yet. Deploy a folder with `levain deploy`.";
  const rows = list.flatMap((app): Row[] =>
    app.branches.map(({ name, live, url }) => ({ app: app.name, branch: name, live, url })),
  );
  const columns: Column<Row>[] = [
    { title: "APP", cell: (row) => row.app, cutTo: 16, paint: call.paint.bold },
    { title: "BRANCH", cell: (row) => row.branch, cutTo: 10 },
    { title: "LIVE", cell: (row) => (row.live === null ? "-" : `v${row.live}`) },
    { title: "URL", cell: (row) => row.url, paint: (text) => call.paint.cyan(text) },
  ];
  return renderTable(rows, columns, {
    columns: call.io.stdout.columns,
    paintTitle: call.paint.dim,
  });
}
