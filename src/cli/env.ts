/** `levain env`: environment values of an app. No output has a value in it. */
import { PlatformError } from "../base/errors.ts";
import type { EnvValueInfo } from "../control/api.ts";
import { envNameProblem } from "../secrets/names.ts";
import { describeChange, describeDifference, placeName } from "./env-text.ts";
import { envApp, envPlace, envWhen, envWords, valuesOfFile, valuesOfWords } from "./env-words.ts";
import { usageError } from "./failure.ts";
import { rebindTimeoutMs } from "./limits.ts";
import { type Column, renderTable } from "./table.ts";
import { showDate } from "./units.ts";
import type { Call, Outcome, Verb } from "./verb.ts";
import { parseVersionNumber } from "./version-number.ts";

const ACTIONS: Readonly<Record<string, (call: Call) => Promise<Outcome>>> = {
  list,
  set: async (call) => change(call, { set: await valuesOfWords(call) }),
  import: async (call) => change(call, { set: await valuesOfFile(importedFile(call), call) }),
  unset: (call) => change(call, { unset: unsetNames(call) }),
  diff,
  apply,
  "rotate-key": rotateKey,
};

export const env: Verb = {
  name: "env",
  group: "Deploy",
  asksNode: true,
  summary: "Set, list and compare environment values",
  description:
    "Values are sealed on the node and never shown again: `list` has names and when each was set. " +
    "`set` and `import` are for main, unless --branch, --previews (all branches but main) or --all " +
    "say otherwise; the nearest value wins. A version keeps the values that it was deployed with: " +
    "`apply` gives a branch what is set now, as a new version of the same build. `diff` compares " +
    "two of branch, version and file by name; alone, what is live on the branch with what is set " +
    "for it. `rotate-key` seals everything with another master key.",
  arguments: [
    ["<action>", Object.keys(ACTIONS).join(", "), Object.keys(ACTIONS)],
    ["[words...]", "set: NAME=value, or NAME - for stdin; unset: names; import: file; diff: sides"],
  ],
  flags: [
    ["--app <name>", "the app (default: the app of this folder)"],
    ["--branch <name>", "for one branch (default: main)"],
    ["--previews", "for all branches but main"],
    ["--all", "for all branches"],
    ["--build", "set, import: for builds instead of the running app"],
    ["--run", "set, import: with --build, for both"],
    ["--file <path>", "diff: compare with a .env file"],
  ],
  examples: [
    ["levain env set REGION=eu --app shop", "for main"],
    ["levain env set DATABASE_URL - --app shop < url.txt", "a secret, out of the shell's history"],
    ["levain env set API_URL=https://test.example.com --previews", "for every preview"],
    ["levain env import .env.production --app shop", "all values of a file"],
    ["levain env list --app shop", "what is set, without the values"],
    ["levain env diff --app shop", "what `levain env apply` would change"],
    ["levain env diff main staging --app shop", "two branches"],
    ["levain env diff main --file .env --app shop", "a branch and a file"],
    ["levain env apply --app shop", "the running app gets what is set now"],
  ],
  async run(call) {
    const [action = ""] = call.args;
    const act = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
    if (act === undefined) {
      throw usageError(`"${action}" is none of ${Object.keys(ACTIONS).join(", ")}`);
    }
    return await act(call);
  },
};

async function list(call: Call): Promise<Outcome> {
  const app = await envApp(call);
  const { branch } = call.flags;
  const query = typeof branch === "string" ? { branch } : {};
  const data = await call.client.call("env", { app, query });
  const { paint, io } = call;
  return {
    data,
    next: [call.command(`levain env set NAME=value --app ${app}`)],
    text: () =>
      data.values.length === 0
        ? `Nothing is set for ${app}`
        : renderTable(data.values, COLUMNS, {
            columns: io.stdout.columns,
            paintTitle: paint.dim,
          }),
  };
}

const COLUMNS: readonly Column<EnvValueInfo>[] = [
  { title: "NAME", cell: ({ name }) => name, cutTo: 20 },
  { title: "FOR", cell: placeName, cutTo: 8 },
  {
    title: "SEEN BY",
    cell: ({ atBuild, atRun }) => (atBuild ? (atRun ? "app, build" : "build") : "app"),
  },
  { title: "SET", cell: ({ setAtMs }) => showDate(setAtMs) },
  { title: "BY", cell: ({ setBy }) => setBy ?? "", cutTo: 5 },
  { title: "HASH", cell: ({ fingerprint }) => fingerprint ?? "unreadable" },
];

async function change(
  call: Call,
  { set = {}, unset = [] }: { set?: Record<string, string>; unset?: string[] },
): Promise<Outcome> {
  for (const name of Object.keys(set)) checkName(name);
  const app = await envApp(call);
  const input = { ...envPlace(call), ...envWhen(call), set, unset };
  const data = await call.client.call("envChange", { app, input });
  const [branch] = data.branches;
  const apply =
    branch === undefined || !input.atRun
      ? []
      : [`levain env apply --app ${app}${branchFlag(branch)}`];
  return {
    data,
    next: [...apply, `levain env list --app ${app}`].map(call.command),
    text: () => describeChange(data, call.paint, input.atRun),
  };
}

/** Here too, since some names are lost on the way to the node. @throws {PlatformError} `ENV_NAME_INVALID` */
function checkName(name: string): void {
  const problem = envNameProblem(name);
  if (problem !== null) throw new PlatformError("ENV_NAME_INVALID", [name, problem]);
}

function importedFile(call: Call): string {
  const [file, ...rest] = envWords(call);
  if (file === undefined || rest.length > 0) {
    throw usageError("say which file to import, such as .env; - is stdin");
  }
  return file;
}

function unsetNames(call: Call): string[] {
  const names = envWords(call);
  if (names.length === 0) throw usageError("say which names to take away");
  return names;
}

async function diff(call: Call): Promise<Outcome> {
  const app = await envApp(call);
  const words = envWords(call);
  const { file } = call.flags;
  const sides = await sidesOf(call, app, words, typeof file === "string" ? file : null);
  const [from, to] = sides.map(({ side }) => side) as [Side, Side];
  const data = await call.client.call("envDiff", { app, input: { from, to } });
  const [left, right] = sides.map(({ name }) => name) as [string, string];
  return {
    data: { ...data, from: left, to: right },
    text: () => describeDifference(data, left, right, call.paint),
  };
}

type Side = { branch: string } | { version: number } | { values: Record<string, string> };

/** Two of them: those that are named, with the file as the second; or what is live and what is set. */
async function sidesOf(
  call: Call,
  app: string,
  words: readonly string[],
  file: string | null,
): Promise<{ name: string; side: Side }[]> {
  const named = words.map((word) =>
    /^v\d+$/.test(word)
      ? { name: word, side: { version: parseVersionNumber(word, "version") } }
      : { name: word, side: { branch: word } },
  );
  const branch = typeof call.flags.branch === "string" ? call.flags.branch : "main";
  const own = { name: branch, side: { branch } };
  if (file !== null) {
    if (named.length > 1) throw usageError("beside --file there is room for one branch or version");
    return [named[0] ?? own, { name: file, side: { values: await valuesOfFile(file, call) } }];
  }
  if (named.length === 2) return named;
  if (named.length > 2) throw usageError("say two sides at most");
  if (named[0] !== undefined) return [named[0], own];
  const { apps } = await call.client.call("apps");
  const found = apps.find(({ name }) => name === app)?.branches;
  const live = found?.find(({ name }) => name === branch)?.live ?? null;
  if (live === null) throw usageError(`nothing is live on ${branch}: say what to compare`);
  return [
    { name: `v${live}`, side: { version: live } },
    { name: `${branch} now`, side: { branch } },
  ];
}

async function apply(call: Call): Promise<Outcome> {
  const app = await envApp(call);
  const place = envPlace(call);
  if (place.scope !== "branch") throw usageError("say one branch to apply it to");
  const { branch } = place;
  const data = await call.client.call("envApply", {
    app,
    input: { branch },
    answerTimeoutMs: rebindTimeoutMs,
  });
  const { version, source, url } = data;
  const { paint } = call;
  return {
    data,
    next: [
      `levain open ${app}${branchFlag(branch)}`,
      `levain rollback ${app}${branchFlag(branch)}`,
    ].map(call.command),
    text: () =>
      version === source
        ? `${paint.green("✔")} ${app} v${version} on ${branch} has all that is set already`
        : [
            `${paint.green("✔")} ${app} v${version} is live on ${branch}: v${source} with what is set now`,
            ...describeDifference({ ...data, same: 0 }, `v${source}`, `v${version}`, paint)
              .split("\n")
              .slice(1),
            `  ${paint.cyan(url)}`,
          ].join("\n"),
  };
}

async function rotateKey(call: Call): Promise<Outcome> {
  const data = await call.client.call("keyRotate", { answerTimeoutMs: rebindTimeoutMs });
  const { keyId, values, versions, unreadable, isSettled } = data;
  const { paint } = call;
  return {
    data,
    text: () =>
      [
        `${paint.green("✔")} ${values} values and ${versions} versions are sealed with a new master key (${keyId})`,
        isSettled
          ? "  The old key is gone: keep a copy of the new file apart from the data directory."
          : "  The old key goes when the deploys that run have ended.",
        ...(unreadable.length === 0
          ? []
          : [
              `${paint.yellow("!")} ${unreadable.length} values cannot be opened and stay as they are:`,
              ...unreadable.slice(0, 20).map((line) => `  ${line}`),
            ]),
      ].join("\n"),
  };
}

function branchFlag(branch: string): string {
  return branch === "main" ? "" : ` --branch ${branch}`;
}
