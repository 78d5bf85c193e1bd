/**
 * A bundle is one file, but its modules were many: `import.meta.dir`, `__dirname` and their like must go on to say where
 * the module was, because the files it reads are still there. Text in, text out; pure.
 *
 * The bundle begins with a function that knows where the bundle is (`locationsBanner`), and each module that asks for
 * its place begins by calling it with its own path (`rewriteLocations`).
 */

/** Name of the function in the banner; takes a path relative to the project's folder. */
const LOCATE = "__levainModule";
/** Variable of each module that holds what the function gave. */
const HERE = "__levainHere";

const META = /(?<![\w$.])import\.meta\.(dir|dirname|path|filename|file|url)\b/g;
const META_MAIN = /(?<![\w$.])import\.meta\.main\b/g;
const REQUIRE_MAIN =
  /(?<![\w$.])require\.main\s*={2,3}\s*module\b|\bmodule\s*={2,3}\s*require\.main\b/g;

/** `package` modules are not in the artifact as files; they get the path where they would be. */
export type ModuleKind = "entry" | "own" | "package";

/**
 * The first lines of a bundle.
 *
 * @param entry path of the file that was bundled, relative to the project's folder; the bundle is beside it
 */
export function locationsBanner(entry: string): string {
  const depth = entry.split("/").length - 1;
  const root =
    depth === 0 ? "import.meta.dir" : `import.meta.dir.split("/").slice(0, -${depth}).join("/")`;
  // A chunk for browsers may begin with it too, and has no folder.
  return [
    `var ${LOCATE} = (at) => {`,
    "if (!import.meta.dir) return import.meta;",
    `const path = ${root} + "/" + at, cut = path.lastIndexOf("/"), dir = path.slice(0, cut);`,
    "return { path, filename: path, dir, dirname: dir, file: path.slice(cut + 1), url: Bun.pathToFileURL(path).href };",
    "};",
  ].join(" ");
}

/**
 * A module's text with its place written in; lines stay where they are.
 *
 * @param path of the module, relative to the project's folder
 * @returns null when the module does not ask for its place
 */
export function rewriteLocations(text: string, path: string, kind: ModuleKind): string | null {
  const declared: string[] = [];
  const isEntry = kind === "entry";
  // Packages also hold text about code (compilers, linters), where these words are not meant.
  let body = kind === "package" ? text : text.replaceAll(META, `${HERE}.$1`);
  if (body !== text) declared.push(`${HERE} = ${located(path)}`);
  if (asksFor(text, "__dirname")) declared.push(`__dirname = ${located(path)}.dir`);
  if (asksFor(text, "__filename")) declared.push(`__filename = ${located(path)}.path`);
  // The bundle is imported by the runner, so it is not the process's main module; the app's entry is meant to be.
  if (isEntry) body = body.replaceAll(META_MAIN, "true").replaceAll(REQUIRE_MAIN, "true");
  if (isEntry && body.startsWith("#!")) body = `//${body}`;
  if (body === text && declared.length === 0) return null;
  return declared.length === 0 ? body : `var ${declared.join(", ")};${body}`;
}

/**
 * An asset that a module imports gets the absolute path that it would have had without a bundle.
 *
 * @param text of the bundle
 * @param assets path as the bundler wrote it into the text → path relative to the project's folder
 */
export function rewriteAssets(text: string, assets: ReadonlyMap<string, string>): string {
  return text.replace(/ = "(\.\.?\/[^"\n]+)";$/gm, (whole, written: string) => {
    const path = assets.get(written);
    return path === undefined ? whole : ` = ${located(path)}.path;`;
  });
}

/**
 * An HTML import gets the page's absolute path; what the page loads is none of the server's.
 *
 * @param text of the bundle
 * @param pages path as the bundler wrote it into the text → path relative to the project's folder
 */
export function rewriteManifests(text: string, pages: ReadonlyMap<string, string>): string {
  if (pages.size === 0) return text;
  return text.replace(/\b__jsonParse\d*\(("(?:[^"\\\n]|\\.)*")\)/g, (whole, literal: string) => {
    const value: unknown = JSON.parse(JSON.parse(literal));
    const path = pages.get((value as { index?: string } | null)?.index ?? "");
    return path === undefined ? whole : `({ index: ${located(path)}.path, files: [] })`;
  });
}

function located(path: string): string {
  return `/* @__PURE__ */ ${LOCATE}(${JSON.stringify(path)})`;
}

/** Whether a module uses a name of CommonJS that it does not declare itself. */
function asksFor(text: string, name: string): boolean {
  if (!new RegExp(`(?<![\\w$.])${name}\\b`).test(text)) return false;
  const declarations = [
    `\\b(?:const|let|var)\\s+(?:[\\w$ \\t,]*|[{[][^;=()]*)\\b${name}\\b`,
    `\\b(?:function|class)\\s+${name}\\b`,
    `\\bimport\\s[\\w$*\\s{},]*\\b${name}\\b[\\w$*\\s{},]*\\bfrom\\b`,
  ];
  return !declarations.some((declaration) => new RegExp(declaration).test(text));
}
