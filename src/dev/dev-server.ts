/**
 * A project whose framework comes with a development server of its own: hot modules, its own compiler, its own messages.
 * Nothing here could stand for that, so it is started as it is.
 */
export interface DevServer {
  /** The tool: `vite`, `next`. */
  tool: string;
  /** The `dev` script of package.json. */
  script: string;
  /** Whether arguments behind the script reach the tool, and name its port: it comes last, and no port is said there. */
  takesPort: boolean;
}

/** Tools that serve what they compile; each keeps its own address and prints it. */
const TOOLS = [
  "analog",
  "astro",
  "docusaurus",
  "eleventy",
  "farm",
  "gatsby",
  "next",
  "ng",
  "nitropack",
  "nuxi",
  "nuxt",
  "parcel",
  "qwik",
  "react-router",
  "remix",
  "rsbuild",
  "solid-start",
  "svelte-kit",
  "vinxi",
  "vite",
  "vitepress",
  "vue-cli-service",
  "webpack",
] as const;

/** Words in front of the tool in a script. */
const STARTERS = /^(bun|bunx|npx|pnpm|yarn|npm|exec|run|x|dlx|cross-env|dotenv|--bun|--|-\S*)$/;

/**
 * Pure.
 *
 * @param scripts `scripts` of package.json; anything may be in there
 */
export function findDevServer(scripts: unknown): DevServer | null {
  const script = (scripts as { dev?: unknown } | null | undefined)?.dev;
  if (typeof script !== "string") return null;
  // Of `codegen && vite` the last is the one that stays.
  const commands = script.split(/&&|;|\|\|/).reverse();
  for (const [index, command] of commands.entries()) {
    const words = command.trim().split(/\s+/);
    while (words.length > 0 && (STARTERS.test(words[0]!) || /^\w+=/.test(words[0]!))) words.shift();
    const tool = TOOLS.find((name) => name === words[0]);
    if (tool !== undefined) {
      return { tool, script, takesPort: index === 0 && !/[|&#<>]|\s-p\b|port/i.test(command) };
    }
  }
  return null;
}
