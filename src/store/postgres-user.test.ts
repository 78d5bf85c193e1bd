import { describe, expect, test } from "bun:test";
import { findPostgresUser, type UserSystem } from "./postgres-user.ts";

/** A machine with these passwd lines, on which useradd does what `useradd` says. */
function machine(
  uid: number,
  passwd: readonly string[],
  useradd: (name: string) => { line?: string; stderr?: string } = () => ({ stderr: "no" }),
): UserSystem & { commands: string[] } {
  const lines = [...passwd];
  const commands: string[] = [];
  return {
    uid,
    commands,
    async run(command) {
      commands.push(command.join(" "));
      const subject = command.at(-1) ?? "";
      if (command[0] === "getent") {
        const line = lines.find((text) => {
          const [name, , id] = text.split(":");
          return name === subject || id === subject;
        });
        return { exitCode: line === undefined ? 2 : 0, stdout: line ?? "", stderr: "" };
      }
      const { line, stderr = "" } = useradd(subject);
      if (line !== undefined) lines.push(line);
      return { exitCode: stderr === "" ? 0 : 1, stdout: "", stderr };
    },
  };
}

const ownLine = "levain-postgres:x:997:996::/nonexistent:/usr/sbin/nologin";

describe("a node that runs as root", () => {
  test("uses the user that exists without adding one", async () => {
    const system = machine(0, [ownLine]);

    const user = await findPostgresUser(undefined, system);

    expect(user).toEqual({ name: "levain-postgres", uid: 997, gid: 996, isOther: true });
    expect(system.commands).toEqual(["getent passwd levain-postgres"]);
  });

  test("adds the user that is missing, as one nobody can log in as", async () => {
    const system = machine(0, [], () => ({ line: ownLine }));

    const user = await findPostgresUser(undefined, system);

    expect(user.uid).toBe(997);
    expect(system.commands[1]).toContain("useradd --system");
    expect(system.commands[1]).toContain("nologin");
  });

  test("uses the user that another node added at the same moment", async () => {
    const system = machine(0, [], () => ({ line: ownLine, stderr: "already exists" }));

    expect((await findPostgresUser(undefined, system)).uid).toBe(997);
  });

  test("says which user is missing, and what useradd said, when none can be had", async () => {
    const system = machine(0, [], () => ({ stderr: "cannot lock /etc/passwd" }));

    const failure = findPostgresUser("db", system);

    await expect(failure).rejects.toMatchObject({
      code: "POSTGRES_USER_MISSING",
      message: expect.stringContaining('"db"'),
      cause: expect.objectContaining({ message: "cannot lock /etc/passwd" }),
    });
  });

  test("refuses root under any name", async () => {
    const system = machine(0, ["toor:x:0:0::/root:/bin/sh"]);

    await expect(findPostgresUser("toor", system)).rejects.toMatchObject({
      code: "POSTGRES_START_FAILED",
    });
  });
});

describe("a node that does not run as root", () => {
  const system = machine(1000, ["ada:x:1000:1000::/home/ada:/bin/sh", ownLine]);

  test("runs PostgreSQL as itself", async () => {
    expect(await findPostgresUser(undefined, system)).toEqual({
      name: "ada",
      uid: 1000,
      gid: 1000,
      isOther: false,
    });
    expect((await findPostgresUser("ada", system)).name).toBe("ada");
  });

  test("says that it cannot run it as somebody else", async () => {
    await expect(findPostgresUser("levain-postgres", system)).rejects.toMatchObject({
      code: "POSTGRES_START_FAILED",
      message: expect.stringContaining('"ada"'),
    });
  });

  test("says that its user id has no name", async () => {
    await expect(findPostgresUser(undefined, machine(1234, []))).rejects.toMatchObject({
      code: "POSTGRES_START_FAILED",
      message: expect.stringContaining("1234"),
    });
  });
});
