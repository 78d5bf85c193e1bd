/**
 * `levain up`: runs a node in this process, or with `--detach` in one of its own in the background.
 */
import { resolve } from "node:path";
import { PlatformError } from "../base/errors.ts";
import type { NodeStatus } from "../control/api.ts";
import type { NodeConfig, NodeFlags } from "../control/node-config.ts";
import { errorBodyOf, renderFailure } from "./failure.ts";
import { createPaint } from "./paint.ts";
import { reportStart } from "./start-report.ts";
import type { Call, Outcome, Verb } from "./verb.ts";

/** Flags that are settings of the node, by their key in its configuration. */
const SETTINGS = {
  port: ["--port <port>", "port of the apps (LEVAIN_PORT, default 4000; 0: any)"],
  adminPort: ["--admin-port <port>", "port of the admin API (LEVAIN_ADMIN_PORT, default 4001)"],
  adminHost: ["--admin-host <address>", "address of the admin port (default 127.0.0.1)"],
  adminTlsCert: ["--admin-tls-cert <file>", "certificate of the admin API, in PEM"],
  adminTlsKey: ["--admin-tls-key <file>", "its key, in PEM"],
  adminHttp: ["--admin-http <where>", "admin API without TLS: loopback (default), anywhere"],
  adminNames: ["--admin-names <list>", "names of the admin API behind a proxy"],
  host: ["--host <address>", "address of the apps' port (default 127.0.0.1)"],
  edges: ["--edges <count>", "processes that accept connections (default 1)"],
  domain: ["--domain <name>", "apps answer at <app>.<domain> (default localhost)"],
  publicUrl: ["--public-url <url>", "how the domain is reached: https://apps.example.com"],
  dnsServers: ["--dns-servers <list>", "name servers for proofs of domains"],
  databaseUrl: ["--database-url <url>", "a PostgreSQL server instead of the node's own"],
  databasePort: ["--database-port <port>", "port of apps' databases (default 4002; 0: any)"],
  databaseHost: ["--database-host <address>", "address of databases beside 127.0.0.1"],
  databaseTlsCert: ["--database-tls-cert <file>", "certificate of databases, in PEM"],
  databaseTlsKey: ["--database-tls-key <file>", "its key, in PEM"],
  databasePlain: [
    "--database-plain <where>",
    "databases without TLS: loopback (default), anywhere",
  ],
  masterKeyFile: ["--master-key-file <path>", "key that seals environment values"],
  postgresUser: ["--postgres-user <name>", "system user of the node's own PostgreSQL"],
  trustedProxies: ["--trusted-proxies <list>", "proxies whose x-forwarded-* is believed"],
  drainTimeoutMs: ["--drain-timeout-ms <ms>", "time for requests to finish at the end"],
  instancesMax: ["--instances-max <count>", "instances that run at once (default 100)"],
  memory: ["--memory <amount>", "memory of the node and all apps, such as 8GiB"],
  sparesMax: ["--spares-max <count>", "processes that stand ready for a first start"],
  sandboxMin: ["--sandbox-min <level>", "least level that apps may ask for (default relaxed)"],
  writeRoots: ["--write-roots <list>", "folders beneath which apps may be given folders"],
  "broker.port": ["--broker-port <port>", "run a warm-start broker too, on this port (0: any)"],
} as const;

export const up: Verb = {
  name: "up",
  group: "Node",
  summary: "Start a node",
  description:
    "Runs in the foreground until Ctrl-C or `levain down`; with --detach in the background, with " +
    "its output in node.log of the data directory. Every flag is also a LEVAIN_* variable and a " +
    "key of levain.node.ts or levain.node.json in the current folder; a flag wins over a " +
    "variable, a variable over the file. Everything is checked before a port is bound.",
  flags: [
    ["--detach", "start in the background and return when it serves"],
    ...Object.values(SETTINGS),
    ["--config <file>", "configuration file instead of levain.node.ts or .json"],
  ],
  hiddenFlags: ["--report-fd <number>"],
  exits: [
    [0, "done: it has stopped, or with --detach it serves"],
    [1, "it could not start, or not stop as it should"],
    [2, "a setting cannot be, or the command was not used as it is meant"],
  ],
  environment: [["LEVAIN_*", "each setting: LEVAIN_ADMIN_PORT is --admin-port; a flag wins"]],
  examples: [
    ["levain up", "a node in this terminal, apps on port 4000"],
    ["levain up --detach", "the same in the background"],
    ["levain up --port 8080 --domain apps.example.com --host 0.0.0.0", "for other machines"],
    ["levain up --data-dir ./data --port 0 --admin-port 0", "another node, on free ports"],
  ],
  async run(call) {
    const { loadNodeConfig } = await import("../control/node-config.ts");
    const config = await loadNodeConfig(configSources(call));
    // From here on the configuration alone knows them.
    const { hideSecrets } = await import("../sandbox/own-process.ts");
    const { env } = call.io;
    // A node in the background is given its secrets as it was to be here, and takes them out there.
    const givenEnv = { ...env };
    const { passphrase } = config.backups;
    const { tokenSecret, dispatchToken } = config.broker ?? {};
    const secrets = [config.databaseUrl, config.masterKey, passphrase, env.LEVAIN_TOKEN];
    hideSecrets([...secrets, tokenSecret ?? undefined, dispatchToken ?? undefined]);
    if (call.flags.detach === true) {
      const { startDetached } = await import("./detach.ts");
      const words = foregroundWords(call, config);
      const { node, log } = await startDetached(config, words, { ...call.io, env: givenEnv });
      return startedOutcome(node, { isDetached: true, log }, config, call);
    }
    return runForeground(config, call);
  },
};

function configSources(call: Call) {
  const flags: NodeFlags = {};
  for (const key of [...Object.keys(SETTINGS), "dataDir"]) {
    const value = call.flags[flagNameOf(key)];
    if (typeof value === "string") flags[key] = value;
  }
  const file = typeof call.flags.config === "string" ? call.flags.config : undefined;
  return { flags, env: call.io.env, cwd: call.io.cwd, file };
}

/** `broker.port` → `brokerPort`, as the command line names it. */
function flagNameOf(key: string): string {
  return key.replace(/\.([a-z])/, (_, letter: string) => letter.toUpperCase());
}

/** The words that start the same node in the foreground. */
function foregroundWords(call: Call, config: NodeConfig): string[] {
  const words = ["up", "--data-dir", config.dataDir];
  for (const [key, [syntax]] of Object.entries(SETTINGS)) {
    const value = call.flags[flagNameOf(key)];
    // Given to it as a variable: a command line is for everybody to read.
    if (key === "databaseUrl") continue;
    if (typeof value === "string") words.push(syntax.split(" ")[0] as string, value);
  }
  const { config: file } = call.flags;
  if (typeof file === "string") words.push("--config", resolve(call.io.cwd, file));
  return words;
}

async function runForeground(config: NodeConfig, call: Call): Promise<Outcome> {
  const { stdout, stderr } = call.io;
  const report = reportStart(call.flags.reportFd);
  let isReady = false;
  try {
    await call.runNode(config, {
      ready(node) {
        isReady = true;
        report({ ok: true });
        // In node.log nobody can press Ctrl-C.
        const isDetached = call.flags.reportFd !== undefined;
        const outcome = startedOutcome(node, { isDetached, log: null }, config, call);
        const { data, next } = outcome;
        const object = { ok: true, command: "up", data, next };
        stdout.write(`${call.isJson ? JSON.stringify(object) : outcome.text?.()}\n`);
      },
      note: (line) => stderr.write(`${line}\n`),
    });
    if (!isReady) throw new PlatformError("INTERRUPTED", []);
    return { data: null, isPrinted: true };
  } catch (thrown) {
    if (!isReady) {
      report({ ok: false, error: errorBodyOf(thrown) });
      throw thrown;
    }
    // The one object that --json promises is out already.
    stderr.write(renderFailure(errorBodyOf(thrown), createPaint(false)));
    return { data: null, isPrinted: true, exitCode: 1 };
  }
}

function startedOutcome(
  node: NodeStatus,
  how: { isDetached: boolean; log: string | null },
  config: NodeConfig,
  call: Call,
): Outcome {
  // The directory may come from a file that other commands do not read.
  const command = (words: string) =>
    config.dataDir === call.dataDir ? call.command(words) : `${words} --data-dir ${config.dataDir}`;
  const { paint } = call;
  return {
    data: { ...node, ...how },
    next: [command("levain deploy"), command("levain status"), command("levain down")],
    text: () =>
      [
        `${paint.green("✔")} Levain ${node.version} is running (process ${node.pid})`,
        `  apps   ${paint.cyan(node.appsUrl)}`,
        `  admin  ${node.adminUrl}`,
        ...(node.databases === null ? [] : [`  db     ${databasesAt(node.databases)}`]),
        ...(node.broker === null ? [] : [`  broker ${brokerPorts(node.broker)}`]),
        `  data   ${node.dataDir}`,
        ...(how.log === null ? [] : [`  log    ${how.log}`]),
        `  stop   ${how.isDetached ? command("levain down") : "Ctrl-C"}`,
      ].join("\n"),
  };
}

/** `0.0.0.0:4002 for other machines, over TLS` */
function databasesAt({ host, port, isTls }: NonNullable<NodeStatus["databases"]>): string {
  return `${host}:${port} for other machines, ${isTls ? "over" : "without"} TLS`;
}

/** `port 4003 for runners and supervisors` */
function brokerPorts({ port, dispatchPort }: NonNullable<NodeStatus["broker"]>): string {
  return port === dispatchPort
    ? `port ${port} for runners and supervisors`
    : `port ${port} for runners, ${dispatchPort} for supervisors`;
}
