/** `levain versions`: what was deployed of an app, newest first. */
import { versionName } from "../base/version-spec.ts";
import type { VersionInfo } from "../control/api.ts";
import { appArgument } from "./app-argument.ts";
import { printableLine } from "./printable.ts";
import { type Column, renderTable } from "./table.ts";
import { showAge, showBytes } from "./units.ts";
import type { Call, Verb } from "./verb.ts";

export const versions: Verb = {
  name: "versions",
  group: "Observe",
  asksNode: true,
  summary: "List the versions of an app",
  arguments: [["[app]", "name of the app; default: the app of this folder"]],
  examples: [
    ["levain versions shop", "every version of shop, newest first"],
    ["levain versions shop --json", "the same for a program"],
  ],
  async run(call) {
    const app = await appArgument(call);
    const data = await call.client.call("versions", { app });
    const previous = data.versions.find(({ liveOn }) => liveOn.length === 0)?.number;
    return {
      data,
      next: [
        ...(previous === undefined
          ? []
          : [call.command(`levain promote ${app} ${versionName(previous)}`)]),
        call.command(`levain logs ${app}`),
      ],
      text: () => renderVersions(data.versions, Date.now(), call),
    };
  },
};

function renderVersions(list: readonly VersionInfo[], wallMs: number, call: Call): string {
  if (list.length === 0) return "No versions yet. Deploy one with `levain deploy`.";
  const isPinned = list.some(({ runtime }) => runtime !== null);
  const columns: Column<VersionInfo>[] = [
    { title: "VERSION", cell: (row) => versionName(row.number), paint: call.paint.bold },
    {
      title: "LIVE ON",
      cell: (row) => row.liveOn.join(", ") || "-",
      cutTo: 10,
      paint: (text, row) => (row.liveOn.length === 0 ? text : call.paint.green(text)),
    },
    { title: "AGE", cell: (row) => showAge(wallMs - row.createdAtMs), align: "right" },
    { title: "SIZE", cell: (row) => showBytes(row.bytes), align: "right" },
    ...(isPinned ? [{ title: "RUNTIME", cell: (row: VersionInfo) => row.runtime ?? "-" }] : []),
    { title: "COMMIT", cell: (row) => row.commit?.slice(0, 8) ?? "-" },
    { title: "MESSAGE", cell: (row) => printableLine(row.message ?? "-"), cutTo: 8 },
  ];
  return renderTable(list, columns, {
    columns: call.io.stdout.columns,
    paintTitle: call.paint.dim,
  });
}
