import { afterAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../base/until-for-tests.ts";
import { appFilter } from "./app-filter.ts";
import { FS, LOOK, NET, READ, ruleset, WRITE } from "./landlock.ts";
import { type LaunchPlan, launch, RLIMIT } from "./launch.ts";
import { landlockAbi, openPipe } from "./libc.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "levain-launch-")));
const nothing = openSync("/dev/null", "r+");

afterAll(() => {
  closeSync(nothing);
  rmSync(folder, { recursive: true });
});

const arch = process.arch as "x64" | "arm64";
const free = { noNewPrivs: false, ruleset: null, filter: null };
const system = ["/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache"].map((path) => ({
  path,
  access: READ,
}));

/** Runs a shell line and gives what it printed, and how it ended. */
async function shell(line: string, plan: Partial<LaunchPlan> = {}) {
  const [output, input] = openPipe();
  try {
    const { pid, exited } = launch({
      program: "/bin/sh",
      argv: ["sh", "-c", line],
      env: { PATH: "/usr/bin:/bin" },
      directory: folder,
      descriptors: [nothing, input, input],
      user: null,
      rlimits: [],
      confinement: free,
      ...plan,
    });
    closeSync(input);
    const printed = (await new Response(Bun.file(output).stream()).text()).trim();
    return { pid, printed, ...(await exited) };
  } finally {
    closeSync(output);
  }
}

describe("a launched process", () => {
  test("runs with its arguments, environment and folder, and its exit code is told", async () => {
    const { printed, exitCode, signal } = await shell('echo "$NAME in $PWD"; exit 7', {
      env: { NAME: "é" },
    });

    expect(printed).toBe(`é in ${folder}`);
    expect([exitCode, signal]).toEqual([7, null]);
  });

  test("that a signal ends says which", async () => {
    expect(await shell("kill -9 $$")).toMatchObject({ exitCode: null, signal: "SIGKILL" });
    expect(await shell("kill -11 $$")).toMatchObject({ exitCode: null, signal: "SIGSEGV" });
  });

  test("leads a session and a group of its own", async () => {
    const { pid, printed } = await shell("cut -d' ' -f5,6 /proc/$$/stat");

    expect(printed).toBe(`${pid} ${pid}`);
  });

  test("has the descriptors it was given and no other", async () => {
    const secret = openSync("/dev/null", "r");
    try {
      // The third is what `ls` itself opens.
      expect((await shell("exec ls /proc/self/fd")).printed.split("\n")).toEqual([
        "0",
        "1",
        "2",
        "3",
      ]);
    } finally {
      closeSync(secret);
    }
  });

  test("ignores no signal, whatever the node ignores", async () => {
    const { printed } = await shell("exec grep -E 'Sig(Blk|Ign)' /proc/self/status");

    expect(printed.match(/[0-9a-f]{16}/g)).toEqual(["0000000000000000", "0000000000000000"]);
  });

  test("has the bounds it was given, and no core", async () => {
    const { printed } = await shell("ulimit -n; ulimit -c", {
      rlimits: [
        { resource: RLIMIT.NOFILE, max: 40 },
        { resource: RLIMIT.CORE, max: 0 },
      ],
    });

    expect(printed).toBe("40\n0");
  });

  test.if(process.getuid?.() === 0)(
    "is another user, with no group and no capability",
    async () => {
      const { printed } = await shell("id -u; id -G; grep -E 'Cap(Eff|Prm)' /proc/$$/status", {
        user: { uid: 1_900_000_001, gid: 1_900_000_001 },
        directory: "/",
      });

      expect(printed.split("\n").slice(0, 2)).toEqual(["1900000001", "1900000001"]);
      expect(printed.match(/[0-9a-f]{16}/g)).toEqual(["0000000000000000", "0000000000000000"]);
    },
  );

  test("twenty at once are each told by their own end", async () => {
    const ends = await Promise.all(Array.from({ length: 20 }, (_, code) => shell(`exit ${code}`)));

    expect(ends.map(({ exitCode }) => exitCode)).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  test("leaves no descriptor behind", async () => {
    const count = () => readdirSync("/proc/self/fd").length;
    await shell("true");
    const before = count();

    for (let round = 0; round < 5; round++) await shell("true");

    // A stream closes its descriptor some time after its end.
    await until(() => count() <= before);
  });
});

describe("a process that cannot be launched", () => {
  test("for want of a descriptor leaves nothing behind, and the next one starts", async () => {
    const source = `
      import { closeSync, openSync } from "node:fs";
      import { launch } from "${import.meta.dir}/launch.ts";
      const confinement = { noNewPrivs: false, ruleset: null, filter: null };
      const nothing = openSync("/dev/null", "r+");
      const plan = { program: "/bin/sh", argv: ["sh", "-c", "exit 3"], env: {}, directory: "/", descriptors: [nothing, nothing, nothing], user: null, rlimits: [], confinement };
      console.log((await launch(plan).exited).exitCode);
      const taken = [];
      try { while (true) taken.push(openSync("/dev/null", "r")); } catch {}
      try { launch(plan); } catch (error) { console.log(error.stage, error.code); }
      for (const fd of taken) closeSync(fd);
      console.log((await launch(plan).exited).exitCode);
      process.exit();`;
    const child = Bun.spawn(
      ["/bin/sh", "-c", `ulimit -n 200; exec "$0" -e '${source}'`, process.execPath],
      {
        stdout: "pipe",
      },
    );

    expect(await new Response(child.stdout).text()).toBe("3\narrange descriptors EMFILE\n3\n");
  });

  test("says which step failed and why", async () => {
    expect(shell("true", { program: "/no/such/program" })).rejects.toMatchObject({
      stage: "open the program",
      code: "ENOENT",
    });
    expect(shell("true", { directory: "/no/such/folder" })).rejects.toMatchObject({
      stage: "enter its folder",
      code: "ENOENT",
    });
    expect(shell("true", { program: "/etc/passwd" })).rejects.toMatchObject({
      stage: "execute the program",
      code: "EACCES",
    });
  });
});

describe.if(landlockAbi() >= 1)("a process held by Landlock", () => {
  const held = (paths: { path: string; access: bigint }[]) => ({
    noNewPrivs: true,
    ruleset: ruleset(landlockAbi(), [...system, ...paths]),
    filter: null,
  });

  test("reaches what it was given and nothing else", async () => {
    writeFileSync(join(folder, "note"), "mine");

    const { printed } = await shell(
      `cat ${folder}/note; echo; cat /etc/hostname || echo denied; ls / || echo denied; touch x || echo denied`,
      { confinement: held([{ path: folder, access: LOOK }]) },
    );

    expect(printed.split("\n").filter((line) => !line.includes("ermission"))).toEqual([
      "mine",
      "denied",
      "denied",
      "denied",
    ]);
  });

  test("a rule for a file takes no rights for folders, and one for nothing is left out", async () => {
    const { printed, exitCode } = await shell("cat note; echo more > note && cat note", {
      confinement: held([
        { path: join(folder, "note"), access: WRITE },
        { path: join(folder, "absent"), access: FS.READ_FILE },
      ]),
    });

    expect([printed, exitCode]).toEqual(["minemore", 0]);
  });

  test.if(landlockAbi() >= 6)("cannot signal us", async () => {
    const { printed } = await shell(`kill -0 ${process.pid} || echo denied`, {
      confinement: held([]),
    });

    expect(printed).toContain("denied");
  });

  test.if(landlockAbi() >= 4)("connects to its ports only", async () => {
    using server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const program = `for (const port of [${server.port}, 1]) await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } }).then(() => console.log("open"), (e) => console.log(e.code)); process.exit()`;
    const { printed } = await shell("", {
      program: process.execPath,
      argv: ["bun", "-e", program],
      confinement: {
        noNewPrivs: true,
        ruleset: ruleset(
          landlockAbi(),
          [
            ...system,
            { path: process.execPath, access: READ },
            { path: folder, access: WRITE },
            { path: "/proc/self", access: LOOK },
          ],
          [{ port: server.port, access: NET.CONNECT_TCP }],
        ),
        filter: null,
      },
    });

    expect(printed).toBe("open\nEACCES");
  });
});

describe("a process with the filter", () => {
  const filtered = {
    noNewPrivs: true,
    ruleset: null,
    filter: appFilter({ arch, udp: false, isUserShared: true }),
  };

  test("runs under it, and so does what it starts", async () => {
    const { printed } = await shell(
      "sh -c 'grep -E \"^(NoNewPrivs|Seccomp):\" /proc/self/status'",
      {
        confinement: filtered,
      },
    );

    expect(printed.replaceAll("\t", "")).toBe("NoNewPrivs:1\nSeccomp:2");
  });

  test("is told no, and goes on", async () => {
    writeFileSync(join(folder, "note"), "mine");

    const { printed } = await shell("chmod 777 note || echo refused; echo on", {
      confinement: filtered,
    });

    expect(printed.split("\n").slice(-2)).toEqual(["refused", "on"]);
  });

  test("keeps what it has open readable, and from others, whatever mode it asks for", async () => {
    const program = `
      const { fchmodSync, openSync, statSync } = require("node:fs");
      const file = openSync("note", "r");
      for (const mode of [0, 0o400, 0o777, 0o4755, 0o755]) {
        fchmodSync(file, mode);
        console.log((statSync("note").mode & 0o7777).toString(8));
      }`;
    writeFileSync(join(folder, "note"), "mine");
    chmodSync(join(folder, "note"), 0o644);

    const { printed } = await shell("", {
      program: process.execPath,
      argv: ["bun", "-e", program],
      confinement: filtered,
    });

    expect(printed.split("\n")).toEqual(["644", "644", "644", "644", "755"]);
  });

  test("cannot use segments of others by their number, or hold up who opens a file it may read", async () => {
    const note = join(folder, "leased");
    writeFileSync(note, "read only");
    const program = join(folder, "reaches-others.ts");
    writeFileSync(
      program,
      `import { dlopen, read } from "bun:ffi";
      import { openSync } from "node:fs";
      const { symbols: libc } = dlopen("libc.so.6", {
        shmat: { args: ["i32", "ptr", "i32"], returns: "i64" },
        shmctl: { args: ["i32", "i32", "ptr"], returns: "i32" },
        fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
        __errno_location: { args: [], returns: "ptr" },
      });
      const error = () => read.i32(libc.__errno_location(), 0);
      const tried = [
        () => libc.shmat(0, null, 0),
        () => libc.shmctl(0, 14, new Uint8Array(4096)),
        () => libc.fcntl(openSync(${JSON.stringify(note)}, "r"), 1024, 1),
        () => libc.fcntl(1, 1, 0),
      ];
      console.log(tried.map((attempt) => (Number(attempt()) === -1 ? error() : "done")).join());`,
    );

    const { printed } = await shell(`${process.execPath} ${program}`, { confinement: filtered });

    const { EPERM, EACCES } = constants.errno;
    expect(printed).toBe([EPERM, EPERM, EACCES, "done"].join());
  });
});
