/**
 * `levain deploy`: packs a folder, sends it to the node and shows what happens to it. A URL is printed when it serves.
 * The result goes to stdout; progress and the build's output go to stderr.
 */
import { realpath, stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { type ErrorBody, PlatformError } from "../base/errors.ts";
import { versionName } from "../base/version-spec.ts";
import type { DeployEvent, DeployResult } from "../deploy/deploy-api.ts";
import type { DeploySource } from "../deploy/workspace-source.ts";
import { NodeError, type Query } from "./admin-client.ts";
import { appOfFolder } from "./app-argument.ts";
import { branchOfGit, branchWords } from "./branch-argument.ts";
import { DeployProgress } from "./deploy-progress.ts";
import { usageError } from "./failure.ts";
import { hasGitChanges } from "./git-changes.ts";
import { readGitHead } from "./git-head.ts";
import { createPaint, wantsColor } from "./paint.ts";
import { planLines } from "./plan-text.ts";
import { forceOf } from "./promote.ts";
import { showBytes, showCount, showDuration } from "./units.ts";
import type { Call, Verb } from "./verb.ts";
import { parseVersionNumber } from "./version-number.ts";

export const deploy: Verb = {
  name: "deploy",
  group: "Deploy",
  asksNode: true,
  summary: "Deploy a folder and take it live",
  description:
    "Packs the folder (.gitignore and .levainignore are honoured), builds it on the node, starts it " +
    "and asks it one request. Only when it answers does the branch's URL move to the new version; " +
    "otherwise everything stays as it is. A Git branch is deployed as a branch of its own name; " +
    "main and master are production.",
  arguments: [["[dir]", "folder to deploy (default: the current one)"]],
  flags: [
    ["--app <name>", "name of the app (default: config, package.json, folder)"],
    ["--branch <name>", "branch to deploy to (default: the Git branch, else main)"],
    ["--from-branch <name>", "branch to copy a new branch's database from (default: main)"],
    ["--message <text>", "what changed, for `levain versions`"],
    ["--plan", "show what would be done, and do nothing"],
    ["--framework <name>", "row of docs/frameworks.md, or none (default: found out)"],
    ["--build <command>", "build command (default: the build script, or the framework's)"],
    ["--no-build", "build nothing"],
    ["--start <command>", "what starts the app, such as `node build/index.js`"],
    ["--assets <folder>", "folder of files that the node serves itself"],
    ["--verify <digest>", "build, compare with that artifact or version, keep nothing"],
    ["--force <reason>", "change production's runtime without a verdict of levain qualify"],
    ["--ci", "fail without a lockfile, as with CI=true"],
    ["--output-url", "print the branch's URL to stdout, and nothing else"],
    ["--events", "with --json: print each event as a JSON line first"],
  ],
  exits: [
    [1, "not deployed: everything is as it was before"],
    [130, "ended by a second Ctrl-C; the first cancels the deploy"],
  ],
  examples: [
    ["levain deploy", "deploy the folder you are in"],
    ["levain deploy ./shop --branch cart-fix", "to a branch with a URL of its own"],
    ["levain deploy --plan", "what was recognized, and what would be done"],
    ['levain deploy --message "New checkout"', "with a note for the list of versions"],
    ["levain deploy --ci --output-url", "in a pipeline: docs/ci.md"],
    ["levain deploy --verify v7", "whether this folder still builds to what v7 runs"],
    ["levain deploy --json --events", "for a program that wants the progress too"],
  ],
  async run(call) {
    const { app, branch, message, events, framework, build, start, assets, plan, ci } = call.flags;
    if (events === true && !call.isJson) throw usageError("--events needs --json");
    const folder = resolve(call.io.cwd, call.args[0] ?? ".");
    const info = await stat(folder).catch(() => null);
    if (info?.isDirectory() !== true) throw usageError(`there is no folder ${folder}`);
    const head = await readGitHead(folder);
    const { findDeploySource } = await import("../deploy/workspace-source.ts");
    const source = await findDeploySource(await realpath(folder));
    const query = {
      app: textOf(app),
      branch: textOf(branch) ?? branchOfGit(head?.branch ?? null),
      message: textOf(message),
      folder: basename(folder),
      workspace: source.workspace ?? undefined,
      dependsOn: source.dependsOn.length === 0 ? undefined : source.dependsOn,
      commit: head?.commit ?? undefined,
      gitBranch: head?.branch ?? undefined,
      ...(await changesOf(folder, head?.commit ?? null)),
      framework: textOf(framework),
      build: build === false ? "" : textOf(build),
      start: textOf(start),
      assets: textOf(assets),
      fromBranch: textOf(call.flags.fromBranch),
      ...forceOf(call),
      ...(plan === true ? { plan: true } : {}),
      ...(await verifyQuery(call, folder, textOf(app))),
      ...(ci === true || isContinuous(call.io.env) ? { unattended: true } : {}),
    };
    const last = await run(call, source, query);
    if (last.type === "planned") {
      const { app, branch, plan } = last;
      return {
        data: { app, branch, plan },
        next: [call.command("levain deploy")],
        text: () => [`${app} on ${branch}`, ...planLines(plan)].join("\n"),
      };
    }
    if (last.type === "verified") {
      const { app, digest, files } = last;
      return {
        data: { app, digest, files },
        text: () =>
          `${call.paint.green("✔")} ${app}: this folder builds to artifact ${digest} (${showCount(files, "file")})`,
      };
    }
    const { result } = last;
    const onBranch = await branchWords(call, result.app, result.branch);
    const next = [
      `levain open ${result.app}${onBranch}`,
      `levain logs ${result.app} --follow`,
      ...(result.branch === "main"
        ? []
        : [`levain promote ${result.app} v${result.version} --branch main`]),
      ...(result.previous === null ? [] : [`levain rollback ${result.app}${onBranch}`]),
    ];
    return {
      data: result,
      next: next.map(call.command),
      text: () => (call.flags.outputUrl === true ? result.url : renderResult(result, call)),
    };
  },
};

/** For the query: the digest to compare with, which may be given as a version of the app. */
async function verifyQuery(
  call: Call,
  folder: string,
  app: string | undefined,
): Promise<{ verify?: string }> {
  const { verify } = call.flags;
  if (typeof verify !== "string") return {};
  if (!/^v?\d{1,9}$/.test(verify)) return { verify };
  const version = parseVersionNumber(verify, "--verify");
  const query = { version };
  const { digest } = await call.client.call("inspect", {
    app: app ?? (await appOfFolder(folder)),
    query,
  });
  return { verify: digest };
}

/** For the query: whether the folder differs from its commit, when that can be said. */
async function changesOf(folder: string, commit: string | null): Promise<{ dirty?: boolean }> {
  const isDirty = commit === null ? null : await hasGitChanges(folder, commit);
  return isDirty === null ? {} : { dirty: isDirty };
}

type Last = Extract<DeployEvent, { type: "done" | "planned" | "verified" }>;

async function run(call: Call, source: DeploySource, query: Query<"deploy">): Promise<Last> {
  const { stderr, env } = call.io;
  const isColored = call.flags.color !== false && wantsColor(stderr.isTerminal, env);
  // With --json nothing but objects: who reads both streams as one must be able to parse it.
  const out = call.isJson ? { ...stderr, isTerminal: false, write: () => {} } : stderr;
  const progress = new DeployProgress(out, createPaint(isColored), () => performance.now());
  try {
    progress.step("pack", source.workspace === null ? "" : `${source.workspace} of ${source.root}`);
    const { packSource } = await import("../deploy/pack.ts");
    const { summary, stream } = await packSource(source.root, undefined, source.isWanted);
    const skipped = summary.skipped.map(skippedText);
    for (const text of skipped) progress.warn(text);
    progress.step("upload", `${showCount(summary.files, "file")}, ${showBytes(summary.bytes)}`);
    const signal = call.io.interrupt();
    for await (const event of call.client.stream("deploy", { query, body: stream, signal })) {
      progress.take(event);
      if (event.type === "failed") throw new NodeError(event.error as ErrorBody);
      if (event.type === "done") {
        const warnings = [...skipped, ...event.result.warnings];
        return { ...event, result: { ...event.result, warnings } };
      }
      if (event.type === "planned" || event.type === "verified") return event;
      if (call.flags.events === true) printEvent(call, event);
    }
    throw new PlatformError("NODE_CONNECTION_LOST", ["it ended before the deploy did"]);
  } finally {
    progress.close();
  }
}

/** Values in `.env` may be what the app lacks afterwards, so that their way is told. */
function skippedText({ path, reason }: { path: string; reason: string }): string {
  const instead = /^\.env(\.production)?$/.test(path)
    ? `; \`levain env import ${path}\` sets its values`
    : "";
  return `${path} was left out: ${reason}${instead}`;
}

function textOf(flag: string | boolean | undefined): string | undefined {
  return typeof flag === "string" ? flag : undefined;
}

/** As services for continuous integration say it. */
function isContinuous(env: Readonly<Record<string, string | undefined>>): boolean {
  return ["1", "true"].includes(env["CI"] ?? "");
}

function printEvent(call: Call, event: DeployEvent): void {
  call.io.stdout.write(`${JSON.stringify(event)}\n`);
}

function renderResult(result: DeployResult, { paint }: Call): string {
  const version = versionName(result.version);
  const before = result.previous === null ? "" : `, before: ${versionName(result.previous)}`;
  const took = showDuration(result.ms.total);
  return [
    `${paint.green("✔")} ${result.app} ${version} is live on ${result.branch} (${took}${before})`,
    `  ${paint.cyan(result.url)}`,
    `  ${paint.dim(result.versionUrl)}`,
  ].join("\n");
}
