/** Keeps and lists verdicts about runtimes. */
import { versionOf } from "../runtimes/runtime-name.ts";
import { keptVerdict } from "../runtimes/verdict.ts";
import type { Principal } from "./access.ts";
import type { InputOf, OutputOf, VerdictInfo } from "./api.ts";
import type { AdminDeps } from "./deps.ts";

type VerdictDeps = Pick<AdminDeps, "store" | "clock">;

/** @throws {PlatformError} `RUNTIME_INVALID` */
export async function addVerdicts(
  { store, clock }: VerdictDeps,
  { verdicts }: InputOf<"verdictAdd">,
  principal: Principal,
): Promise<OutputOf<"verdictAdd">> {
  for (const { runtime } of verdicts) versionOf(runtime);
  const atMs = clock.wallMs();
  for (const verdict of verdicts) {
    await store.addVerdict({ runtime: verdict.runtime, atMs, by: principal.name, verdict });
  }
  return { kept: verdicts.map(({ runtime }) => runtime) };
}

/** Newest first. What an earlier release wrote and this one cannot read is left out. */
export async function listVerdicts(
  { store }: Pick<VerdictDeps, "store">,
  runtime: string | undefined,
): Promise<VerdictInfo[]> {
  return (await store.verdicts(runtime ?? null)).flatMap(({ verdict, atMs, by }) => {
    const read = keptVerdict.safeParse(verdict);
    return read.success ? [{ ...read.data, atMs, by }] : [];
  });
}
