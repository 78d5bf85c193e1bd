/** What `levain ps` shows: one row for each version with a process, a failure or a live branch. Looking wakes nobody. */
import type { InstanceInfo } from "./control/api.ts";
import type { Lane } from "./lane.ts";

export function instancesOf(lane: Lane, nowMs: number): InstanceInfo[] {
  const { apps } = lane.router.table;
  const rows: InstanceInfo[] = [];
  for (const pool of lane.pools.all()) {
    const { app, number } = pool.spec;
    const branches = Object.entries(apps[app]?.branches ?? {})
      .filter(([, { live }]) => live === number)
      .map(([name]) => name);
    const facts = pool.facts(nowMs);
    const hasProcess = facts.state !== "stopped" && facts.state !== "static";
    if (!hasProcess && branches.length === 0) continue;
    const { traffic } = pool;
    // Without a process nothing is admitted: what was answered is what was asked.
    const requests = facts.state === "static" ? traffic.answers.total : facts.requests;
    rows.push({ app, version: number, branches, ...facts, requests, ...traffic.facts() });
  }
  return rows.sort((a, b) => (a.app === b.app ? b.version - a.version : a.app < b.app ? -1 : 1));
}
