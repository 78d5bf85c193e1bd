/** The actions of `levain db`, by their word: one function each. */

import { DATABASE_ORIGINS, type DatabaseOrigin } from "../base/database-spec.ts";
import type { DatabaseInfo, OutputOf } from "../control/api.ts";
import { databaseLines } from "./database-text.ts";
import { appWords, dbApp, dbBranch, dbBranchNamed, dbHost, textFlag } from "./db-words.ts";
import { usageError } from "./failure.ts";
import { rebindTimeoutMs } from "./limits.ts";
import { type Column, renderTable } from "./table.ts";
import { showAge, showBytes } from "./units.ts";
import type { Call, Outcome } from "./verb.ts";

export async function list(call: Call): Promise<Outcome> {
  if (call.args[1] !== undefined)
    throw usageError("`levain db list` takes no words; `--app` lists one app's");
  const app = textFlag(call, "app");
  const data = await call.client.call("databases", { query: app === undefined ? {} : { app } });
  const { paint, io } = call;
  return {
    data,
    next: data.databases
      .slice(0, 1)
      .map((row) => call.command(`levain db psql ${row.branch} --app ${row.app}`)),
    text: () =>
      data.databases.length === 0
        ? "No databases. `database: true` in levain.config.ts and a deploy make one."
        : renderTable(data.databases, columnsAt(Date.now()), {
            columns: io.stdout.columns,
            paintTitle: paint.dim,
          }),
  };
}

const columnsAt = (nowMs: number): Column<DatabaseInfo>[] => [
  { title: "APP", cell: ({ app }) => app, cutTo: 8 },
  { title: "BRANCH", cell: ({ branch }) => branch, cutTo: 8 },
  { title: "STATE", cell: stateOf, cutTo: 12 },
  { title: "SIZE", cell: ({ bytes }) => showBytes(bytes), align: "right" },
  { title: "FROM", cell: ({ parent, origin }) => (parent === null ? origin : parent), cutTo: 6 },
  { title: "SESSIONS", cell: ({ use }) => String(use?.sessions ?? 0), align: "right" },
  { title: "USED", cell: ({ usedAtMs }) => `${showAge(nowMs - usedAtMs)} ago`, align: "right" },
];

function stateOf({ state, note, isOver, isReadOnly }: DatabaseInfo): string {
  if (state === "dropped") return `dropped: ${note ?? ""}`;
  if (isOver) return "full: read only";
  return isReadOnly ? "read only" : "ready";
}

export async function branch(call: Call): Promise<Outcome> {
  const app = await dbApp(call);
  const name = dbBranchNamed(call, "branch");
  const data = await call.client.call("databaseMake", {
    app,
    input: { branch: name, ...originOf(call) },
    answerTimeoutMs: rebindTimeoutMs,
  });
  return {
    data,
    next: [call.command(`levain db psql ${name}${appWords(call)}`)],
    text: () => madeText(data, call),
  };
}

export async function reset(call: Call): Promise<Outcome> {
  const app = await dbApp(call);
  const name = dbBranchNamed(call, "reset");
  const data = await call.client.call("databaseReset", {
    app,
    input: { branch: name, ...originOf(call), confirm: textFlag(call, "confirm") },
    answerTimeoutMs: rebindTimeoutMs,
  });
  return {
    data,
    next: [call.command(`levain db psql ${name}${appWords(call)}`)],
    text: () => madeText(data, call),
  };
}

export async function drop(call: Call): Promise<Outcome> {
  const app = await dbApp(call);
  const name = dbBranchNamed(call, "drop");
  const confirm = textFlag(call, "confirm");
  const data = await call.client.call("databaseDrop", {
    app,
    query: { branch: name, ...(confirm === undefined ? {} : { confirm }) },
    answerTimeoutMs: rebindTimeoutMs,
  });
  return {
    data,
    next: [call.command("levain db list")],
    text: () =>
      `${call.paint.green("✔")} the database of ${app} on ${name} is dropped; the next deploy makes it anew`,
  };
}

export async function url(call: Call): Promise<Outcome> {
  const app = await dbApp(call);
  const host = dbHost(call);
  const data = await call.client.call("databaseUrl", {
    app,
    query: { branch: dbBranch(call), ...(host === null ? {} : { host }) },
  });
  // Not to stdout, which is the address alone.
  if (data.isCertified === false && !call.isJson) {
    const what = `the certificate there is not for ${host}: clients that check it will refuse it`;
    call.io.stderr.write(`${call.paint.yellow("!")} ${what}\n`);
  }
  return {
    data,
    next: [call.command(`levain db psql ${data.branch}${appWords(call)}`)],
    text: () => data.url,
  };
}

export async function readonly(call: Call): Promise<Outcome> {
  const app = await dbApp(call);
  const [, word, name = "main"] = call.args;
  if (word !== "on" && word !== "off") throw usageError("say `levain db readonly on|off [branch]`");
  const input = { branch: name, isReadOnly: word === "on" };
  const data = await call.client.call("databaseReadOnly", { app, input });
  return {
    data,
    next: [call.command("levain db list")],
    text: () =>
      data.database.isReadOnly
        ? `${call.paint.green("✔")} the database of ${app} on ${name} refuses what writes`
        : `${call.paint.green("✔")} the database of ${app} on ${name} takes writes`,
  };
}

function originOf(call: Call): { fromBranch?: string; from?: DatabaseOrigin } {
  const fromBranch = textFlag(call, "fromBranch");
  const from = textFlag(call, "from");
  const origin = DATABASE_ORIGINS.find((one) => one === from);
  if (from !== undefined && origin === undefined) {
    throw usageError(`--from is "${from}", must be one of ${DATABASE_ORIGINS.join(", ")}`);
  }
  return {
    ...(fromBranch === undefined ? {} : { fromBranch }),
    ...(origin === undefined ? {} : { from: origin }),
  };
}

function madeText({ made, database }: OutputOf<"databaseMake">, { paint }: Call): string {
  if (made === null) return `${database.name}: it was there, and is as it was`;
  const [first = "", ...rest] = databaseLines(made);
  return [`${paint.green("✔")} ${first}`, ...rest.map((line) => `  ${line}`)].join("\n");
}
