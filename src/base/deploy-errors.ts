/** Errors of a deploy: what was sent, how it was built, whether it serves. */
import type { ErrorRow } from "./error-row.ts";

export const deployErrors = {
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
  START_UNKNOWN: {
    owner: "user",
    status: 400,
    message: (what: string) =>
      `Cannot start the app: "${what}" is neither a module of the project nor a program of its packages`,
    remedy:
      'Name the module that serves: `start: "node build/index.js"` in levain.config.ts, or `entry`',
  },
  BUILD_OUTPUT_MISSING: {
    owner: "user",
    status: 422,
    message: (what: string) => `Cannot deploy what was built: ${what}`,
    remedy:
      "Say what to start with `start` or which folder to serve with `assets`; docs/frameworks.md has what is expected",
  },
  LOCKFILE_MISSING: {
    owner: "user",
    status: 422,
    message: () =>
      "Cannot install the dependencies: there is no lockfile, so their versions would be chosen now",
    remedy:
      "Run `bun install` and commit bun.lock; lockfiles of npm, pnpm and Yarn will do as well",
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
  BUILD_PROCESSES_EXCEEDED: {
    owner: "user",
    status: 422,
    message: (processesMax: number) =>
      `Cannot build: its processes are more than ${processesMax} at once`,
    remedy:
      "Let the build start fewer, such as with fewer workers; the last lines show where it was",
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
      "Cannot start the new version: it listens with node:http (as Express, Fastify and NestJS do) and has `ephemeral: true`",
    remedy:
      "Take `ephemeral` out of levain.config.ts, or export `default { fetch(request) { … } }`",
  },
  NEVER_LISTENED: {
    owner: "user",
    status: 422,
    message: (timeoutMs: number) =>
      `Cannot start the new version: it ran, and did not begin to serve within ${timeoutMs} ms`,
    remedy:
      "Listen on `process.env.PORT`, or export `default { fetch(request) { … } }`; read in what it printed last what it waits for",
  },
  SERVERS_SEVERAL: {
    owner: "user",
    status: 422,
    message: (ports: string) =>
      `Cannot start the new version: it listens on ports ${ports}, and none of them is PORT`,
    remedy: "Let the server that is to answer requests listen on `process.env.PORT`",
  },
  SERVER_TLS: {
    owner: "user",
    status: 422,
    message: (port: string) =>
      `Cannot start the new version: it listens on port ${port} with TLS, which ends in front of an app`,
    remedy:
      "Listen with node:http on `process.env.PORT`; `x-forwarded-proto` says what a client uses",
  },
  SERVER_RAW: {
    owner: "user",
    status: 422,
    message: (port: string) =>
      `Cannot start the new version: it may not listen on TCP port ${port}`,
    remedy:
      "Serve HTTP, with node:http or Bun.serve, on any port; for another protocol declare `permissions: { listen: true }`",
  },
  SERVER_CLUSTER: {
    owner: "user",
    status: 422,
    message: () =>
      "Cannot start the new version: it starts workers with node:cluster, which cannot share a port here",
    remedy: "Listen in the first process, and set `instances` in levain.config.ts for more of them",
  },
  NO_HANDLER: {
    owner: "user",
    status: 422,
    message: (entry: string) =>
      `Cannot start the new version: ${entry} neither exports a default with \`fetch\` nor listens`,
    remedy:
      "Export `default { fetch(request) { … } }`, call Bun.serve, or listen with node:http on `process.env.PORT`",
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
    message: (whose: string, deploysMax: number) =>
      `Cannot take another deploy: ${whose} has ${deploysMax} that run, wait or are uploaded`,
    remedy: "Deploy again when one of them has ended; `levain logs` of an app shows its deploys",
  },
} as const satisfies Record<string, ErrorRow>;
