import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PlatformError } from "../base/errors.ts";
import { defaultDataDir } from "./data-dir.ts";
import { bindError, loadNodeConfig, type NodeConfigSources } from "./node-config.ts";
import { OTHER_VARIABLES, SETTINGS, VARIABLES } from "./node-settings.ts";

let cwd: string;
beforeEach(() => {
  cwd = realpathSync(mkdtempSync(join(tmpdir(), "levain-config-")));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

function load(sources: Partial<NodeConfigSources> = {}) {
  return loadNodeConfig({ flags: {}, env: {}, cwd, ...sources });
}

async function problemsOf(sources: Partial<NodeConfigSources>): Promise<string[]> {
  const error = (await load(sources).catch((thrown: unknown) => thrown)) as PlatformError;
  expect(error.code).toBe("NODE_CONFIG_INVALID");
  const problems = (error.detail?.problems ?? []) as string[];
  expect(error.message).toEndWith(
    problems.length === 1 ? (problems[0] ?? "") : `${problems.length} problems`,
  );
  return problems;
}

test("without anything there are defaults for a machine of one's own", async () => {
  const config = await load({ flags: { dataDir: "data" } });

  expect(config).toMatchObject({
    port: 4000,
    adminPort: 4001,
    host: "127.0.0.1",
    edges: 1,
    dataDir: join(cwd, "data"),
    domain: "localhost",
    trustedProxies: [],
  });
  expect(config.databaseUrl).toBeUndefined();
});

test("a flag wins over a variable, a variable over the file, the file over the default", async () => {
  writeFileSync(
    join(cwd, "levain.node.json"),
    JSON.stringify({
      port: 1,
      adminPort: 1,
      domain: "file.test",
      build: { timeoutMs: 5_000, memoryBytesMax: 100_000_000 },
    }),
  );

  const config = await load({
    flags: { port: "3" },
    env: { LEVAIN_PORT: "2", LEVAIN_ADMIN_PORT: "2", LEVAIN_BUILD_TIMEOUT_MS: "6000" },
  });

  expect([config.port, config.adminPort, config.domain]).toEqual([3, 2, "file.test"]);
  expect(config.build).toEqual({ timeoutMs: 6_000, memoryBytesMax: 100_000_000 });
});

test.each([
  ["admin", "adminHttp"],
  ["database", "databasePlain"],
])(
  "the %s port does not get beyond the machine in the clear unless that is said",
  async (what, plain) => {
    const problemsOf = async (flags: Record<string, string>) => {
      const thrown = await load({ flags }).catch((error) => error);
      return (thrown.detail?.problems as string[] | undefined)?.join("; ") ?? "";
    };
    const [cert, key] = [{ [`${what}TlsCert`]: "a.pem" }, { [`${what}TlsKey`]: "b.pem" }];

    for (const address of ["0.0.0.0", "::", "10.0.0.1", "::ffff:127.0.0.1"]) {
      const host = { [`${what}Host`]: address };
      expect(await problemsOf(host), address).toContain(`--${what}-host: ${what}Host`);
      expect(await problemsOf({ ...host, ...cert, ...key }), address).toBe("");
      expect(await problemsOf({ ...host, [plain]: "anywhere" }), address).toBe("");
    }
    for (const address of ["127.0.0.1", "127.1.2.3", "::1"]) {
      expect(await problemsOf({ [`${what}Host`]: address }), address).toBe("");
    }
    expect(await problemsOf(cert)).toContain("belong together");
    expect(await problemsOf(key)).toContain("belong together");
  },
);

test("the address that apps are shown at is at their domain", async () => {
  const domain = "apps.example.com";
  const loadAt = (publicUrl: string) => load({ flags: { domain, publicUrl } });

  expect((await loadAt("https://apps.example.com:8443")).publicUrl).toContain("8443");
  for (const url of [
    "https://example.com",
    "apps.example.com",
    "ftp://apps.example.com",
    "https://apps.example.com/x",
  ]) {
    expect(loadAt(url), url).rejects.toMatchObject({ code: "NODE_CONFIG_INVALID" });
  }
});

test("every setting has a variable, and every variable a setting", () => {
  expect(Object.values(VARIABLES).toSorted()).toEqual(Object.keys(SETTINGS).toSorted());
});

test("every variable is read as the kind of value that its setting takes", async () => {
  const values: Record<string, string> = {
    LEVAIN_PORT: "0",
    LEVAIN_ADMIN_PORT: "0",
    LEVAIN_ADMIN_HOST: "0.0.0.0",
    LEVAIN_ADMIN_TLS_CERT: "cert.pem",
    LEVAIN_ADMIN_TLS_KEY: "/etc/key.pem",
    LEVAIN_ADMIN_HTTP: "loopback",
    LEVAIN_ADMIN_NAMES: "levain.example.com,l.test",
    LEVAIN_HOST: "0.0.0.0",
    LEVAIN_EDGES: "2",
    LEVAIN_DATA_DIR: "/data",
    LEVAIN_DOMAIN: "apps.example.com",
    LEVAIN_PUBLIC_URL: "https://apps.example.com:8443",
    LEVAIN_DNS_SERVERS: "9.9.9.9, [::1]:5353",
    LEVAIN_DATABASE_URL: "postgres://u:p@db:5432/levain",
    LEVAIN_DATABASE_PORT: "0",
    LEVAIN_DATABASE_HOST: "0.0.0.0",
    LEVAIN_DATABASE_TLS_CERT: "db.pem",
    LEVAIN_DATABASE_TLS_KEY: "/etc/db-key.pem",
    LEVAIN_DATABASE_PLAIN: "loopback",
    LEVAIN_DATABASES_PREVIEWS_OF_APP_MAX: "5",
    LEVAIN_DATABASES_PREVIEWS_MAX: "50",
    LEVAIN_MASTER_KEY: "ab".repeat(32),
    LEVAIN_MASTER_KEY_FILE: "/run/keys/levain",
    LEVAIN_POSTGRES_USER: "postgres",
    LEVAIN_TRUSTED_PROXIES: "10.0.0.1, 10.1.0.0/16,::1",
    LEVAIN_HOOKS: "./quota.ts,levain/hooks/cors",
    LEVAIN_DRAIN_TIMEOUT_MS: "5000",
    LEVAIN_INSTANCES_MAX: "100",
    LEVAIN_MEMORY: "1.5 GiB",
    LEVAIN_SPARES_MAX: "0",
    LEVAIN_SANDBOX_MIN: "strict",
    LEVAIN_WRITE_ROOTS: "/srv/a,/srv/b",
    LEVAIN_RETENTION_VERSIONS_MAX: "3",
    LEVAIN_RETENTION_DAYS_MAX: "90",
    LEVAIN_RETENTION_LOG_DAYS_MAX: "7",
    LEVAIN_BACKUPS_TO: "s3://acme/levain",
    LEVAIN_BACKUPS_EVERY_MS: "3600000",
    LEVAIN_BACKUPS_AT: "",
    LEVAIN_BACKUPS_KEEP: "3",
    LEVAIN_BACKUP_PASSPHRASE: "correct horse battery",
    LEVAIN_BACKUPS_PASSPHRASE_FILE: "/run/keys/backups",
    LEVAIN_BACKUPS_LOGS: "all",
    LEVAIN_BACKUPS_ENDPOINT: "https://s3.example.com",
    LEVAIN_BACKUPS_REGION: "eu-central-1",
    LEVAIN_BUILD_TIMEOUT_MS: "60000",
    LEVAIN_BUILD_MEMORY_BYTES_MAX: "1000000000",
  };
  // Those of a broker have a test beside its settings.
  const isBroker = (name: string) => name.startsWith("LEVAIN_BROKER_");
  expect(Object.keys(values)).toEqual(Object.keys(VARIABLES).filter((name) => !isBroker(name)));

  const config = await load({ env: values });

  expect(config).toEqual({
    port: 0,
    adminPort: 0,
    adminHost: "0.0.0.0",
    adminTlsCert: `${cwd}/cert.pem`,
    adminTlsKey: "/etc/key.pem",
    adminHttp: "loopback",
    adminNames: ["levain.example.com", "l.test"],
    host: "0.0.0.0",
    edges: 2,
    dataDir: "/data",
    domain: "apps.example.com",
    publicUrl: "https://apps.example.com:8443",
    dnsServers: ["9.9.9.9", "[::1]:5353"],
    databaseUrl: "postgres://u:p@db:5432/levain",
    databasePort: 0,
    databaseHost: "0.0.0.0",
    databaseTlsCert: `${cwd}/db.pem`,
    databaseTlsKey: "/etc/db-key.pem",
    databasePlain: "loopback",
    databases: { previewsOfAppMax: 5, previewsMax: 50 },
    masterKey: "ab".repeat(32),
    masterKeyFile: "/run/keys/levain",
    postgresUser: "postgres",
    trustedProxies: ["10.0.0.1", "10.1.0.0/16", "::1"],
    hooks: [
      { module: "./quota.ts", folder: cwd },
      { module: "levain/hooks/cors", folder: cwd },
    ],
    drainTimeoutMs: 5000,
    instancesMax: 100,
    memory: 1.5 * 1024 ** 3,
    sparesMax: 0,
    sandboxMin: "strict",
    writeRoots: ["/srv/a", "/srv/b"],
    retention: { versionsMax: 3, daysMax: 90, logDaysMax: 7 },
    backups: {
      to: "s3://acme/levain",
      everyMs: 3_600_000,
      keep: 3,
      passphrase: "correct horse battery",
      passphraseFile: "/run/keys/backups",
      logs: "all",
      endpoint: "https://s3.example.com",
      region: "eu-central-1",
    },
    build: { timeoutMs: 60_000, memoryBytesMax: 1_000_000_000 },
    broker: null,
  });
});

describe("broker", () => {
  const secret = "0123456789abcdef";

  test("runs when its port is given, by a flag, a variable or the file", async () => {
    const byFlag = await load({ flags: { "broker.port": "4003" } });
    const byVariable = await load({
      env: { LEVAIN_BROKER_PORT: "0", LEVAIN_BROKER_CORDONED: "a,b", LEVAIN_BROKER_IS_ON: "false" },
    });
    writeFileSync(join(cwd, "levain.node.json"), '{ "broker": { "port": 7, "drainMs": 0 } }');
    const byFile = await load();

    expect(byFlag.broker).toMatchObject({ port: 4003, host: "127.0.0.1", logLevel: "warn" });
    expect(byVariable.broker).toMatchObject({ port: 0, cordoned: ["a", "b"], isOn: false });
    expect(byFile.broker).toMatchObject({ port: 7, drainMs: 0, dispatchPort: null });
    expect((await load({ env: { LEVAIN_BROKER_DRAIN_MS: "1" } })).broker).toMatchObject({
      drainMs: 1,
    });
  });

  test("what is wrong with it is said with the rest, and no secret is shown", async () => {
    const problems = await problemsOf({
      flags: { "broker.port": "4003" },
      env: { LEVAIN_BROKER_TOKEN_SECRET: "hunter2", LEVAIN_BROKER_CLAIM_TIMEOUT_MS: "1" },
    });
    const together = await problemsOf({
      flags: { "broker.port": "4003" },
      env: { LEVAIN_BROKER_TOKEN_ENFORCEMENT: "enforce", LEVAIN_BROKER_DISPATCH_TOKEN: secret },
    });

    expect(problems).toEqual([
      "LEVAIN_BROKER_CLAIM_TIMEOUT_MS: broker.claimTimeoutMs is 1, at least 10 is allowed",
      "LEVAIN_BROKER_TOKEN_SECRET: broker.tokenSecret is not usable, must be at least 16 characters",
    ]);
    expect(together).toEqual([
      "LEVAIN_BROKER_TOKEN_ENFORCEMENT: tokenEnforcement is enforce, which needs tokenSecret or its file",
    ]);
  });
});

test.each([
  ["536870912", 512 * 1024 ** 2],
  ["512MiB", 512 * 1024 ** 2],
  ["512 mib", 512 * 1024 ** 2],
  ["2tib", 2 * 1024 ** 4],
])("memory may be written as %s", async (written, bytes) => {
  expect((await load({ flags: { memory: written } })).memory).toBe(bytes);
});

test.each(["lots", "8GB", "-1GiB", "255MiB", "GiB", "1e12"])(
  "memory may not be written as %s",
  async (written) => {
    const error = await load({ flags: { memory: written } }).catch((thrown) => thrown);

    expect(error.detail.problems).toEqual([
      `--memory: memory is "${written}", must be 256MiB or more, such as 8GiB, or a number of bytes`,
    ]);
  },
);

test("an empty variable is none, and other variables of the prefix are left alone", async () => {
  const others = Object.fromEntries(OTHER_VARIABLES.map((name) => [name, "x"]));

  const config = await load({ env: { ...others, LEVAIN_PORT: "", PATH: "/bin" } });

  expect(config.port).toBe(4000);
});

describe("files", () => {
  test("a TypeScript file exports the settings as its default", async () => {
    writeFileSync(join(cwd, "levain.node.ts"), "export default { port: 40 + 2 };");

    expect((await load()).port).toBe(42);
  });

  test("another file can be named", async () => {
    writeFileSync(join(cwd, "other.json"), '{ "port": 7 }');

    expect((await load({ file: "other.json" })).port).toBe(7);
  });

  test("what is wrong with the file is said together with the rest", async () => {
    expect(await problemsOf({ file: "none.json", flags: { port: "many" } })).toEqual([
      "--config: there is no file none.json",
      '--port: port is "many", must be a whole number from 0 to 65535',
    ]);
  });

  test("a file that cannot be read, or holds something else, is named", async () => {
    writeFileSync(join(cwd, "levain.node.json"), "{");
    expect((await problemsOf({}))[0]).toStartWith("levain.node.json: cannot be read: ");

    writeFileSync(join(cwd, "levain.node.json"), "[]");
    expect(await problemsOf({})).toEqual(["levain.node.json: must hold an object"]);

    writeFileSync(join(cwd, "broken.ts"), "throw new Error('no database name')");
    expect(await problemsOf({ file: "broken.ts" })).toContainEqual(
      "broken.ts: cannot be read: no database name",
    );
  });

  test("two files are one too many", async () => {
    writeFileSync(join(cwd, "levain.node.json"), "{}");
    writeFileSync(join(cwd, "levain.node.ts"), "export default {}");

    expect(await problemsOf({})).toEqual([
      "levain.node.ts and levain.node.json are both there; keep one of them",
    ]);
  });
});

describe("hooks", () => {
  test("count from the folder of the file that names them, and keep their options", async () => {
    mkdirSync(join(cwd, "etc"));
    writeFileSync(
      join(cwd, "etc/node.json"),
      JSON.stringify({ hooks: ["./a.ts", { module: "./b.ts", options: { max: 5 } }] }),
    );

    const { hooks } = await load({ file: "etc/node.json" });

    const folder = join(cwd, "etc");
    expect(hooks).toEqual([
      { module: "./a.ts", folder },
      { module: "./b.ts", folder, options: { max: 5 } },
    ]);
  });

  test.each([
    ["5", "hooks is 5, must be a list"],
    ['[""]', 'hooks is "", must be at least one character'],
    [
      '[{ "modul": "./a.ts" }]',
      'hooks is {"modul":"./a.ts"}, must be modules, or objects with `module` and plain data as `options`',
    ],
  ])("that are %s are refused", async (hooks, problem) => {
    writeFileSync(join(cwd, "levain.node.json"), `{ "hooks": ${hooks} }`);

    expect(await problemsOf({})).toEqual([`levain.node.json: ${problem}`]);
  });
});

describe("problems", () => {
  test("all of them are said at once, each with its source, key, value and what is wanted", async () => {
    writeFileSync(
      join(cwd, "levain.node.json"),
      JSON.stringify({ prot: 1, domain: "Example.com", build: { timeoutSec: 5 }, sparesMax: "2" }),
    );

    const problems = await problemsOf({
      flags: { port: "70000", adminPort: "-1" },
      env: { LEVAIN_DOMIAN: "x", LEVAIN_HOST: "everywhere", LEVAIN_TRUSTED_PROXIES: "10.0.0.0/99" },
    });

    expect(problems.toSorted()).toEqual(
      [
        "LEVAIN_DOMIAN is not a key; did you mean LEVAIN_DOMAIN?",
        "--port: port is 70000, at most 65535 is allowed",
        '--admin-port: adminPort is "-1", must be a whole number from 0 to 65535',
        'LEVAIN_HOST: host is "everywhere", must be an IP address, such as 0.0.0.0 for every network',
        'levain.node.json: domain is "Example.com", must be a host name in lower case, such as apps.example.com',
        'LEVAIN_TRUSTED_PROXIES: trustedProxies is "10.0.0.0/99", must be IP addresses or ranges such as 10.0.0.0/8',
        'levain.node.json: sparesMax is "2", must be a whole number from 0 to 100',
        "levain.node.json: build.timeoutSec is not a key; did you mean build.timeoutMs?",
        "levain.node.json: prot is not a key; did you mean port?",
      ].toSorted(),
    );
  });

  test("a secret is not shown", async () => {
    const [problem] = await problemsOf({ env: { LEVAIN_DATABASE_URL: "mysql://u:hunter2@db/x" } });

    expect(problem).toStartWith("LEVAIN_DATABASE_URL: databaseUrl is not usable, must be");
    expect(problem).not.toContain("hunter2");
  });

  test("a group that is no group is refused, whatever else is said about it", async () => {
    writeFileSync(join(cwd, "levain.node.json"), '{ "build": 5, "limits": {} }');

    expect(await problemsOf({ env: { LEVAIN_BUILD_TIMEOUT_MS: "6000" } })).toEqual([
      "levain.node.json: build is 5, must be a group of keys",
      expect.stringMatching(
        /^levain.node.json: limits is not a key; known here are port, .*, build, broker$/,
      ),
    ] as string[]);
  });

  test("the two ports differ, unless the system chooses them", async () => {
    expect(await problemsOf({ flags: { port: "4001" } })).toEqual([
      "--port: adminPort is 4001, the same as port",
    ]);
    expect((await load({ flags: { port: "0", adminPort: "0" } })).port).toBe(0);
  });
});

test("the data directory follows the user and the machine's habits", () => {
  expect(defaultDataDir({ HOME: "/home/ada" }, true)).toBe("/var/lib/levain");
  expect(defaultDataDir({ HOME: "/home/ada" }, false)).toBe("/home/ada/.levain");
  expect(defaultDataDir({ HOME: "/home/ada", XDG_DATA_HOME: "/data" }, false)).toBe("/data/levain");
  expect(defaultDataDir({ HOME: "/home/ada", XDG_DATA_HOME: "data" }, false)).toBe(
    "/home/ada/.levain",
  );
});

describe("bindError()", () => {
  test("a port that is in use is named with its setting", async () => {
    await using taken = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
    const { port = 0 } = taken;
    let thrown: unknown;

    try {
      Bun.serve({ port, hostname: "127.0.0.1", fetch: () => new Response() });
    } catch (error) {
      thrown = bindError(error, "adminPort", port);
    }

    expect(thrown).toMatchObject({
      code: "PORT_IN_USE",
      message: `Cannot listen: adminPort ${port} is in use`,
    });
  });

  test("a port that needs rights, an address of another machine and other errors differ", () => {
    const other = new Error("out of memory");

    expect(bindError({ code: "EACCES" }, "port", 80)).toMatchObject({ code: "PORT_FORBIDDEN" });
    expect(bindError({ code: "EADDRNOTAVAIL" }, "port", 80)).toMatchObject({
      code: "NODE_CONFIG_INVALID",
    });
    expect(bindError(other, "port", 80)).toBe(other);
  });
});
