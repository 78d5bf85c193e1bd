/**
 * Every error a person can meet. A code is permanent. A message says the action, the state with its number, and no
 * blame; the remedy is what to do next. `docs/errors.md` is checked against this file in both directions.
 */

export interface ErrorRow {
  /** Who can fix it. */
  owner: "user" | "platform";
  /** HTTP status of the edge and the admin API. */
  status: number;
  message: (...args: never[]) => string;
  /** With the values of the message where they make it something that can be run as it is. */
  remedy: string | ((...args: never[]) => string);
}

export const CATALOG = {
  // --- requests ---
  HOST_UNKNOWN: {
    owner: "user",
    status: 404,
    message: (host: string) => `Cannot route the request: no app answers to host "${host}"`,
    remedy: "Check the address, or run `levain apps` for the URLs that exist",
  },
  BRANCH_NOT_LIVE: {
    owner: "user",
    status: 404,
    message: (app: string, branch: string) =>
      `Cannot route the request: branch "${branch}" of app "${app}" has no live version`,
    remedy: (app: string, branch: string) =>
      `Deploy to it with \`levain deploy --branch ${branch}\`, or take one of \`levain versions ${app}\` live with \`levain promote\``,
  },
  VERSION_UNKNOWN: {
    owner: "user",
    status: 404,
    message: (app: string, version: string) => `Cannot find version "${version}" of app "${app}"`,
    remedy: (app: string) => `Run \`levain versions ${app}\` for the versions that exist`,
  },
  REQUEST_MALFORMED: {
    owner: "user",
    status: 400,
    message: (what: string) => `Cannot read the request: ${what}`,
    remedy:
      "Look at what is sent (`curl -v` shows it) and correct the named part; RFC 9112 has the rules",
  },
  REQUEST_TARGET_TOO_LONG: {
    owner: "user",
    status: 414,
    message: (bytesMax: number) =>
      `Cannot read the request: its target is longer than ${bytesMax} bytes`,
    remedy: "Send the data in the body of a POST request, not in the query",
  },
  REQUEST_HEAD_TOO_LARGE: {
    owner: "user",
    status: 431,
    message: (bytesMax: number, linesMax: number) =>
      `Cannot read the request: its head has more than ${bytesMax} bytes or ${linesMax} headers`,
    remedy: "Send fewer or smaller headers; clearing cookies often helps",
  },
  REQUEST_BODY_TOO_LARGE: {
    owner: "user",
    status: 413,
    message: (app: string, bytesMax: number) =>
      `Cannot accept the request: its body is larger than the ${bytesMax} bytes that app "${app}" allows`,
    remedy: "Send less, or raise `limits.bodyBytesMax` in levain.config.ts",
  },
  REQUEST_TIMEOUT: {
    owner: "user",
    status: 408,
    message: (timeoutMs: number) =>
      `Cannot read the request: it did not arrive within ${timeoutMs} ms`,
    remedy: "Send the request without pauses; over a slow connection, send less in one request",
  },
  EXPECTATION_UNKNOWN: {
    owner: "user",
    status: 417,
    message: (expectation: string) =>
      `Cannot meet the expectation "${expectation}": only 100-continue is known`,
    remedy: "Send the request without the Expect header",
  },
  METHOD_NOT_SUPPORTED: {
    owner: "user",
    status: 501,
    message: (method: string) => `Cannot carry out the method ${method}`,
    remedy: "Use another method; CONNECT is for proxies",
  },
  PROTOCOL_VERSION_UNKNOWN: {
    owner: "user",
    status: 505,
    message: (version: string) =>
      `Cannot read the request: protocol version "${version}" is not HTTP/1.0 or HTTP/1.1`,
    remedy: "Use HTTP/1.1",
  },
  REQUEST_REJECTED: {
    owner: "user",
    status: 403,
    message: (why: string) => `Cannot accept the request: ${why}`,
    remedy:
      "Ask whoever runs this server; a hook of theirs has decided so, perhaps with another status",
  },
  HOOK_FAILED: {
    owner: "platform",
    status: 500,
    message: () => "Cannot answer: a request hook of this server failed",
    remedy:
      "Read the node's log or `levain logs`, which have the hook's name and the error; docs/hooks.md",
  },
  APP_RESPONSE_TIMEOUT: {
    owner: "user",
    status: 504,
    message: (app: string, timeoutMs: number) =>
      `Cannot answer: app "${app}" sent no response within ${timeoutMs} ms`,
    remedy: (app: string) =>
      `Look at \`levain logs ${app}\`, make the request faster, or raise \`limits.requestTimeoutMs\` in levain.config.ts`,
  },
  APP_RESPONSE_STALLED: {
    owner: "user",
    status: 504,
    message: (app: string, idleMs: number) =>
      `Cannot go on: the response of app "${app}" was silent for ${idleMs} ms`,
    remedy:
      "Send something within `limits.streamIdleMs`, such as a comment line of server-sent events, or raise it in levain.config.ts",
  },
  APP_RESPONSE_INVALID: {
    owner: "user",
    status: 502,
    message: (app: string, what: string) => `Cannot pass on the response of app "${app}": ${what}`,
    remedy: (app: string) =>
      `Correct the response in the app; \`levain logs ${app}\` has the request`,
  },
  APP_THREW: {
    owner: "user",
    status: 500,
    message: (app: string) => `Cannot answer: app "${app}" failed while handling the request`,
    remedy: (app: string) => `Look at \`levain logs ${app}\` for the error and its stack`,
  },
  APP_EXITED: {
    owner: "user",
    status: 502,
    message: (app: string, how: string) =>
      `Cannot answer: app "${app}" ended (${how}) during the request`,
    remedy: (app: string) => `Look at \`levain logs ${app}\` for the last lines before the end`,
  },
  APP_UNRESPONSIVE: {
    owner: "user",
    status: 502,
    message: (app: string, silentMs: number) =>
      `Cannot answer: app "${app}" was stopped after its event loop had not run for ${silentMs} ms`,
    remedy: (app: string) =>
      `Look for an endless loop or a long synchronous call in the app; \`levain logs ${app}\` has its last lines`,
  },
  APP_MEMORY_EXCEEDED: {
    owner: "user",
    status: 502,
    message: (app: string, bytes: number, bytesMax: number) =>
      `Cannot answer: app "${app}" was stopped at ${bytes} bytes of memory, more than the ${bytesMax} it is allowed`,
    remedy: "Use less memory, or raise `limits.memoryBytesMax` in levain.config.ts",
  },
  APP_PROTOCOL_BROKEN: {
    owner: "platform",
    status: 502,
    message: (app: string, what: string) =>
      `Cannot go on with app "${app}": its process broke the wire protocol (${what})`,
    remedy: "Deploy again; if the app does not touch inherited file descriptors, report it",
  },
  APP_START_FAILED: {
    owner: "user",
    status: 503,
    message: (app: string, cause: string) => `Cannot start app "${app}": ${cause}`,
    remedy: (app: string) =>
      `Look at \`levain logs ${app}\`; the node tries again by itself, or go back with \`levain rollback ${app}\``,
  },
  APP_BUSY: {
    owner: "user",
    status: 503,
    message: (app: string, running: number) =>
      `Cannot start another request for app "${app}": ${running} are running and its queue is full`,
    remedy:
      "Try again after the time in Retry-After, or raise `limits.concurrencyMax` in levain.config.ts",
  },
  HOLD_TIMEOUT: {
    owner: "user",
    status: 503,
    message: (app: string, holdMs: number) =>
      `Cannot answer: app "${app}" was not ready within ${holdMs} ms`,
    remedy: "Try again after the time in Retry-After; `levain ps` shows what the app is doing",
  },
  INSTANCES_FULL: {
    owner: "platform",
    status: 503,
    message: (app: string, instancesMax: number, holdMs: number) =>
      `Cannot start app "${app}": all ${instancesMax} places of the node are taken, and none became free within ${holdMs} ms`,
    remedy:
      "Try again after the time in Retry-After; raise `instancesMax` of the node, or look in `levain ps` for what is never idle",
  },
  HOLD_QUEUE_FULL: {
    owner: "user",
    status: 503,
    message: (app: string, holdsMax: number) =>
      `Cannot hold another request for app "${app}": ${holdsMax} are waiting for it to be ready`,
    remedy: "Try again after the time in Retry-After; `levain ps` shows what the app is doing",
  },
  NODE_DRAINING: {
    owner: "platform",
    status: 503,
    message: () => "Cannot take the request: the node is shutting down",
    remedy: "Try again after the time in Retry-After",
  },
  CONNECTIONS_FULL: {
    owner: "platform",
    status: 503,
    message: (connectionsMax: number) =>
      `Cannot take another connection: ${connectionsMax} are open`,
    remedy: "Try again after the time in Retry-After; `levain status` shows how many are open",
  },

  // --- deploy ---
  SOURCE_TOO_LARGE: {
    owner: "user",
    status: 413,
    message: (bytes: number, bytesMax: number) =>
      `Cannot pack the project: its files have ${bytes} bytes, at most ${bytesMax} are accepted`,
    remedy: "List what the app does not need in .levainignore",
  },
  SOURCE_TOO_MANY_FILES: {
    owner: "user",
    status: 413,
    message: (filesMax: number) => `Cannot pack the project: it has more than ${filesMax} files`,
    remedy: "List what the app does not need in .levainignore",
  },
  SOURCE_INVALID: {
    owner: "user",
    status: 400,
    message: (what: string) => `Cannot read the uploaded project: ${what}`,
    remedy: "Send the folder with `levain deploy`, or a gzipped tar as docs/admin-api.md says",
  },
  CONFIG_INVALID: {
    owner: "user",
    status: 400,
    message: (file: string, what: string) => `Cannot use ${file}: ${what}`,
    remedy: (file: string) =>
      `Correct what is named in ${file}; docs/configuration.md lists every key with its range`,
  },
  ENTRY_NOT_FOUND: {
    owner: "user",
    status: 400,
    message: (tried: string) => `Cannot find the app's entry file: tried ${tried}`,
    remedy: "Name it with `entry` in levain.config.ts or `module` in package.json",
  },
  NAME_INVALID: {
    owner: "user",
    status: 400,
    message: (what: string, name: string, rule: string) =>
      `Cannot use "${name}" as ${what}: ${rule}`,
    remedy:
      "Give another one with `--app` or `--branch`; the app's can also be `name` in levain.config.ts",
  },
  INSTALL_FAILED: {
    owner: "user",
    status: 422,
    message: (exit: string) => `Cannot install the dependencies: bun install ended with ${exit}`,
    remedy: "Read the build output; update the lockfile with `bun install` and deploy again",
  },
  BUILD_FAILED: {
    owner: "user",
    status: 422,
    message: (what: string) => `Cannot build the app: ${what}`,
    remedy: "Read the build output, correct the cause and deploy again",
  },
  BUILD_TIMEOUT: {
    owner: "user",
    status: 422,
    message: (timeoutMs: number) =>
      `Cannot build the app: the build did not end within ${timeoutMs} ms`,
    remedy: "Make the build shorter, or raise `build.timeoutMs` in the node's configuration",
  },
  BUILD_MEMORY_EXCEEDED: {
    owner: "user",
    status: 422,
    message: (bytesMax: number) =>
      `Cannot build the app: the build used more than ${bytesMax} bytes of memory`,
    remedy: "Make the build smaller, or raise `build.memoryBytesMax` in the node's configuration",
  },
  ARTIFACT_TOO_LARGE: {
    owner: "user",
    status: 422,
    message: (bytes: number, bytesMax: number) =>
      `Cannot keep the artifact: it has ${bytes} bytes, at most ${bytesMax} are accepted`,
    remedy: "List what the app does not need at run time in .levainignore",
  },
  ARTIFACT_MISSING: {
    owner: "platform",
    status: 500,
    message: (digest: string) => `Cannot read artifact ${digest}: it is not in the artifact store`,
    remedy: "Restore the artifacts folder of the data directory, or deploy the app again",
  },
  BOOT_CRASHED: {
    owner: "user",
    status: 422,
    message: (how: string) =>
      `Cannot start the new version: it ended (${how}) before it answered a request`,
    remedy:
      "Read what it printed last, here or with `levain logs`, correct the cause and deploy again",
  },
  BOOT_TIMEOUT: {
    owner: "user",
    status: 422,
    message: (timeoutMs: number) =>
      `Cannot start the new version: it did not answer a request within ${timeoutMs} ms`,
    remedy:
      "Do long work after the server has started, or raise `limits.bootTimeoutMs` in levain.config.ts",
  },
  BOOT_UNHEALTHY: {
    owner: "user",
    status: 422,
    message: (path: string, status: number) =>
      `Cannot take the new version live: it answered the boot check GET ${path} with status ${status}`,
    remedy: "Correct the error in the app, or name a path that answers below 500 with `healthPath`",
  },
  MODULE_MISSING: {
    owner: "user",
    status: 422,
    message: (name: string) =>
      `Cannot start the new version: module "${name}" is not in the artifact`,
    remedy:
      "Add it to `dependencies` in package.json and deploy again; when it is loaded by a computed name, set `bundle: false`",
  },
  NODE_SERVER_UNSUPPORTED: {
    owner: "user",
    status: 422,
    message: () =>
      "Cannot start the new version: it listens with node:http (as Express, Fastify and NestJS do), which is not run yet",
    remedy: "Export `default { fetch(request) { … } }`, or call Bun.serve",
  },
  NO_HANDLER: {
    owner: "user",
    status: 422,
    message: (entry: string) =>
      `Cannot start the new version: ${entry} neither exports a default with \`fetch\` nor calls Bun.serve`,
    remedy: "Export `default { fetch(request) { … } }`, or call Bun.serve",
  },
  DEPLOY_CANCELLED: {
    owner: "user",
    status: 409,
    message: () => "Cannot go on with the deploy: its client went away before the version was live",
    remedy: "Deploy again; the branch still serves its old version",
  },
  DEPLOY_IN_PROGRESS: {
    owner: "user",
    status: 409,
    message: (app: string, waitingMax: number) =>
      `Cannot deploy app "${app}": ${waitingMax} deploys of it are already waiting`,
    remedy: (app: string) =>
      `Wait for them to end, as \`levain logs ${app} --follow\` shows, and deploy again`,
  },
  DEPLOYS_FULL: {
    owner: "platform",
    status: 503,
    message: (deploysMax: number) =>
      `Cannot take another deploy: the node has ${deploysMax} that run, wait or are uploaded`,
    remedy: "Deploy again when one of them has ended; `levain logs` of an app shows its deploys",
  },

  // --- control ---
  APP_UNKNOWN: {
    owner: "user",
    status: 404,
    message: (app: string) => `Cannot find app "${app}"`,
    remedy: "Run `levain apps` for the apps that exist",
  },
  BRANCH_UNKNOWN: {
    owner: "user",
    status: 404,
    message: (app: string, branch: string) => `Cannot find branch "${branch}" of app "${app}"`,
    remedy: "Run `levain apps` for the branches that exist",
  },
  ROLLBACK_NO_TARGET: {
    owner: "user",
    status: 409,
    message: (app: string, branch: string) =>
      `Cannot roll back branch "${branch}" of app "${app}": it had no other version live before`,
    remedy: (app: string) => `Choose one of \`levain versions ${app}\` and name it with \`--to\``,
  },
  STORE_UNAVAILABLE: {
    owner: "platform",
    status: 503,
    message: (what: string) => `Cannot reach the store: ${what}`,
    remedy:
      "Traffic is not affected. Try again in a few seconds; `levain status` shows the state of PostgreSQL",
  },
  STORE_TOO_NEW: {
    owner: "platform",
    status: 500,
    message: (found: number, known: number) =>
      `Cannot use the store: its schema is at migration ${found}, this Levain knows ${known}`,
    remedy: "Run the Levain release that wrote it, or a newer one",
  },
  STORE_MIGRATION_CHANGED: {
    owner: "platform",
    status: 500,
    message: (number: number, name: string) =>
      `Cannot use the store: migration ${number} (${name}) was applied in another form than this Levain has`,
    remedy: "Run the Levain release that wrote it, or restore the store from a backup",
  },
  INPUT_INVALID: {
    owner: "user",
    status: 400,
    message: (what: string) => `Cannot carry out the command: ${what}`,
    remedy: "Correct the named value; the command with `--help` shows what it takes",
  },
  ENDPOINT_UNKNOWN: {
    owner: "user",
    status: 404,
    message: (method: string, path: string) => `Cannot find admin endpoint ${method} ${path}`,
    remedy: "See docs/admin-api.md for the endpoints",
  },
  ORIGIN_REFUSED: {
    owner: "user",
    status: 403,
    message: (header: string, value: string) =>
      `Cannot answer the admin request: ${header} "${value}" is not this node`,
    remedy: "Use the unix socket, or http://127.0.0.1 with the admin port",
  },
  ADMIN_BODY_TOO_LARGE: {
    owner: "user",
    status: 413,
    message: (bytesMax: number) =>
      `Cannot read the admin request: its body is larger than ${bytesMax} bytes`,
    remedy: "Send only the fields that docs/admin-api.md lists",
  },
  CONSENT_MISSING: {
    owner: "user",
    status: 400,
    message: (app: string) => `Cannot delete app "${app}": there is no consent to it by name`,
    remedy: (app: string) =>
      `Add \`--confirm ${app}\`; its versions, logs and addresses cannot be brought back`,
  },
  INTERRUPTED: {
    owner: "user",
    status: 499,
    message: () => "Cannot complete the command: it was interrupted",
    remedy: "Run it again; `levain status` and `levain apps` show how far it came",
  },

  // --- node ---
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
      "Make room and run the command again: `du -sh` of the data directory's folders shows where it went, `levain delete` removes an app",
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
  INTERNAL: {
    owner: "platform",
    status: 500,
    message: () => "Cannot complete the operation: something unexpected went wrong in Levain",
    remedy: "Report it with the request id and the lines of node.log in the data directory",
  },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof CATALOG;
