/** Whose clients the broker serves: each version in each runtime that runs it in people's images. */
import { NODE } from "../runtimes.ts";

/** 4.8.3 needs AbortSignal.any, of 20.3. */
const nodeMajorMin = 20;

export interface Runtime {
  name: string;
  path: string;
}

export interface Client {
  /** For titles. */
  name: string;
  runtime: Runtime;
  version: "4.8.3" | "4.0.4";
}

/** Node 24, Bun, and the machine's own Node when it is another that can run the client. */
export const RUNTIMES: readonly Runtime[] = [
  ...nodes(),
  { name: `Bun ${Bun.version}`, path: process.execPath },
];

export const CLIENTS: readonly Client[] = RUNTIMES.flatMap(clientsOf);

/** The older version too, but in the machine's own Node: of that its sockets are what is looked at. */
function clientsOf(runtime: Runtime): Client[] {
  const newest = { name: `4.8.3 in ${runtime.name}`, runtime, version: "4.8.3" } as const;
  if (![NODE, process.execPath].includes(runtime.path)) return [newest];
  return [newest, { name: `4.0.4 in ${runtime.name}`, runtime, version: "4.0.4" }];
}

function nodes(): Runtime[] {
  const paths = [NODE, Bun.which("node")].filter((path) => path !== null);
  const found = paths.map((path) => {
    const version = Bun.spawnSync([path, "--version"]).stdout.toString();
    return { major: Number(/^v(\d+)\./.exec(version)?.[1]), path };
  });
  return found
    .filter(({ major }, index) => found.findIndex((other) => other.major === major) === index)
    .filter(({ major }) => major >= nodeMajorMin)
    .map(({ major, path }) => ({ name: `Node ${major}`, path }));
}
