import { describe, expect, test } from "bun:test";
import { defineConfig, type LevainConfig } from "levain";
import { asPlatformError, type PlatformError } from "../base/errors.ts";
import { defaultPermissions } from "../base/permissions.ts";
import { appConfigSchema, parseAppConfig } from "./app-config.ts";

const parse = (raw: unknown) => parseAppConfig(raw, "levain.config.ts");
const problems = (raw: unknown): string => {
  try {
    parse(raw);
  } catch (error) {
    expect((error as PlatformError).code).toBe("CONFIG_INVALID");
    return (error as PlatformError).message;
  }
  throw new Error("the config was accepted");
};

const listedProblems = (raw: unknown): unknown => {
  try {
    parse(raw);
  } catch (error) {
    return (error as PlatformError).detail?.problems;
  }
  throw new Error("the config was accepted");
};

describe("parseAppConfig()", () => {
  test("gives a project without a config every default", () => {
    expect(parse({})).toEqual({
      name: null,
      entry: null,
      framework: null,
      build: null,
      start: null,
      bundle: null,
      assets: null,
      env: { rules: {}, values: {} },
      limits: {
        memoryBytesMax: 536_870_912,
        requestTimeoutMs: 30_000,
        streamIdleMs: 60_000,
        concurrencyMax: 2000,
        queueMax: 1000,
        bodyBytesMax: 104_857_600,
        bootTimeoutMs: 30_000,
        requestsMax: 0,
        cpuCoresMax: 0,
        processesMax: 512,
        openFilesMax: 16_384,
        diskBytesMax: 1_073_741_824,
        diskFilesMax: 50_000,
      },
      permissions: defaultPermissions,
      sandbox: null,
      declares: { schema: null, telemetry: null, flags: [] },
      retention: { versionsMax: null, daysMax: null },
      instances: { min: 1, max: 1 },
      idleFreezeMs: 30_000,
      idlePageMs: 60_000,
      idleStopMs: 0,
      standby: "keep-memory",
      ephemeral: false,
      runtime: null,
      database: null,
      migrate: null,
      healthPath: "/",
    });
  });

  test("takes everything that the sdk's type knows", () => {
    const config = defineConfig({
      name: "shop",
      entry: "src/index.ts",
      framework: "vite",
      start: "node build/index.js",
      build: "bun run build",
      bundle: false,
      assets: { folder: { "/": "dist" }, spa: true, cleanUrls: false },
      env: { A: "1", B: 2, C: true },
      limits: {
        memoryBytesMax: 64 * 1024 * 1024,
        requestTimeoutMs: 100,
        streamIdleMs: 1000,
        concurrencyMax: 1,
        queueMax: 0,
        bodyBytesMax: 0,
        bootTimeoutMs: 500,
        requestsMax: 1000,
        cpuCoresMax: 0.5,
        processesMax: 64,
        openFilesMax: 128,
        diskBytesMax: 1_048_576,
        diskFilesMax: 16,
      },
      instances: { min: 2, max: 64 },
      idleFreezeMs: 0,
      idlePageMs: 0,
      idleStopMs: 0,
      standby: "stop-allowed",
      ephemeral: true,
      permissions: { connect: ["db.example.com:5432"], listen: true, udp: true, write: ["/srv/a"] },
      sandbox: "strict",
      declares: { schema: "12", telemetry: "2026-11", flags: ["new-checkout"] },
      retention: { versionsMax: 3, daysMax: 30 },
      database: {
        extensions: ["pgcrypto", "uuid-ossp"],
        from: "schema",
        poolMax: 20,
        pooling: "transaction",
        readOnly: true,
        mask: "db/mask.sql",
        ttlMs: 86_400_000,
        bytesMax: 1024 ** 3,
        statementTimeoutMs: 5000,
        transactionTimeoutMs: 60_000,
        slowStatementMs: 100,
        queriesPerRequestMax: 50,
        idleReleaseMs: 1000,
      },
      migrate: {
        command: "bunx drizzle-kit migrate",
        files: ["drizzle"],
        timeoutMs: 60_000,
        lockMs: 500,
        trial: false,
      },
      runtime: "bun@1.4.5",
      healthPath: "/healthz?x=1",
    } satisfies Required<LevainConfig>);

    expect(parse(config)).toEqual({
      ...config,
      assets: { folders: { "/": "dist" }, spa: true, cleanUrls: false },
      env: { rules: {}, values: { A: "1", B: "2", C: "true" } },
      migrate: {
        way: "command",
        source: "bunx drizzle-kit migrate",
        files: ["drizzle"],
        timeoutMs: 60_000,
        lockMs: 500,
        trial: false,
      },
    } as never);
    expect(Object.keys(config).sort()).toEqual(Object.keys(appConfigSchema.shape).sort());
  });

  test("tells a folder, a module and a command of migrations by what they look like", () => {
    const migrate = (given: unknown) => parse({ database: true, migrate: given }).migrate;
    const defaults = { files: null, timeoutMs: 600_000, lockMs: 3_000, trial: true };

    expect(migrate("./migrations/")).toEqual({ way: "sql", source: "migrations", ...defaults });
    expect(migrate("src/migrate.ts")).toEqual({
      way: "module",
      source: "src/migrate.ts",
      ...defaults,
    });
    expect(migrate("bun run migrate")).toEqual({
      way: "command",
      source: "bun run migrate",
      ...defaults,
    });
    expect(migrate({ command: "migrate" })).toMatchObject({ way: "command", source: "migrate" });
    expect(migrate(false)).toBeNull();
  });

  test("refuses migrations that cannot be meant", () => {
    const problemOf = (config: object) => {
      try {
        parse(config);
      } catch (error) {
        return (error as Error).message;
      }
      return null;
    };

    expect(problemOf({ migrate: "migrations" })).toContain("add `database: true`");
    for (const migrate of [
      "../migrations",
      "/etc/x.ts",
      {},
      { folder: "a", command: "b" },
      { folder: "a", files: ["b"] },
      { module: "a.sql" },
      { command: "x", lockMs: 1 },
    ]) {
      expect(problemOf({ database: true, migrate }), JSON.stringify(migrate)).toContain("migrate");
    }
  });

  test("refuses a runtime that is no exact version, or too old for the app", () => {
    const codeOf = (raw: object) => {
      try {
        return parse(raw).runtime;
      } catch (error) {
        return asPlatformError(error).code;
      }
    };

    expect(codeOf({ runtime: "bun@latest" })).toBe("RUNTIME_INVALID");
    expect(codeOf({ runtime: "bun@1.3.13" })).toBe("RUNTIME_TOO_OLD");
    expect(codeOf({ runtime: "bun@1.3.14" })).toBe("bun@1.3.14");
    expect(codeOf({ runtime: "bun@1.4.2", ephemeral: true })).toBe("RUNTIME_TOO_OLD");
    expect(codeOf({ runtime: "bun@1.4.3", ephemeral: true })).toBe("bun@1.4.3");
  });

  test("gives an app a database when it says so, with every default", () => {
    const { database } = parse({ database: true });

    expect(database).toEqual({
      extensions: [],
      from: "data",
      poolMax: 10,
      pooling: "session",
      readOnly: false,
      mask: null,
      ttlMs: 0,
      bytesMax: 0,
      statementTimeoutMs: 0,
      transactionTimeoutMs: 0,
      slowStatementMs: 500,
      queriesPerRequestMax: 100,
      idleReleaseMs: 15_000,
    });
    expect(parse({ database: {} }).database).toEqual(database);
    expect(parse({ database: false }).database).toBeNull();
    expect(problems({ database: { poolMax: 0 } })).toEndWith(
      "database.poolMax is 0, at least 1 is allowed",
    );
    expect(problems({ database: { mask: "../mask.sql" } })).toContain("a path inside the project");
    expect(problems({ database: { extensions: ['x"; DROP'] } })).toContain("names of extensions");
    expect(problems({ database: "yes" })).toContain("database is");
    expect(problems({ database: { pool: 3 } })).toContain("did you mean database.poolMax?");
  });

  test("keeps an idle app, unless it says when or that it may be stopped", () => {
    const standby = (raw: object) => {
      const { standby, idleStopMs } = parse(raw);
      return [standby, idleStopMs];
    };

    expect(standby({})).toEqual(["keep-memory", 0]);
    expect(standby({ idleStopMs: 0 })).toEqual(["keep-memory", 0]);
    expect(standby({ idleStopMs: 5000 })).toEqual(["stop-allowed", 5000]);
    expect(standby({ standby: "stop-allowed" })).toEqual(["stop-allowed", 900_000]);
    expect(standby({ standby: "stop-allowed", idleStopMs: 0 })).toEqual(["stop-allowed", 0]);
    expect(problems({ standby: "keep-memory", idleStopMs: 5000 })).toContain(
      'idleStopMs is 5000, must be 0 or left out with standby "keep-memory"',
    );
    expect(problems({ standby: "keep" })).toContain('must be one of "keep-memory", "stop-allowed"');
  });

  test("lowers the concurrency of an ephemeral app, unless it was given", () => {
    expect(parse({ ephemeral: true }).limits.concurrencyMax).toBe(10);
    expect(parse({ ephemeral: true, limits: { concurrencyMax: 50 } }).limits.concurrencyMax).toBe(
      50,
    );
  });

  test("has at most as many instances as at least, unless more are given", () => {
    expect(parse({ instances: { min: 3 } }).instances).toEqual({ min: 3, max: 3 });
    expect(parse({ instances: { max: 3 } }).instances).toEqual({ min: 1, max: 3 });
    expect(problems({ instances: { min: 3, max: 2 } })).toContain(
      'instances is {"min":3,"max":2}, min must not be more than max',
    );
    expect(problems({ instances: { most: 2 } })).toContain(
      "instances.most is not a key; known here are min, max",
    );
  });

  test("says each of several problems once, as key, value and what is allowed", () => {
    const raw = {
      name: "My App",
      limits: { queueMax: 20_000, concurrencyMax: -1, memoryBytesMax: "1 GB" },
      instances: { min: "x".repeat(100) },
      bundle: 1,
      build: "",
    };

    expect(() => parse(raw)).toThrow("Cannot use levain.config.ts: 7 problems");
    expect(listedProblems(raw)).toEqual([
      'name is "My App", it must have lower-case letters, digits and dashes, and begin and end with a letter or digit',
      'build is "", must be at least one character',
      "bundle is 1, must be true or false",
      'limits.memoryBytesMax is "1 GB", must be a whole number from 67108864 to 274877906944',
      "limits.concurrencyMax is -1, at least 1 is allowed",
      "limits.queueMax is 20000, at most 10000 is allowed",
      `instances.min is "${"x".repeat(59)}…, must be a whole number from 1 to 64`,
    ]);
  });

  test("puts the only problem into the message", () => {
    expect(problems({ limits: { queueMax: 20_000 } })).toBe(
      "Cannot use levain.config.ts: limits.queueMax is 20000, at most 10000 is allowed",
    );
  });

  test("does not show the values of the environment", () => {
    expect(problems({ env: { TOKEN: ["hunter2"] } })).toEndWith(
      "env.TOKEN is not usable, must be a string, a number, a boolean or a rule such as url()",
    );
  });

  test("says which key was probably meant", () => {
    expect(problems({ assets: { folder: "x", fallback: "y" } })).toEndWith(
      "assets.fallback is not a key",
    );
    expect(problems({ entrypoint: "a.ts" })).toContain("entrypoint is not a key; known here are");
    expect(problems({ idleFreezMs: 1 })).toContain("did you mean idleFreezeMs?");
    expect(problems({ limits: { memoryBytes: 1 } })).toContain(
      "did you mean limits.memoryBytesMax?",
    );
    expect(problems({ queueMax: 5 })).toContain("did you mean limits.queueMax?");
    expect(problems({ database: { migrate: "migrations" } })).toContain(
      "database.migrate is not a key; migrate stands by itself",
    );
  });

  test.each([
    [{ limits: { memoryBytesMax: 1 } }, "67108864"],
    [{ limits: { requestTimeoutMs: 1.5 } }, "is 1.5, must be a whole number"],
    [{ limits: { requestTimeoutMs: Number.NaN } }, "NaN"],
    [{ entry: "../x.ts" }, "inside the project"],
    [{ entry: "/x.ts" }, "inside the project"],
    [{ healthPath: "health" }, "begin with /"],
    [{ env: { "A-B": "1" } }, "letters, digits and _"],
    [{ env: { LEVAIN_X: "1" } }, "Levain's own"],
    [{ env: { HOME: "/" } }, "Levain's own"],
    [{ env: { A: null } }, "a boolean or a rule such as url()"],
    [{ env: { A: "\0" } }, "NUL"],
    ["text", "must be an object"],
    [null, "must be an object"],
    [[], "must be an object"],
  ])("refuses %p", (raw, why) => {
    expect(problems(raw)).toContain(why);
  });

  test("bounds the environment as a whole", () => {
    expect(
      problems({ env: Object.fromEntries([..."ABCDE"].map((name) => [name, "x".repeat(60_000)])) }),
    ).toContain("at most 262144 bytes");
  });
});
