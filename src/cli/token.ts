/**
 * `levain token`: the token of a data directory's admin API, which needs no node that runs, and the tokens that are made
 * for others: who may do what from elsewhere.
 */
import { existsSync } from "node:fs";
import { PlatformError } from "../base/errors.ts";
import {
  adminTokenPath,
  metricsTokenOf,
  readAdminToken,
  rotateAdminToken,
} from "../control/admin-token.ts";
import type { TokenInfo } from "../control/api.ts";
import { usageError } from "./failure.ts";
import { parseSpan } from "./since.ts";
import { type Column, renderTable } from "./table.ts";
import { showDate } from "./units.ts";
import type { Call, Outcome, Verb } from "./verb.ts";

const ACTIONS: Readonly<Record<string, (call: Call) => Outcome | Promise<Outcome>>> = {
  show,
  create,
  list,
  revoke,
};

export const token: Verb = {
  name: "token",
  group: "Node",
  asksNode: true,
  summary: "Make tokens for others, or print the node's own",
  description:
    "Without an action: the node's own token, which may do everything; the other commands read it " +
    "from the data directory by themselves. With --rotate it is replaced and the old one refused " +
    "from that moment on. `create` makes one for a person or a program: `read` looks, `deploy` deploys, promotes " +
    "and rolls back too, `admin` does everything. It is shown once and kept nowhere. `revoke` ends one " +
    "at once, with what goes on with it.",
  arguments: [
    ["[action]", "show (default), create, list or revoke", ["show", "create", "list", "revoke"]],
    ["[name]", "name of the token; for revoke its id will do"],
  ],
  flags: [
    ["--role <role>", "create: read, deploy or admin"],
    ["--app <names>", "create: only for these apps, such as shop,blog"],
    ["--expires <span>", "create: 12h, 30d, … or never (default 90d)"],
    ["--rotate", "show: make a new one; the old one ends"],
    ["--metrics", "show: the token that may only read /metrics"],
  ],
  examples: [
    ["levain token create ci --role deploy --app shop", "for a pipeline that deploys shop"],
    ["levain token create ann --role admin --expires never", "for a colleague"],
    ["levain token list", "who has one, and when it was used last"],
    ["levain token revoke ci", "it is refused from now on"],
    ["levain token", "the node's own token, and nothing else"],
    ["levain token --metrics", "the one for Prometheus"],
    ["levain token --rotate", "when somebody has seen it"],
  ],
  async run(call) {
    const [action = "show"] = call.args;
    const act = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
    if (act === undefined) {
      throw usageError(`"${action}" is none of show, create, list and revoke`);
    }
    return act(call);
  },
};

function show({ dataDir, flags }: Call): Outcome {
  const isRotated = flags.rotate === true;
  const admin = isRotated ? rotate(dataDir) : readAdminToken(dataDir);
  if (admin === null) throw missing(dataDir);
  const shown = flags.metrics === true ? metricsTokenOf(admin) : admin;
  return {
    data: { token: shown, path: adminTokenPath(dataDir), isRotated },
    text: () => shown,
  };
}

async function create(call: Call): Promise<Outcome> {
  const { role, app, expires = "90d" } = call.flags;
  const name = nameOf(call, "create");
  if (role !== "read" && role !== "deploy" && role !== "admin") {
    throw usageError("`token create` needs --role read, deploy or admin");
  }
  const apps = typeof app === "string" ? app.split(",").map((one) => one.trim()) : null;
  const expiresAtMs =
    expires === "never" ? null : Date.now() + parseSpan(`${expires}`, "--expires");
  const data = await call.client.call("tokenCreate", { input: { name, role, apps, expiresAtMs } });
  const node = call.nodeUrl ?? "https://<this node>";
  return {
    data,
    next: [call.command("levain token list"), call.command(`levain token revoke ${name}`)],
    text: () =>
      [
        data.token,
        `  ${role} on ${apps === null ? "every app and the node" : apps.join(", ")}, ${untilOf(data)}`,
        call.paint.dim("  Shown this once. Whoever it is for runs:"),
        call.paint.dim(`  levain login --node ${node} --token -`),
      ].join("\n"),
  };
}

async function list(call: Call): Promise<Outcome> {
  const data = await call.client.call("tokens");
  return {
    data,
    next: [call.command("levain token create ci --role deploy")],
    text: () => {
      if (data.tokens.length === 0) return "No tokens but the node's own.";
      const columns: Column<TokenInfo>[] = [
        { title: "NAME", cell: (row) => row.name, cutTo: 12, paint: call.paint.bold },
        { title: "ID", cell: (row) => row.id },
        { title: "ROLE", cell: (row) => row.role },
        { title: "APPS", cell: (row) => row.apps?.join(",") ?? "all", cutTo: 8 },
        { title: "EXPIRES", cell: (row) => dateOr(row.expiresAtMs, "never") },
        { title: "USED", cell: (row) => dateOr(row.usedAtMs, "-") },
      ];
      const size = { columns: call.io.stdout.columns, paintTitle: call.paint.dim };
      return renderTable(data.tokens, columns, size);
    },
  };
}

async function revoke(call: Call): Promise<Outcome> {
  const data = await call.client.call("tokenRevoke", { input: { token: nameOf(call, "revoke") } });
  return {
    data,
    next: [call.command("levain token list")],
    text: () => `${call.paint.green("✔")} token ${data.name} (${data.id}) is refused from now on`,
  };
}

function nameOf(call: Call, action: string): string {
  const [, name] = call.args;
  if (name !== undefined) return name;
  throw usageError(`\`token ${action}\` needs the name of the token`);
}

function untilOf({ expiresAtMs }: { expiresAtMs: number | null }): string {
  return expiresAtMs === null ? "without end" : `until ${showDate(expiresAtMs)}`;
}

function dateOr(atMs: number | null, none: string): string {
  return atMs === null ? none : showDate(atMs);
}

function rotate(dataDir: string): string {
  if (!existsSync(dataDir)) throw missing(dataDir);
  try {
    return rotateAdminToken(dataDir);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EACCES" && code !== "EPERM") throw error;
    const what = "this user may not write there";
    throw new PlatformError("ADMIN_TOKEN_UNREADABLE", [adminTokenPath(dataDir), what]);
  }
}

function missing(dataDir: string): PlatformError {
  return new PlatformError("ADMIN_TOKEN_UNREADABLE", [adminTokenPath(dataDir), "there is none"]);
}
