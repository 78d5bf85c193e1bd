/** The one table of what each endpoint does. Inputs are validated here, outputs are typed by the contract. */
import { z } from "zod";
import { appNameProblem } from "../deploy/names.ts";
import { assertMayUse, mayUse, type Principal } from "./access.ts";
import type { CallNote } from "./admin-audit.ts";
import {
  auditQuery,
  backupInput,
  collectInput,
  databaseDropQuery,
  databaseMakeInput,
  databaseReadOnlyInput,
  databaseResetInput,
  databasesQuery,
  databaseUrlQuery,
  deployQuery,
  domainAddInput,
  domainRemoveQuery,
  domainsQuery,
  dumpQuery,
  dumpRestoreQuery,
  envApplyInput,
  envChangeInput,
  envDiffInput,
  envQuery,
  exportQuery,
  inspectQuery,
  logsQuery,
  migrationsQuery,
  type OutputOf,
  packagesQuery,
  promoteInput,
  promotePlanInput,
  removeQuery,
  rollbackInput,
  tokenCreateInput,
  tokenRevokeInput,
  verdictAddInput,
  verdictsQuery,
} from "./api.ts";
import { listApps, listVersions } from "./apps.ts";
import { backupStream } from "./backup.ts";
import { dumpAnswer, restoreUpload } from "./database-dump.ts";
import {
  dropDatabase,
  listDatabases,
  makeDatabase,
  resetDatabase,
  setReadOnly,
  urlOfDatabase,
} from "./databases.ts";
import { deployStream } from "./deploy.ts";
import type { AdminDeps } from "./deps.ts";
import { addDomain, listDomains, removeDomain } from "./domains.ts";
import type { EndpointMatch, EndpointName } from "./endpoints.ts";
import { applyEnv, changeEnv, diffEnv, listEnv } from "./env.ts";
import { exportApp } from "./export.ts";
import { parseInput } from "./input-issues.ts";
import { inspect, packagesOf } from "./inspect.ts";
import { readJsonBody } from "./json-body.ts";
import {
  adminBodyBytesMax,
  adminBodyTimeoutMs,
  envBodyBytesMax,
  verdictBodyBytesMax,
} from "./limits.ts";
import { logsStream } from "./logs.ts";
import { metricsResponse } from "./metrics.ts";
import { listMigrations } from "./migrations.ts";
import { planPromote, promote } from "./promote.ts";
import { remove } from "./remove.ts";
import { rollback } from "./rollback.ts";
import { createToken, listAudit, tokenInfoOf, whoami } from "./tokens.ts";
import { addVerdicts, listVerdicts } from "./verdicts.ts";

/** One request to an endpoint. */
export interface AdminCall {
  request: Request;
  query: URLSearchParams;
  deps: AdminDeps;
  principal: Principal;
  /** What the audit log is to say of it. */
  note: CallNote;
  /** Aborted when the client goes away. */
  signal: AbortSignal;
  /** Aborted when the server stops, with `NODE_DRAINING` as its reason. */
  stopping: AbortSignal;
  /** Takes the idle limit off the request's connection. */
  unboundIdle(): void;
}

type Answer<Name extends EndpointName> = [OutputOf<Name>] extends [never]
  ? Response
  : OutputOf<Name>;

const CALLS: {
  [Name in EndpointName]: (call: AdminCall, app: string) => Answer<Name> | Promise<Answer<Name>>;
} = {
  status: ({ deps }) => deps.status(),
  whoami: ({ deps, principal }) => whoami(deps, principal),
  apps: async ({ deps, principal }) => ({
    apps: (await listApps(deps)).filter(({ name }) => mayUse(principal, name)),
  }),
  versions: async ({ deps }, app) => ({ app, versions: await listVersions(deps, app) }),
  deploy(call) {
    const query = readQuery(deployQuery, call);
    const { principal, note } = call;
    note.add({ branch: query.branch, commit: query.commit ?? null, force: query.force });
    note.about(query.app ?? null);
    const assertMayDeploy = (app: string) => assertMayUse(principal, app);
    if (query.app !== undefined) assertMayDeploy(query.app);
    call.unboundIdle();
    const end = note.later();
    return deployStream(call.deps, query, call.request.body ?? emptyBody(), {
      signal: call.signal,
      stopping: stoppingOf(call),
      name: principal.name,
      token: principal.kind === "token" ? principal.name : null,
      assertMayDeploy,
      ended(how) {
        note.about(how.app);
        if ("code" in how) return end(how.code);
        note.add({ version: how.result.version, digest: how.result.digest });
        end("ok");
      },
    });
  },
  async promote(call, app) {
    const input = await readInput(promoteInput, call);
    call.note.add(input);
    call.unboundIdle();
    const promoted = await promote(call.deps, app, input, stoppingOf(call));
    if (promoted.version !== input.version) call.note.add({ live: promoted.version });
    return promoted;
  },
  promotePlan: async (call, app) =>
    planPromote(call.deps, app, await readInput(promotePlanInput, call)),
  async rollback(call, app) {
    const { branch, to } = await readInput(rollbackInput, call);
    call.note.add({ branch });
    const change = await rollback(call.deps, app, { branch, to });
    call.note.add({ version: change.version });
    return change;
  },
  remove(call, app) {
    const query = readQuery(removeQuery, call);
    const { branch, version } = query;
    call.note.add({ ...(branch && { branch }), ...(version && { version }) });
    return remove(call.deps, app, query);
  },
  env: (call, app) => listEnv(call.deps, app, readQuery(envQuery, call)),
  async envChange(call, app) {
    const input = await readInput(envChangeInput, call, envBodyBytesMax);
    const { scope, set, unset } = input;
    const branch = scope === "branch" ? input.branch : scope;
    call.note.add({ branch, set: Object.keys(set).join(","), unset: unset.join(",") });
    return changeEnv(call.deps, app, input, call.principal.name);
  },
  envDiff: async (call, app) =>
    diffEnv(call.deps, app, await readInput(envDiffInput, call, envBodyBytesMax)),
  async envApply(call, app) {
    const input = await readInput(envApplyInput, call);
    call.note.add(input);
    call.unboundIdle();
    const applied = await applyEnv(call.deps, app, input, stoppingOf(call));
    call.note.add({ version: applied.version });
    return applied;
  },
  verdicts: async (call) => ({
    verdicts: await listVerdicts(call.deps, readQuery(verdictsQuery, call).runtime),
  }),
  async verdictAdd(call) {
    const input = await readInput(verdictAddInput, call, verdictBodyBytesMax);
    const words = input.verdicts.map(
      ({ runtime, isPassed }) => `${runtime} ${isPassed ? "passed" : "failed"}`,
    );
    call.note.add({ verdicts: words.join(", ") });
    return addVerdicts(call.deps, input, call.principal);
  },
  keyRotate(call) {
    call.unboundIdle();
    return call.deps.rotateKey();
  },
  inspect: (call, app) => inspect(call.deps, app, readQuery(inspectQuery, call)),
  packages: (call, app) => packagesOf(call.deps, app, readQuery(packagesQuery, call)),
  databaseDump(call, app) {
    const { branch } = readQuery(dumpQuery, call);
    call.note.add({ branch });
    call.unboundIdle();
    return dumpAnswer(call.deps, app, branch);
  },
  databaseRestore(call, app) {
    const query = readQuery(dumpRestoreQuery, call);
    call.note.add({ branch: query.branch });
    call.unboundIdle();
    return restoreUpload(call.deps, app, query, call.request.body ?? emptyBody());
  },
  export(call, app) {
    const query = readQuery(exportQuery, call);
    call.note.add(query);
    call.unboundIdle();
    return exportApp(call.deps, app, query);
  },
  async gc(call) {
    const { isDryRun } = await readInput(collectInput, call);
    call.note.add({ isDryRun });
    return call.deps.collect(isDryRun);
  },
  async backup(call) {
    const { access, ...request } = await readInput(backupInput, call);
    const { to, withLogs } = request;
    call.note.add({ to: to ?? call.deps.backups.facts().to, withLogs });
    call.unboundIdle();
    return backupStream(
      call.deps,
      // A whole set of its own: half of each would be neither's.
      access === undefined ? request : { ...request, access: { ...noAccess, ...access } },
      { signal: call.signal, stopping: stoppingOf(call), ended: call.note.later() },
    );
  },
  async backups({ deps }) {
    const backups = await deps.backups.list();
    return { to: deps.backups.facts().to ?? "", backups };
  },
  async ps({ deps, principal }) {
    const { instancesMax, memory } = await deps.status();
    const { budgetBytes, usedBytes, level } = memory;
    return {
      instances: (await deps.instances()).filter(({ app }) => mayUse(principal, app)),
      instancesMax,
      memory: { budgetBytes, usedBytes, level },
    };
  },
  async migrations(call, app) {
    return listMigrations(call.deps, app, readQuery(migrationsQuery, call));
  },
  async logs(call, app) {
    const query = readQuery(logsQuery, call);
    call.unboundIdle();
    const { signal } = call;
    return logsStream(call.deps, app, query, { signal, stopping: stoppingOf(call) });
  },
  metrics: ({ deps }) => metricsResponse(deps),
  async domains(call) {
    const { app } = readQuery(domainsQuery, call);
    return { domains: await listDomains(call.deps, call.principal, app) };
  },
  async domainAdd(call, app) {
    const input = await readInput(domainAddInput, call);
    call.note.add(input);
    const domain = await addDomain(call.deps, app, input);
    call.note.add({ host: domain.host, isVerified: domain.isVerified });
    return domain;
  },
  async domainRemove(call, app) {
    const { host } = readQuery(domainRemoveQuery, call);
    call.note.add({ host });
    return removeDomain(call.deps, app, host);
  },
  databases: (call) =>
    listDatabases(call.deps, call.principal, readQuery(databasesQuery, call).app),
  async databaseMake(call, app) {
    const input = await readInput(databaseMakeInput, call);
    call.note.add(input);
    call.unboundIdle();
    return makeDatabase(call.deps, app, input);
  },
  async databaseReset(call, app) {
    const { confirm, ...input } = await readInput(databaseResetInput, call);
    call.note.add(input);
    call.unboundIdle();
    return resetDatabase(call.deps, call.principal, app, { ...input, confirm });
  },
  async databaseReadOnly(call, app) {
    const input = await readInput(databaseReadOnlyInput, call);
    call.note.add(input);
    return setReadOnly(call.deps, app, input);
  },
  databaseUrl(call, app) {
    const query = readQuery(databaseUrlQuery, call);
    call.note.add(query);
    return urlOfDatabase(call.deps, app, query);
  },
  databaseDrop(call, app) {
    const { branch, confirm } = readQuery(databaseDropQuery, call);
    call.note.add({ branch });
    call.unboundIdle();
    return dropDatabase(call.deps, call.principal, app, { branch, confirm });
  },
  tokens: async ({ deps }) => ({ tokens: (await deps.tokens.list()).map(tokenInfoOf) }),
  async tokenCreate(call) {
    const input = await readInput(tokenCreateInput, call);
    const { name, role, apps } = input;
    call.note.add({ token: name, role, apps: apps?.join(",") ?? null });
    const created = await createToken(call.deps, input);
    call.note.add({ id: created.id });
    return created;
  },
  async tokenRevoke(call) {
    const { token } = await readInput(tokenRevokeInput, call);
    call.note.add({ token });
    const revoked = await call.deps.tokens.revoke(token);
    call.note.add({ token: revoked.name, id: revoked.id });
    return tokenInfoOf(revoked);
  },
  async audit(call) {
    const { deps, principal } = call;
    return { entries: await listAudit(deps, principal, readQuery(auditQuery, call)) };
  },
  down({ deps }) {
    // After the answer is on its way; the node ends connections only when it is sent.
    setImmediate(() => deps.shutdown());
    return { pid: process.pid };
  },
};

/** @throws {PlatformError} `INPUT_INVALID` naming the field, or what the endpoint has against it. */
export async function answerCall(match: EndpointMatch, call: AdminCall): Promise<Response> {
  const app = match.app === "" ? "" : parseInput(appParameter, match.app, "app");
  const answer = await CALLS[match.name](call, app);
  if (answer instanceof Response) return answer;
  return Response.json(answer, { headers: { "cache-control": "no-store" } });
}

function readQuery<Schema extends z.ZodObject>(
  schema: Schema,
  { query }: AdminCall,
): z.output<Schema> {
  return parseInput(
    z.strictObject(schema.shape),
    Object.fromEntries(query),
    "query",
  ) as z.output<Schema>;
}

async function readInput<Schema extends z.ZodType>(
  schema: Schema,
  { request }: AdminCall,
  bytesMax = adminBodyBytesMax,
): Promise<z.output<Schema>> {
  return parseInput(schema, await readJsonBody(request, adminBodyTimeoutMs, bytesMax), "body");
}

const noAccess = {
  accessKeyId: undefined,
  secretAccessKey: undefined,
  sessionToken: undefined,
  region: undefined,
  endpoint: undefined,
};

/** Checked before anything looks for it: it becomes part of paths and host names. */
const appParameter = z.string().superRefine((name, context) => {
  const problem = appNameProblem(name);
  if (problem !== null) context.addIssue({ code: "custom", message: problem });
});

/** Both ends of what a token does, by the token's; made once, since the server's keeps all that was ever joined to it. */
const joined = new WeakMap<AbortSignal, { stopping: AbortSignal; both: AbortSignal }>();

/** A stream ends with the server, and with the token that it was asked with. */
function stoppingOf({ stopping, principal }: AdminCall): AbortSignal {
  const ended = principal.ended();
  if (ended === null) return stopping;
  let join = joined.get(ended);
  if (join?.stopping !== stopping) {
    join = { stopping, both: AbortSignal.any([stopping, ended]) };
    joined.set(ended, join);
  }
  return join.both;
}

function emptyBody(): ReadableStream<Uint8Array> {
  return new Blob([]).stream();
}
