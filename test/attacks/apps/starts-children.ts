/** Has another program do what it may not do itself. */
import { attack } from "../attack.ts";

export default attack(({ dataDir, outside }) => {
  const run = async (...command: string[]) => {
    const child = Bun.spawn(command, { stdio: ["ignore", "ignore", "pipe"] });
    const error = await new Response(child.stderr).text();
    if ((await child.exited) === 0) return "got";
    // A child has another folder in /proc than the one it was given rights to, and Bun reads its own.
    if (error.startsWith("====")) return "did not start";
    return /permission denied|EACCES|not permitted|ConnectionRefused/i.test(error)
      ? "refused"
      : `failed: ${error.slice(0, 80)}`;
  };
  return {
    "cat of the node's table": () => run("/bin/cat", `${dataDir}/route-table.json`),
    "a Bun that connects": () =>
      run(process.execPath, "-e", `await fetch("http://127.0.0.1:${outside.port}")`),
    "a Bun that reads": () =>
      run(
        process.execPath,
        "-e",
        `require("node:fs").readFileSync(${JSON.stringify(`${dataDir}/route-table.json`)})`,
      ),
  };
});
