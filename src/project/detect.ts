/** Which framework a project is made with, and how that was recognized. Pure. */
import type { Framework, Manifest, ProjectFacts } from "./framework.ts";
import { FRAMEWORKS } from "./frameworks.ts";
import { readStartCommand, scriptsOf } from "./start-command.ts";

export interface Detection {
  /** Null: none that is known; the project is a server of its own or a folder of files. */
  framework: Framework | null;
  /** For people: `astro is in package.json`. */
  because: string;
}

/** Extensions of configuration files. */
const CONFIG_EXTENSIONS = ["ts", "mts", "cts", "js", "mjs", "cjs"];

/** Every configuration file that the table names, whether it is there or not. */
export const CONFIG_FILES: readonly string[] = [
  // Several frameworks are plug-ins of Vite and configured in its file.
  ...new Set(["svelte.config", ...FRAMEWORKS.flatMap(({ configFiles }) => configFiles)]),
]
  .flatMap(fileNames)
  .concat(FRAMEWORKS.flatMap(({ configText }) => configText?.file ?? []));

/**
 * @param wanted `framework` of the configuration: a row's name, "none", or null for the first row that fits
 * @returns null when no row has the name that is wanted
 */
export function detectFramework(facts: ProjectFacts, wanted: string | null): Detection | null {
  if (wanted === "none") return { framework: null, because: "the configuration says so" };
  if (wanted !== null) {
    const framework = FRAMEWORKS.find(({ name }) => name === wanted);
    return framework === undefined ? null : { framework, because: "the configuration says so" };
  }
  const installed = dependenciesOf(facts.manifest);
  for (const framework of FRAMEWORKS) {
    if (framework.yieldsToServer && startsModule(facts.manifest)) continue;
    const found = framework.packages.find((name) => installed.has(name));
    if (found !== undefined) return { framework, because: `${found} is in package.json` };
    const file = framework.configFiles.flatMap(fileNames).find((name) => facts.files.has(name));
    if (file !== undefined) return { framework, because: `there is a ${file}` };
    const { configText } = framework;
    if (configText?.has.test(facts.texts.get(configText.file) ?? ""))
      return { framework, because: `there is ${configText.says} in ${configText.file}` };
  }
  const because = facts.files.has("package.json")
    ? "no known framework is in package.json"
    : "there is no package.json";
  return { framework: null, because };
}

function fileNames(configFile: string): string[] {
  if (configFile.endsWith(".json")) return [configFile];
  return CONFIG_EXTENSIONS.map((extension) => `${configFile}.${extension}`);
}

/** Names of the packages that a project asks for itself. */
export function dependenciesOf(manifest: Manifest): Set<string> {
  const names = [
    manifest.dependencies,
    manifest.devDependencies,
    manifest.optionalDependencies,
  ].flatMap((group) => (typeof group === "object" && group !== null ? Object.keys(group) : []));
  return new Set(names);
}

/** Whether the `start` script starts a module of the project, and no program of a package. */
function startsModule(manifest: Manifest): boolean {
  const start = scriptsOf(manifest).get("start");
  const command = start === undefined ? null : readStartCommand(start, manifest);
  return command !== null && "module" in command.target;
}
