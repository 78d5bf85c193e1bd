/** Looks for descriptors that the node left open in it. */
import { fstatSync, readdirSync, readlinkSync } from "node:fs";
import { attack } from "../attack.ts";

/** What Bun itself opens, and what an instance is given. */
const EXPECTED = /^(anon_inode:|pipe:|socket:|\/dev\/null$|\/dev\/urandom$|\/proc\/self|\/memfd:)/;

export default attack(({ dataDir }) => ({
  "a file that is not its own": () => {
    const links = readdirSync("/proc/self/fd").flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/self/fd/${fd}`)];
      } catch {
        return []; // the one that lists them
      }
    });
    const odd = links.filter(
      (link) =>
        !EXPECTED.test(link) &&
        !link.startsWith(process.cwd()) &&
        !link.startsWith(process.env["HOME"]!) &&
        !link.startsWith(process.env["TMPDIR"]!) &&
        !/^\/proc\/\d+\/fd$/.test(link),
    );
    return odd.length === 0 ? "nothing" : `got ${odd.join(" ").replaceAll(dataDir, "<data>")}`;
  },
  "standard input": () => (fstatSync(0).isCharacterDevice() ? "/dev/null" : "got"),
}));
