/** `levain new`: begins a project from a template. Without arguments it lists the templates. */
import { basename, relative, resolve } from "node:path";
import { PlatformError } from "../base/errors.ts";
import { appNameFrom, checkAppName } from "../deploy/names.ts";
import { usageError } from "./failure.ts";
import { listTemplates, makeProject, type Template } from "./new-project.ts";
import { type Column, renderTable } from "./table.ts";
import { showCount } from "./units.ts";
import type { Call, Outcome, Verb } from "./verb.ts";

export const newVerb: Verb = {
  name: "new",
  group: "Develop",
  summary: "Begin a project from a template",
  description:
    "Writes a small project that is deployed as it is: an app, tests, lint, types, checks for " +
    "every push, limits, and a README. Versions are exact and the lockfile comes along. Without arguments " +
    "it lists the templates. Nothing is installed and nothing is overwritten.",
  arguments: [
    ["[template]", "api, web or worker", ["api", "web", "worker"]],
    ["[dir]", "folder to make"],
  ],
  flags: [
    ["--name <name>", "name of the app (default: the folder's)"],
    ["--force", "write over files of the same name in a folder that is not empty"],
  ],
  exits: [[1, "the folder is not empty; nothing was written"]],
  examples: [
    ["levain new", "which templates there are"],
    ["levain new api notes", "a project in ./notes"],
    ["levain new web ./sites/shop --name bakery", "with another name than its folder"],
  ],
  async run(call) {
    const [template, dir] = call.args;
    const templates = await listTemplates();
    if (template === undefined) return listOutcome(templates, call);
    if (!templates.some(({ name }) => name === template)) {
      const names = templates.map(({ name }) => name).join(", ");
      throw usageError(`there is no template "${template}"; there are ${names}`);
    }
    if (dir === undefined) throw usageError(`say where: levain new ${template} <dir>`);
    const folder = resolve(call.io.cwd, dir);
    const name = nameOf(call, folder);
    const files = await makeProject(template, folder, name, call.flags.force === true);
    return madeOutcome({ template, name, folder, files }, call);
  },
};

function nameOf({ flags }: Call, folder: string): string {
  if (typeof flags.name === "string") return checkAppName(flags.name);
  const name = appNameFrom(basename(folder));
  if (name !== null) return name;
  throw new PlatformError("NAME_INVALID", [
    "the app's name",
    basename(folder),
    "it has no letters or digits to take; give one with --name",
  ]);
}

function listOutcome(templates: Template[], { paint, io }: Call): Outcome {
  const columns: Column<Template>[] = [
    { title: "TEMPLATE", cell: ({ name }) => name, paint: paint.bold },
    { title: "WHAT IT IS", cell: ({ description }) => description, cutTo: 20 },
  ];
  return {
    data: { templates },
    next: templates.map(({ name }) => `levain new ${name} my-${name}`),
    text: () =>
      `${renderTable(templates, columns, { columns: io.stdout.columns, paintTitle: paint.dim })}\n\nlevain new api notes   makes one in ./notes`,
  };
}

function madeOutcome(
  data: { template: string; name: string; folder: string; files: string[] },
  { paint, io }: Call,
): Outcome {
  const { template, name, folder, files } = data;
  const path = relative(io.cwd, folder) || ".";
  // The one that runs this, where there is none of the developer's own.
  const bun = Bun.which("bun", { PATH: io.env.PATH ?? "" }) === null ? process.execPath : "bun";
  return {
    data,
    next: [`levain dev ${path}`, `levain deploy ${path}`],
    text: () =>
      [
        `${paint.green("✔")} ${name} is a project of the template ${template} (${showCount(files.length, "file")})`,
        ...(path === "." ? [] : [`  cd ${path}`]),
        `  ${bun} install`,
        "  levain dev",
      ].join("\n"),
  };
}
