/** What a row of the table of frameworks says (`frameworks.ts`), and what is known of a project before anything runs. */

/** package.json as far as it is looked at; anything may be in it. */
export interface Manifest {
  name?: unknown;
  type?: unknown;
  module?: unknown;
  main?: unknown;
  exports?: unknown;
  scripts?: unknown;
  dependencies?: unknown;
  devDependencies?: unknown;
  optionalDependencies?: unknown;
  peerDependencies?: unknown;
  workspaces?: unknown;
  packageManager?: unknown;
  engines?: unknown;
}

/** A project that is to be deployed. Plain values. */
export interface ProjectFacts {
  /** Paths relative to its folder, with `/`, without installed packages. */
  files: ReadonlySet<string>;
  manifest: Manifest;
  /** Texts of the configuration files that the table names and that are there, by path. */
  texts: ReadonlyMap<string, string>;
}

/** What a framework's build can leave. */
export interface FrameworkOutput {
  /** One or two words for people: `server`, `static pages`. */
  kind: string;
  /** What in the framework's own configuration announces it; null: nothing, it is what one gets. */
  announcedBy: RegExp | null;
  /** Says it in the docs; with `announcedBy`. */
  announcement?: string;
  /** A path that is there when it was built. `*` is any one name, `**` any path. */
  proof: string;
  /** What one would type to start it; null: its files are all there is. `*` is what it was in `proof`. */
  start: string | null;
  /** Folder of the files that the node serves itself; null: none. */
  assets: string | null;
  /** Every page that is asked for is its `index.html`. */
  spa?: true;
  /** Pages lie at `name.html` and are asked for as `name`. */
  cleanUrls?: true;
  /**
   * Paths that make the artifact, beside package.json; null: the whole project, which a server that was not traced may read
   * files of, and which has the installed packages.
   */
  keep: readonly string[] | null;
  /** Installed packages are needed to run it; else what it needs is in what it keeps. */
  needsPackages: boolean;
  /** What it leaves elsewhere and is needed where it is started: from, to. A source that is missing is no mistake. */
  copies?: readonly (readonly [from: string, to: string])[];
}

/** A row of the table. */
export interface Framework {
  /** Value of `framework` in the configuration. */
  name: string;
  /** As its makers write it. */
  title: string;
  /** One of these in the dependencies of package.json tells. */
  packages: readonly string[];
  /** One of these in the folder tells too, with any extension of a script unless they end in `.json`. */
  configFiles: readonly string[];
  /** A file of its folder with such a text tells too; `says`: how people write it. */
  configText?: { file: string; has: RegExp; says: string };
  /** Scripts of package.json that build it, the first that is there; without any, `build`. */
  scripts: readonly string[];
  /** Its build command; null: none. */
  build: string | null;
  /** What the build finds in its environment beside what every build does. */
  buildEnv?: Readonly<Record<string, string>>;
  /** What its servers find in their environment unless something else is set. */
  runEnv?: Readonly<Record<string, string>>;
  /** Names of environment values that a build writes into pages begin so. */
  publicPrefixes: readonly string[];
  /** The first whose `announcedBy` fits is expected, else the first without. Empty: a plain server. */
  outputs: readonly FrameworkOutput[];
  /** Whether a plain server is made one file. Default true. */
  bundle?: boolean;
  /** When none of the outputs is there: what to do. */
  hint?: string;
  /** A `start` script that starts a module says it is a server of its own, and this is only how it builds pages. */
  yieldsToServer?: true;
}
