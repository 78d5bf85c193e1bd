/** What `levain inspect` says of how a version was built. Pure. */
import type { Inspection } from "../control/api.ts";
import type { Group } from "./inspection-text.ts";
import { printableLine } from "./printable.ts";
import { showBytes, showCount, showDuration } from "./units.ts";

type Provenance = NonNullable<Inspection["stored"]>["provenance"];

/** Rows for the group that says what the version is. */
export function sourceRows(found: Provenance, commit: string | null): Group["rows"] {
  const { git, deployedBy } = found;
  const state = {
    true: " with changes that are in no commit",
    false: " without changes",
    null: "",
  };
  const branch = git?.branch == null ? "" : ` on ${git.branch}`;
  const source = commit === null ? "none" : `${commit}${branch}${state[`${git?.isDirty ?? null}`]}`;
  return [
    ["commit", printableLine(source)],
    ...(deployedBy === null ? [] : [["deployed by", printableLine(deployedBy)] as const]),
  ];
}

/** A change of production's runtime for which nobody had a verdict. */
function forcedText({ runtimeForced: forced }: Provenance): string | null {
  if (forced === null) return null;
  return `${forced.from} → ${forced.to} by force: ${forced.reason} (${forced.objection})`;
}

/** Nothing of versions that were deployed before it was written down. */
export function provenanceGroups(found: Inspection): Group[] {
  if (found.stored === null || found.stored.provenance.bun === null) return [];
  const { provenance } = found.stored;
  return [builtGroup(provenance), packagesGroup(provenance), ...declaredGroup(found)];
}

function builtGroup(built: Provenance): Group {
  const { bun, bunRevision, levain, builder, ms, lockfile, lockfileSha256 } = built;
  const rows: [string, string | null][] = [
    ["bun", `${bun}${bunRevision === null ? "" : ` (${bunRevision.slice(0, 12)})`}`],
    [
      "builder",
      builder === null
        ? null
        : `levain ${levain}, ${builder.platform} ${builder.arch}, sandbox ${builder.sandbox}`,
    ],
    ["template", built.template],
    ["runtime", forcedText(built)],
    ["framework", built.framework],
    ["build", built.command],
    ["entry", built.bundled ? `${built.entry}, bundled` : built.entry],
    ["lockfile", lockfile === null ? "none" : `${lockfile}, sha256 ${lockfileSha256}`],
    [
      "took",
      ms === null ? null : `${showDuration(ms.build)} to build, ${showDuration(ms.boot)} to boot`,
    ],
    ["files", built.files === null ? null : showCount(built.files, "file")],
    [
      "largest",
      built.largest.map(({ path, bytes }) => `${path} ${showBytes(bytes)}`).join(", ") || null,
    ],
  ];
  return {
    title: "Built",
    rows: rows.flatMap(([name, value]) => (value === null ? [] : [[name, printableLine(value)]])),
  };
}

/** Packages with scripts that are named; the rest is in `--json`. Count. */
const scriptsNamedMax = 8;

function packagesGroup({ packages, scripts }: Provenance): Group {
  if (packages === null) return { title: "Packages", rows: [["packages", "not known"]] };
  const { production, development, leftOut } = packages;
  const more = leftOut === 0 ? "" : `, ${leftOut} more not listed`;
  const named = scripts.declared
    .slice(0, scriptsNamedMax)
    .map(({ name, scripts }) => `${name === "." ? "the project" : name} (${scripts.join(", ")})`);
  const rest = scripts.declared.length - named.length;
  if (rest > 0) named.push(`${rest} more`);
  return {
    title: "Packages",
    rows: [
      ["installed", `${production} to run, ${development} to develop${more}`],
      ["scripts", named.length === 0 ? "none declared" : printableLine(named.join(", "))],
      [
        "ran",
        scripts.ran.length === 0
          ? "none: Levain runs no lifecycle scripts"
          : scripts.ran.join(", "),
      ],
    ],
  };
}

function declaredGroup({ declares }: Inspection): Group[] {
  const { schema, telemetry, flags } = declares;
  const rows: [string, string | null][] = [
    ["schema", schema],
    ["telemetry", telemetry],
    ["flags", flags.length === 0 ? null : flags.join(", ")],
  ];
  const said = rows.flatMap(([name, value]): [string, string][] =>
    value === null ? [] : [[name, printableLine(value)]],
  );
  return said.length === 0 ? [] : [{ title: "Declares", rows: said }];
}
