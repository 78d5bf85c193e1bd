/**
 * What a deploy is going to do with a project, decided before anything of it runs, and what came of its build, decided
 * from what the build left. Pure; `deploy/build.ts` carries it out.
 */
import { posix } from "node:path";
import { detectFramework } from "./detect.ts";
import { findEntry, namesEntry, scriptedModule } from "./entry.ts";
import type { Framework, FrameworkOutput, ProjectFacts } from "./framework.ts";
import { findByPattern, type PatternMatch } from "./path-pattern.ts";
import { readStartCommand, type StartCommand, scriptsOf } from "./start-command.ts";

/** What the configuration says itself; null: it is found out. */
export interface PlanWishes {
  framework: string | null;
  /** False: there is no build. */
  build: string | false | null;
  start: string | null;
  entry: string | null;
  /** Folder of assets; false: none, whatever is found. */
  assets: string | false | null;
  bundle: boolean | null;
}

/** Plain JSON; null: none, or not known before the build. */
export interface BuildPlan {
  /** As its makers write it. */
  framework: string | null;
  /** How it was recognized. */
  because: string;
  build: string | null;
  /** What the build is expected to leave, for people: `static pages`. */
  output: string | null;
  /** What is started. */
  start: string | null;
  /** Folder of what the node serves itself. */
  assets: string | null;
  /** Whether the app becomes one file. */
  bundle: boolean;
}

/** A plan with what it was made from. */
export interface PlannedBuild {
  plan: BuildPlan;
  framework: Framework | null;
  wishes: PlanWishes;
}

/** How assets are served, as the framework made them. */
export interface PlannedAssets {
  folder: string;
  spa: boolean;
  cleanUrls: boolean;
}

/** What a build has come to. */
export interface BuildOutcome {
  /** What is started: a file of the project, or a program of a package; null: there are only assets. */
  start: Pick<StartCommand, "target" | "args" | "leftOut"> | null;
  assets: PlannedAssets | null;
  /** Paths that make the artifact; null: the whole project. */
  keep: string[] | null;
  needsPackages: boolean;
  bundle: boolean;
  /** From, to. */
  copies: [from: string, to: string][];
}

export function planBuild(facts: ProjectFacts, wishes: PlanWishes): PlannedBuild {
  const detection = detectFramework(facts, wishes.framework);
  const framework = detection?.framework ?? null;
  const build = buildCommand(facts, wishes, framework);
  const output = framework === null ? null : expectedOutput(facts, framework);
  const start = wishes.start ?? (wishes.entry === null ? (output?.start ?? null) : null);
  const isOwn = wishes.entry !== null || wishes.start !== null;
  const mayGuess = output === null && !isPage(facts, wishes.assets);
  const entry = start ?? wishes.entry ?? (mayGuess ? guessedEntry(facts, build !== null) : null);
  const isStatic = output === null && entry === null && build === null;
  const found = output?.assets ?? (isStatic ? staticFolder(facts) : null);
  const assets = wishes.assets === false ? null : (wishes.assets ?? found);
  return {
    plan: {
      framework: framework?.title ?? (isStatic && assets !== null ? "static files" : null),
      because: detection?.because ?? "",
      build,
      output: isOwn ? null : (output?.kind ?? null),
      start: entry?.replaceAll("**/", "") ?? null,
      assets: assets?.replaceAll("**/", "") ?? null,
      bundle: wishes.bundle ?? bundleDefault(framework, wishes),
    },
    framework,
    wishes,
  };
}

/**
 * @param facts of the project as the build left it
 * @returns a text instead when the build left nothing that could be deployed: what to do
 * @throws {PlatformError} `ENTRY_NOT_FOUND`
 */
export function outcomeOf(planned: PlannedBuild, facts: ProjectFacts): BuildOutcome | string {
  const { framework, wishes, plan } = planned;
  const proven = framework === null ? null : provenOutput(framework, facts);
  const whole = { keep: null, needsPackages: !plan.bundle, bundle: plan.bundle, copies: [] };
  const given =
    typeof wishes.assets === "string"
      ? { folder: wishes.assets, spa: false, cleanUrls: false }
      : null;
  if (wishes.start !== null || wishes.entry !== null) {
    const assets = given ?? (proven === null ? null : assetsOf(proven));
    return { ...whole, start: startOf(wishes, facts), assets };
  }
  if (proven !== null) return outcomeOfFramework(proven, plan, given, facts);
  if (framework !== null && framework.outputs.length > 0 && !framework.yieldsToServer) {
    const [first] = framework.outputs.map(({ proof }) => proof);
    return `${framework.title} left no ${first}${framework.hint === undefined ? "" : `: ${framework.hint}`}`;
  }
  return outcomeOfServer(facts, whole, given);
}

interface Proven {
  output: FrameworkOutput;
  match: PatternMatch;
}

function outcomeOfFramework(
  proven: Proven,
  plan: BuildPlan,
  given: PlannedAssets | null,
  facts: ProjectFacts,
): BuildOutcome {
  const { output, match } = proven;
  const start =
    output.start === null ? null : readStartCommand(match.fill(output.start), facts.manifest);
  const assets = given ?? assetsOf(proven);
  const bundle = plan.bundle && start !== null;
  return {
    start,
    assets,
    keep: bundle || output.keep === null ? null : output.keep.map((path) => match.fill(path)),
    needsPackages: output.needsPackages && !bundle,
    bundle,
    copies: (output.copies ?? []).map(([from, to]) => [match.fill(from), match.fill(to)]),
  };
}

type Whole = Pick<BuildOutcome, "keep" | "needsPackages" | "bundle" | "copies">;

/** A server without a framework that builds it; or files that need none. */
function outcomeOfServer(
  facts: ProjectFacts,
  whole: Whole,
  given: PlannedAssets | null,
): BuildOutcome {
  const folder = given?.folder ?? staticFolder(facts);
  const isPageAlone = isPage(facts, given?.folder ?? null);
  const onlyAssets = (): BuildOutcome | null =>
    folder === null
      ? null
      : {
          start: null,
          assets: given ?? { folder, spa: false, cleanUrls: true },
          keep: folder === "." ? null : [folder],
          needsPackages: false,
          bundle: false,
          copies: [],
        };
  const page = isPageAlone ? onlyAssets() : null;
  if (page !== null) return page;
  try {
    const { entry, ...rest } = findEntry(null, facts.manifest, facts.files);
    return { ...whole, start: { target: { module: entry }, ...rest }, assets: given };
  } catch (error) {
    const files = onlyAssets();
    if (files === null) throw error;
    return files;
  }
}

function startOf(wishes: PlanWishes, facts: ProjectFacts): BuildOutcome["start"] {
  const { manifest, files } = facts;
  if (wishes.start === null) {
    const { entry, ...rest } = findEntry(wishes.entry, manifest, files);
    return { target: { module: entry }, ...rest };
  }
  return readStartCommand(wishes.start, manifest);
}

function assetsOf({ output, match }: Proven): PlannedAssets | null {
  if (output.assets === null) return null;
  return {
    folder: match.fill(output.assets),
    spa: output.spa === true,
    cleanUrls: output.cleanUrls === true,
  };
}

function provenOutput(framework: Framework, facts: ProjectFacts): Proven | null {
  const announced = announcedOutput(facts, framework);
  const outputs = announced === null ? framework.outputs : [announced, ...framework.outputs];
  for (const output of outputs) {
    const match = findByPattern(output.proof, facts.files);
    if (match !== null) return { output, match };
  }
  return null;
}

function expectedOutput(facts: ProjectFacts, framework: Framework): FrameworkOutput | null {
  return (
    announcedOutput(facts, framework) ??
    framework.outputs.find(({ announcedBy }) => announcedBy === null) ??
    null
  );
}

/** In its configuration, or by a package that it is named after. */
function announcedOutput(facts: ProjectFacts, framework: Framework): FrameworkOutput | null {
  const text = [...facts.texts.values()].join("\n");
  return framework.outputs.find(({ announcedBy }) => announcedBy?.test(text) === true) ?? null;
}

function buildCommand(
  { manifest }: ProjectFacts,
  { build }: PlanWishes,
  framework: Framework | null,
): string | null {
  if (build !== null) return build === false ? null : build;
  const scripts = scriptsOf(manifest);
  const script = (framework?.scripts ?? ["build"]).find((name) => scripts.has(name));
  return script === undefined ? (framework?.build ?? null) : `bun run ${script}`;
}

function bundleDefault(framework: Framework | null, { start }: PlanWishes): boolean {
  if (start !== null) return false;
  if (framework === null || framework.outputs.length === 0) return framework?.bundle ?? true;
  return false;
}

/**
 * Whether what looks like a server is a script of a page: nothing names it, and the asset folder has a page of its own, or
 * one lies beside it where there is no package.json.
 */
function isPage({ manifest, files }: ProjectFacts, folder: string | false | null): boolean {
  if (folder === false || namesEntry(manifest, files)) return false;
  if (folder !== null) return files.has(posix.join(folder, "index.html"));
  const guess = guessedEntry({ manifest, files, texts: new Map() }, false);
  const isScript = guess === null || /\.m?js$/.test(guess);
  return isScript && files.has("index.html") && !files.has("package.json");
}

/** The file that is started, when it is there already; or the one that a script names and a build makes. */
function guessedEntry({ manifest, files }: ProjectFacts, isBuilt: boolean): string | null {
  const named = isBuilt ? scriptedModule(manifest) : null;
  if (named !== null) return named;
  try {
    return findEntry(null, manifest, files).entry;
  } catch {
    return null;
  }
}

/** Folder of pages that nobody builds. */
function staticFolder({ files }: ProjectFacts): string | null {
  return (
    ["dist", "public", "."].find((folder) =>
      files.has(folder === "." ? "index.html" : `${folder}/index.html`),
    ) ?? null
  );
}
