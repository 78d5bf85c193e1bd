/** Errors of a node: its configuration, its machine, its parts. */
import type { ErrorRow } from "./error-row.ts";

export const nodeErrors = {
  NODE_CONFIG_INVALID: {
    owner: "user",
    status: 400,
    message: (where: string, what: string) => `Cannot start the node: ${where}: ${what}`,
    remedy: "Correct the named setting; docs/operating.md lists every setting with its range",
  },
  HOOK_NOT_LOADED: {
    owner: "user",
    status: 400,
    message: (module: string, what: string) => `Cannot start the node: hook "${module}": ${what}`,
    remedy:
      "Correct the module, or `hooks` in levain.node.ts; docs/hooks.md says what a hook exports",
  },
  NODE_ALREADY_RUNNING: {
    owner: "user",
    status: 409,
    message: (dataDir: string, pid: number) =>
      `Cannot start the node: process ${pid} already runs one on data directory ${dataDir}`,
    remedy: (dataDir: string) =>
      `Look at it with \`levain status --data-dir ${dataDir}\`, stop it with \`levain down\`, or choose another \`--data-dir\``,
  },
  NODE_NOT_RUNNING: {
    owner: "user",
    status: 503,
    message: (dataDir: string) => `Cannot reach a node: none runs on data directory ${dataDir}`,
    remedy: "Start one with `levain up`, or name its folder with `--data-dir`",
  },
  NODE_NOT_ANSWERING: {
    owner: "platform",
    status: 503,
    message: (dataDir: string, pid: number) =>
      `Cannot reach the node: process ${pid} runs it on data directory ${dataDir}, but does not answer`,
    remedy:
      "It is starting or stopping: try again in a few seconds; node.log in the data directory has more",
  },
  NODE_UNREACHABLE: {
    owner: "user",
    status: 503,
    message: (url: string, how: string) => `Cannot reach a node at ${url}: ${how}`,
    remedy:
      "Check the address, a tunnel if one leads there (`ssh -N -L 4001:127.0.0.1:4001 your-server`), and `levain status` on the node's machine",
  },
  NODE_CONNECTION_LOST: {
    owner: "platform",
    status: 503,
    message: (how: string) =>
      `Cannot complete the command: the connection to the node was lost (${how})`,
    remedy: "Run `levain status` and try again; node.log in the data directory has the node's side",
  },
  NODE_SILENT: {
    owner: "platform",
    status: 504,
    message: (timeoutMs: number) =>
      `Cannot complete the command: the node sent nothing for ${timeoutMs} ms`,
    remedy: "Try again; if it stays silent, stop it with `levain down` and start it again",
  },
  NODE_ENDED: {
    owner: "platform",
    status: 500,
    message: (how: string) => `Cannot start the node: its process ended (${how}) before it served`,
    remedy: "Read node.log in the data directory; `levain up` without `--detach` shows it at once",
  },
  NODE_START_TIMEOUT: {
    owner: "platform",
    status: 504,
    message: (pid: number, timeoutMs: number) =>
      `Cannot tell whether the node started: process ${pid} did not serve within ${timeoutMs} ms`,
    remedy: "Read node.log in the data directory; `levain status` shows when it serves",
  },
  ZRAM_REFUSED: {
    owner: "user",
    status: 409,
    message: (why: string) => `Cannot set up swap in zram: ${why}`,
    remedy:
      'Decide it yourself: docs/operating.md lists the steps under "Swap in zram"; apps run without it too',
  },
  ZRAM_SETUP_FAILED: {
    owner: "platform",
    status: 500,
    message: (step: string, why: string) =>
      `Cannot set up swap in zram: step "${step}" failed: ${why}`,
    remedy:
      "What was done before it was taken back; try the steps of `levain doctor --setup-zram --dry-run` by hand",
  },
  DEMO_STEP_FAILED: {
    owner: "platform",
    status: 500,
    message: (step: string, what: string) =>
      `Cannot complete the demo: step "${step}" failed: ${what}`,
    remedy: "Run it again; if the same step fails, `levain doctor` shows what this machine lacks",
  },
  NODE_STOP_TIMEOUT: {
    owner: "platform",
    status: 504,
    message: (pid: number, timeoutMs: number) =>
      `Cannot tell whether the node stopped: process ${pid} was still there after ${timeoutMs} ms`,
    remedy: "Look at node.log in the data directory; end the process with `kill` if it hangs",
  },
  PORT_IN_USE: {
    owner: "user",
    status: 409,
    message: (setting: string, port: number) => `Cannot listen: ${setting} ${port} is in use`,
    remedy: (setting: string, port: number) =>
      `Stop what uses it (\`ss -ltnp "sport = :${port}"\` shows what), or choose another ${setting}; 0 takes any that is free`,
  },
  PORT_FORBIDDEN: {
    owner: "user",
    status: 403,
    message: (setting: string, port: number) =>
      `Cannot listen: ${setting} ${port} needs more rights`,
    remedy: "Choose a port from 1024 up, or grant CAP_NET_BIND_SERVICE",
  },
  DISK_FULL: {
    owner: "platform",
    status: 507,
    message: () => "Cannot write to the data directory: its disk is full",
    remedy:
      "Make room and run the command again: `du -sh` of the data directory's folders shows where it went, `levain remove` removes an app",
  },
  DATA_DIR_UNUSABLE: {
    owner: "user",
    status: 400,
    message: (dataDir: string, what: string) => `Cannot use data directory ${dataDir}: ${what}`,
    remedy: "Name a folder that this user can write to and others cannot, with `--data-dir`",
  },
  POSTGRES_MISSING: {
    owner: "platform",
    status: 500,
    message: (platform: string) =>
      `Cannot start PostgreSQL: no binaries for ${platform} are installed`,
    remedy:
      "Run `./levain` again to install them, or give a server's address with `--database-url`",
  },
  POSTGRES_USER_MISSING: {
    owner: "platform",
    status: 500,
    message: (user: string) =>
      `Cannot start PostgreSQL: it refuses to run as root, and user "${user}" does not exist and could not be added`,
    remedy:
      "Add the user (`useradd --system levain-postgres`), run the node as an ordinary user, or use `--database-url`",
  },
  POSTGRES_START_FAILED: {
    owner: "platform",
    status: 500,
    message: (what: string) => `Cannot start PostgreSQL: ${what}`,
    remedy: "Read postgres.log in the data directory",
  },
  LOAD_GENERATOR_FAILED: {
    owner: "platform",
    status: 500,
    message: (what: string) => `Cannot measure: the load generator failed (${what})`,
    remedy: "Run it again; when it repeats, report it with what the generator printed",
  },
  PERF_TARGET_FAILED: {
    owner: "platform",
    status: 500,
    message: (checkout: string, what: string) => `Cannot measure Levain in ${checkout}: ${what}`,
    remedy:
      "Read what it printed; another checkout needs a Levain that has `levain perf` in the same form",
  },
  PERF_PROBE_FAILED: {
    owner: "platform",
    status: 502,
    message: (scenario: string, what: string) => `Cannot measure ${scenario}: its app ${what}`,
    remedy: "Ask the app by hand; with --url, check that it runs and answers below 400",
  },
  PERF_GATE_BROKEN: {
    owner: "platform",
    status: 500,
    message: (breaches: number) =>
      `Cannot pass the measurement: ${breaches} ${breaches === 1 ? "value is" : "values are"} not within the gates`,
    remedy:
      "Find what became slow or fails; change a gate only when it asks for what is not wanted",
  },
  PERF_NOT_COMPARABLE: {
    owner: "user",
    status: 409,
    message: (base: string, what: string) => `Cannot compare with ${base}: ${what}`,
    remedy:
      "Measure both with the same options and `--repeat 5`, or use `--against`; docs/perf.md says what has to be the same",
  },
  PERF_SLOWER: {
    owner: "platform",
    status: 500,
    message: (scenarios: string, base: string) =>
      `Cannot pass the measurement: ${scenarios} became slower than in ${base}`,
    remedy: "Find what costs more since then; --tolerance says how much slower is no failure",
  },
  PROJECT_FOLDER_TAKEN: {
    owner: "user",
    status: 409,
    message: (folder: string, name: string) =>
      `Cannot begin a project in ${folder}: it has ${name}`,
    remedy:
      "Name a folder that is empty or not there; --force writes over files of the same name and leaves all others",
  },
  DEV_SERVER_ENDED: {
    owner: "user",
    status: 500,
    message: (tool: string, exitCode: number) =>
      `Cannot go on serving: ${tool} ended with exit ${exitCode}`,
    remedy:
      "Read what it printed; `bun install` when a program is missing, `levain dev --lane` to serve without it",
  },
  INTERNAL: {
    owner: "platform",
    status: 500,
    message: () => "Cannot complete the operation: something unexpected went wrong in Levain",
    remedy: "Report it with the request id and the lines of node.log in the data directory",
  },
} as const satisfies Record<string, ErrorRow>;
