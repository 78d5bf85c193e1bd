/**
 * Goal: a build reaches its own project and nothing of the node's, of other apps' or of the machine's. Method: real builds
 * that try, each from the step whose name it has; what they got is in what they print.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { defaultLevel, kernelSupport } from "../sandbox/kernel-support.ts";
import { TestBuilds } from "./build-for-tests.ts";
import { buildProcessesMax, buildTasksMax } from "./limits.ts";

const isRoot = process.getuid?.() === 0;
const level = defaultLevel(kernelSupport(), !isRoot);
if (level !== "strict") console.log("builds cannot be held strictly by this kernel: left out");

const open: TestBuilds[] = [];
afterEach(() => {
  for (const builds of open.splice(0)) builds[Symbol.dispose]();
});

/** Where a node keeps its secrets, and what a neighbour's build has there. */
function setup(): TestBuilds {
  const builds = new TestBuilds();
  open.push(builds);
  builds.data.write({
    "admin-token": "sesame-token",
    "postgres/password": "sesame-password",
    "artifacts/digest/files/index.ts": "sesame-artifact",
    "builds/neighbour/app/index.ts": "sesame-neighbour",
    "builds/.upload-other/index.ts": "sesame-upload",
    "builds/.cache/neighbour/package/index.js": "sesame-cache",
  });
  return builds;
}

const app = { "index.ts": "export default { fetch: () => new Response('x') };" };

/** Tries each piece of code by itself, and prints what came of it. */
function tries(attempts: Record<string, string>): string {
  const bodies = Object.entries(attempts).map(
    ([name, body]) =>
      `try { console.log(${JSON.stringify(name)}, "GOT", await (async () => { ${body} })()); } catch (error) { console.log(${JSON.stringify(name)}, "refused", error?.code ?? error?.message); }`,
  );
  return `import * as fs from "node:fs"; import net from "node:net"; import dgram from "node:dgram";\n${bodies.join("\n")}`;
}

/** Runs code as a build command. */
async function attempt(builds: TestBuilds, code: string, config: object = {}): Promise<string[]> {
  const build = "bun attempt.ts";
  await builds.build(
    { ...app, "attempt.ts": code, "levain.config.json": JSON.stringify({ build, ...config }) },
    { nodeEnv: { PATH: process.env.PATH, NODE_SECRET: "sesame-variable" } },
  );
  return builds.output;
}

const refusals = (output: readonly string[]) =>
  output.filter((line) => !/ refused (EACCES|EPERM|ENOENT|EXDEV|EROFS|EAFNOSUPPORT)/.test(line));

describe.if(level === "strict")("a build command", () => {
  test("reads neither the node's secrets nor anything of other apps", async () => {
    const builds = setup();
    const at = (path: string) => JSON.stringify(builds.data.at(path));
    const read = (path: string) => `return fs.readFileSync(${at(path)}, "utf8")`;
    const list = (path: string) => `return fs.readdirSync(${at(path)})`;

    const output = await attempt(
      builds,
      tries({
        token: read("admin-token"),
        password: read("postgres/password"),
        artifact: read("artifacts/digest/files/index.ts"),
        neighbour: read("builds/neighbour/app/index.ts"),
        upload: read("builds/.upload-other/index.ts"),
        cache: read("builds/.cache/neighbour/package/index.js"),
        "own cache": list("builds/.cache/shop"),
        "data directory": list(""),
        builds: list("builds"),
        shadow: 'return fs.readFileSync("/etc/shadow", "utf8")',
        root: 'return fs.readdirSync("/")',
        tmp: 'return fs.readdirSync("/tmp")',
        environment: `return fs.readFileSync("/proc/${process.pid}/environ", "utf8")`,
        memory: `return fs.openSync("/proc/${process.pid}/mem", "r")`,
        files: `return fs.readlinkSync("/proc/${process.pid}/fd/0")`,
        "a link": `fs.symlinkSync(${at("admin-token")}, "link"); return fs.readFileSync("link", "utf8")`,
        "a hard link": `fs.linkSync(${at("admin-token")}, "hard"); return fs.readFileSync("hard", "utf8")`,
      }),
    );

    expect(refusals(output)).toEqual([]);
    expect(output.length).toBe(17);
    expect(output.join()).not.toContain("sesame");
  });

  test("writes nowhere but into its project and its own temporary folders", async () => {
    const builds = setup();
    const write = (path: string) => `fs.writeFileSync(${JSON.stringify(path)}, "mine"); return 1`;

    const output = await attempt(
      builds,
      tries({
        "data directory": write(builds.data.at("planted")),
        programs: write(builds.data.at("builds/.programs/bin/planted")),
        child: write(builds.data.at("builds/.programs/child/build-child.ts")),
        "beside the project": write(builds.data.at("builds/shop/planted")),
        neighbour: write(builds.data.at("builds/neighbour/app/index.ts")),
        "own cache": write(builds.data.at("builds/.cache/shop/planted")),
        "neighbour's cache": write(builds.data.at("builds/.cache/neighbour/package/index.js")),
        tmp: write(`/tmp/levain-planted-${process.pid}`),
        "shared memory": write(`/dev/shm/levain-planted-${process.pid}`),
        "the runtime": write(process.execPath),
        "the checkout": write(`${import.meta.dir}/planted.ts`),
        "modes of the node's files": `fs.chmodSync(${JSON.stringify(builds.data.at("admin-token"))}, 0o777);
          if ((fs.statSync(${JSON.stringify(builds.data.at("admin-token"))}).mode & 0o777) === 0o777) return 1;
          throw Object.assign(new Error(), { code: "EPERM" })`,
      }),
    );

    expect(refusals(output)).toEqual([]);
    expect(output.length).toBe(12);
    expect(existsSync(builds.data.at("planted"))).toBe(false);
    const cached = builds.data.at("builds/.cache/neighbour/package/index.js");
    expect(readFileSync(cached, "utf8")).toBe("sesame-cache");
  });

  test("reaches no port that its app may not reach, and no datagram leaves it", async () => {
    const builds = setup();
    using server = Bun.listen({ port: 0, hostname: "127.0.0.1", socket: { data() {} } });
    const connect = `return await new Promise((resolve, reject) => net.connect(${server.port}, "127.0.0.1").on("connect", () => resolve(1)).on("error", reject))`;
    const code = tries({
      connect,
      listen:
        'return await new Promise((resolve, reject) => net.createServer().on("error", reject).listen(0, "127.0.0.1", () => resolve(1)))',
      datagram:
        'return await new Promise((resolve, reject) => dgram.createSocket("udp4").on("error", reject).bind(0, () => resolve(1)))',
    });

    const refused = await attempt(builds, `${code}\nprocess.exit(0)`);

    expect(refused.filter((line) => line.includes("GOT"))).toEqual([]);
    const allowed = setup();
    const permissions = { connect: [`*:${server.port}`], listen: true };
    const output = await attempt(allowed, `${tries({ connect })}\nprocess.exit(0)`, {
      permissions,
    });
    expect(output).toEqual(["connect GOT 1"]);
  });

  test("signals and traces nobody outside of the build", async () => {
    const builds = setup();
    await using neighbour = Bun.spawn(["/bin/sleep", "300"], {
      stdio: ["ignore", "ignore", "ignore"],
    });

    const output = await attempt(
      builds,
      tries({
        node: `return process.kill(${process.pid}, 0)`,
        neighbour: `return process.kill(${neighbour.pid}, "SIGKILL")`,
        everybody:
          'process.kill(-1, "SIGCONT"); throw Object.assign(new Error(), { code: "EPERM" })',
      }),
    );

    expect(refusals(output)).toEqual([]);
    expect(neighbour.exitCode).toBeNull();
  });

  test("sees nothing of the node's environment, and not the registry's credentials", async () => {
    const builds = setup();
    const nodeEnv = {
      PATH: process.env.PATH,
      NODE_SECRET: "sesame",
      NPM_CONFIG_REGISTRY: "http://me:sesame@127.0.0.1:4873/",
    };

    await builds.build(
      { ...app, "levain.config.json": '{"build":"env; cat /proc/$$/environ"}' },
      { nodeEnv },
    );

    expect(builds.output.join()).toContain("TMPDIR=");
    expect(builds.output.join()).not.toContain("sesame");
  });

  test.if(isRoot)(
    "of a root node is an ordinary user of its own, the same for each build of its app",
    async () => {
      const builds = setup();
      const uids: Record<string, string> = {};

      for (const name of ["shop", "blog", "shop again"]) {
        await builds.build(
          { ...app, "levain.config.json": '{"build":"id -u; id -G"}' },
          { app: name.split(" ")[0]! },
        );
        uids[name] = builds.output.splice(0).join();
        builds.events.length = 0;
      }

      const cacheOf = (name: string) => statSync(builds.data.at("builds/.cache", name));
      expect(uids["shop"]).toBe(`${cacheOf("shop").uid},${cacheOf("shop").uid}`);
      expect(cacheOf("shop").uid).toBeGreaterThan(1_000_000_000);
      expect(cacheOf("shop").mode & 0o777).toBe(0o700);
      expect(uids["shop again"]).toBe(uids["shop"]!);
      expect(uids["blog"]).not.toBe(uids["shop"]);
    },
  );

  test("that starts processes without need is ended, and the kernel would not have let it go on for ever", async () => {
    const builds = setup();
    // As many as prove it, and no bomb: nothing here may get out of hand when it is broken.
    const crowd = `grep 'Max processes' /proc/self/limits; for i in $(seq ${buildProcessesMax + 50}); do sleep 100 & done; wait`;

    const error = await builds.failure(
      { ...app, "levain.config.json": JSON.stringify({ build: crowd }) },
      { timeoutMs: 20_000 },
    );

    expect(error.code).toBe("BUILD_PROCESSES_EXCEEDED");
    expect(error.message).toContain(String(buildProcessesMax));
    const tasks = Number(/\d+/.exec(builds.output[0] ?? "")?.[0]);
    expect(tasks).toBeGreaterThanOrEqual(buildTasksMax);
    expect(tasks).toBeLessThan(buildTasksMax + 10_000);
    const left = readdirSync("/proc").filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, "latin1").includes(builds.workFolder("shop"));
      } catch {
        return false;
      }
    });
    expect(left).toEqual([]);
  }, 60_000);

  test("cannot leave a daemon behind, whatever it does to be forgotten", async () => {
    const builds = setup();
    // Twice forked, in a session of its own, with nobody's environment or another build's, in another folder.
    const hidden = (variables: string) =>
      `setsid env -i ${variables} sh -c '(cd / && exec sleep ${seconds}) &' >/dev/null 2>&1 </dev/null`;
    const seconds = 1_000_000 + process.pid;
    const forged = `LEVAIN_BUILD_DIR=${builds.workFolder("neighbour")}`;

    await builds.build({
      ...app,
      "levain.config.json": JSON.stringify({
        build: `${hidden("")}; ${hidden(forged)}; sleep 0.5`,
      }),
    });

    const left = readdirSync("/proc").filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(`sleep\0${seconds}`);
      } catch {
        return false;
      }
    });
    expect(left).toEqual([]);
  });
});

describe.if(level === "strict")("code in the other steps", () => {
  const hostile = (builds: TestBuilds) =>
    tries({
      token: `return fs.readFileSync(${JSON.stringify(builds.data.at("admin-token"))}, "utf8")`,
      "own project": 'fs.writeFileSync("planted", "mine"); return 1',
      program: `fs.writeFileSync(${JSON.stringify(builds.data.at("builds/.programs/child/bundle.ts"))}, ""); return 1`,
      web: 'return await new Promise((resolve, reject) => net.connect(443, "127.0.0.1").on("connect", () => resolve(1)).on("error", reject))',
    });

  test("a config file is held to reading the project", async () => {
    const builds = setup();

    await builds.build({ ...app, "levain.config.ts": `${hostile(builds)}\nexport default {};` });

    expect(refusals(builds.output)).toEqual([]);
    expect(builds.output).toHaveLength(4);
  });

  test("a macro in the bundler is held to reading the project", async () => {
    const builds = setup();

    await builds.build({
      "index.ts":
        'import { run } from "./macro.ts" with { type: "macro" }; export default { fetch: () => new Response(run()) };',
      "macro.ts": `export async function run() { await import("./hostile.ts"); return "x"; }`,
      "hostile.ts": hostile(builds),
    });

    expect(refusals(builds.output)).toEqual([]);
    expect(builds.output).toHaveLength(4);
  });

  test("what one app has installed is not taken for another's", async () => {
    const builds = setup();
    const project = (text: string) => ({
      "package.json": JSON.stringify({ dependencies: { dep: "file:./dep" } }),
      "dep/package.json": '{"name":"dep","version":"1.0.0"}',
      "dep/index.js": `module.exports = "${text}"`,
      "index.ts": 'import dep from "dep"; console.log(dep);',
    });

    await builds.build(project("evil"), { app: "evil" });
    const built = await builds.build(project("good"), { app: "good" });

    expect(await builds.run(built)).toBe("good");
    const caches = readdirSync(builds.data.at("builds/.cache")).sort();
    expect(caches).toEqual(["evil", "good", "neighbour"]);
  });
});
