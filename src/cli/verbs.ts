/**
 * Every verb by its name, in the order of `levain --help`. Loaded one at a time: a command pays for no other verb.
 */
import type { Verb } from "./verb.ts";

export const VERBS: Readonly<Record<string, () => Promise<Verb>>> = {
  new: async () => (await import("./new.ts")).newVerb,
  dev: async () => (await import("./dev.ts")).dev,
  demo: async () => (await import("./demo.ts")).demo,
  up: async () => (await import("./up.ts")).up,
  down: async () => (await import("./down.ts")).down,
  status: async () => (await import("./status.ts")).status,
  login: async () => (await import("./login.ts")).login,
  context: async () => (await import("./context.ts")).context,
  token: async () => (await import("./token.ts")).token,
  doctor: async () => (await import("./doctor.ts")).doctor,
  broker: async () => (await import("./broker.ts")).broker,
  gc: async () => (await import("./gc.ts")).gc,
  backup: async () => (await import("./backup.ts")).backup,
  restore: async () => (await import("./restore.ts")).restore,
  deploy: async () => (await import("./deploy.ts")).deploy,
  env: async () => (await import("./env.ts")).env,
  promote: async () => (await import("./promote.ts")).promote,
  rollback: async () => (await import("./rollback.ts")).rollback,
  export: async () => (await import("./export.ts")).exportVerb,
  remove: async () => (await import("./remove.ts")).remove,
  domains: async () => (await import("./domains.ts")).domains,
  db: async () => (await import("./db.ts")).db,
  apps: async () => (await import("./apps.ts")).apps,
  versions: async () => (await import("./versions.ts")).versions,
  inspect: async () => (await import("./inspect.ts")).inspect,
  open: async () => (await import("./open.ts")).open,
  ps: async () => (await import("./ps.ts")).ps,
  audit: async () => (await import("./audit.ts")).audit,
  logs: async () => (await import("./logs.ts")).logs,
  perf: async () => (await import("./perf.ts")).perf,
  bench: async () => (await import("./bench.ts")).bench,
  qualify: async () => (await import("./qualify.ts")).qualify,
  errors: async () => (await import("./errors.ts")).errors,
  completion: async () => (await import("./completion.ts")).completion,
  version: async () => (await import("./version.ts")).version,
  help: async () => (await import("./help.ts")).help,
};

export function loadVerbs(): Promise<Verb[]> {
  return Promise.all(Object.values(VERBS).map((load) => load()));
}

/** Names that verbs had before, still understood and not shown. */
export const FORMER_NAMES: Readonly<Record<string, string>> = { delete: "remove" };
