/**
 * What one process, with all that it starts, is held to: by a cgroup where the node may make one, and by being looked
 * at. Limits of the kernel for single processes are set when it starts (`runner-launch.ts`).
 *
 *   made ──take()──▶ in its group ──hold()──▶ held to its version's limits ──kill()──▶ ended ──remove()──▶ gone
 */
import type { PlatformError } from "../base/errors.ts";
import type { VersionLimits } from "../base/version-spec.ts";
import type { Cgroup } from "../sandbox/cgroup.ts";
import type { CgroupHeld } from "../sandbox/cgroup-controllers.ts";
import type { DiskMeter } from "../sandbox/disk-meter.ts";
import { folderUse } from "../sandbox/folder-use.ts";
import { type Freezer, freezerOf } from "../sandbox/freezer.ts";
import { treeUse, unmappedBytes } from "../sandbox/tree-use.ts";
import { endProcessesOf } from "../sandbox/user-processes.ts";
import { DiskWatch } from "./disk-watch.ts";
import { memoryRoomBytesMin, memoryRoomShare, unmappedSampleMs } from "./limits.ts";
import { type Resources, ResourceWatch } from "./resource-watch.ts";

export class ProcessBounds implements Resources {
  readonly #cgroup: Cgroup | null;
  readonly #diskMeter: DiskMeter;
  readonly #taken = Promise.withResolvers<void>();
  #pid = 0;
  #freezer: Freezer | null = null;
  #folders: readonly string[] = [];
  #uid: number | null = null;
  #limits: VersionLimits | null = null;
  #watch: ResourceWatch | null = null;
  #diskWatch: DiskWatch | null = null;
  /** As of the latest look, which is under way when it is not the last. */
  #unmapped = { bytes: 0, atMs: Number.NEGATIVE_INFINITY, isLooking: false };

  /**
   * @param cgroup is removed with these bounds; null: the node may make none
   * @param diskMeter of the file system that the process may write to
   */
  constructor(cgroup: Cgroup | null, diskMeter: DiskMeter) {
    this.#cgroup = cgroup;
    this.#diskMeter = diskMeter;
  }

  /** Resolves when the process is in its group: nothing of an app may run before. */
  get taken(): Promise<void> {
    return this.#taken.promise;
  }

  /**
   * Puts the process into its group. Rejects when it cannot be; `taken` never resolves then.
   *
   * @param folders where it may write
   * @param uid user of it alone; null: that of others too
   */
  async take(pid: number, folders: readonly string[], uid: number | null): Promise<void> {
    this.#pid = pid;
    this.#uid = uid;
    this.#folders = folders;
    await this.#cgroup?.join(pid);
    this.#taken.resolve();
  }

  /** Sets the limits of the version that the process becomes; called once, after `take`, before anything of it runs. */
  hold(app: string, limits: VersionLimits, nowMs: number): void {
    this.#limits = limits;
    this.#watch = new ResourceWatch(app, limits, this);
    const count = () =>
      folderUse(this.#folders, {
        bytesMax: limits.diskBytesMax,
        filesMax: limits.diskFilesMax,
        pids: this.#pids(),
      });
    this.#diskWatch = new DiskWatch(app, limits, this.#diskMeter, count, nowMs);
    const { memoryBytesMax, cpuCoresMax, processesMax } = limits;
    const roomBytes = Math.max(memoryRoomBytesMin, Math.ceil(memoryBytesMax * memoryRoomShare));
    this.#cgroup?.limit({ memoryBytesMax: memoryBytesMax + roomBytes, cpuCoresMax, processesMax });
  }

  /** Lets the process and all that it has started sleep; after `taken`. */
  get freezer(): Freezer {
    this.#freezer ??= freezerOf(this.#pid, this.#cgroup);
    return this.#freezer;
  }

  /** See `ResourceWatch` and `DiskWatch`; null before `hold`. */
  look(
    nowMs: number,
    running: number,
    note: (breach: PlatformError) => void,
  ): PlatformError | null {
    return this.#watch?.look(nowMs, running, note) ?? this.#diskWatch?.look(nowMs) ?? null;
  }

  /** Why the kernel has ended the process, when it was for one of its limits. Before `remove`. */
  causeOfEnd(signal: string | null, nowMs: number): PlatformError | null {
    return signal === "SIGKILL" ? (this.#watch?.killedForMemory(nowMs) ?? null) : null;
  }

  /** What its version wants it held to; null before `hold`. */
  get limits(): VersionLimits | null {
    return this.#limits;
  }

  /** What the kernel says that the group holds it to; null without a group. */
  held(): CgroupHeld | null {
    return this.#cgroup?.held() ?? null;
  }

  /** Ends every process of it at once, where a group knows them. Twice is safe. */
  kill(): void {
    this.#cgroup?.kill();
  }

  /** Resolves when the group is gone, with all that was in it. Never rejects. */
  async remove(): Promise<void> {
    await this.#cgroup?.remove();
    // A group that can be ended whole leaves nothing.
    if (this.#uid !== null && !this.#cgroup?.has("freezer")) await endProcessesOf(this.#uid);
  }

  // --- what the watch asks ---

  get isMemoryHeld(): boolean {
    return this.#cgroup?.has("memory") ?? false;
  }

  memoryBytes(): number | null {
    if (this.isMemoryHeld) return this.#cgroup!.memoryBytes();
    const use = treeUse(this.#pid, this.#limits!.processesMax);
    if (use === null) return null;
    this.#lookForUnmapped(use.pids);
    return use.memoryBytes + this.#unmapped.bytes;
  }

  oomKills(): number {
    return this.#cgroup?.oomKills() ?? 0;
  }

  processes(): number | null {
    if (this.#cgroup?.has("pids")) return null;
    return treeUse(this.#pid, this.#limits!.processesMax)?.processes ?? null;
  }

  processesRefused(): number | null {
    return this.#cgroup?.processesRefused() ?? null;
  }

  cpu(): { periods: number; throttled: number } | null {
    return this.#cgroup?.cpu() ?? null;
  }

  #pids(): readonly number[] {
    if (this.#cgroup !== null) return this.#cgroup.pids();
    return treeUse(this.#pid, this.#limits!.processesMax)?.pids ?? [];
  }

  /** What it finds is counted from the next look on. */
  #lookForUnmapped(pids: readonly number[]): void {
    const unmapped = this.#unmapped;
    const nowMs = performance.now();
    if (unmapped.isLooking || nowMs - unmapped.atMs < unmappedSampleMs) return;
    unmapped.isLooking = true;
    void unmappedBytes(pids).then((bytes) => {
      this.#unmapped = { bytes, atMs: performance.now(), isLooking: false };
    });
  }
}
