/** What a pool is made with. */
import type { TurnClock } from "../base/turn-clock.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import type { Pager } from "../sandbox/pager.ts";
import type { LogSink } from "../telemetry/log-record.ts";
import type { RequestLog } from "../telemetry/request-log.ts";
import type { BootOptions } from "./boot.ts";
import type { MemoryRoom } from "./memory-room.ts";
import type { Places } from "./places.ts";
import type { Ticks } from "./ticks.ts";

export interface PoolOptions extends BootOptions {
  spec: VersionSpec;
  log: LogSink;
  /** That of the spares, whose processes read it when their wire has something to say. */
  clock: TurnClock;
  /** Of the node; shared by all pools. */
  places: Places;
  /** Of the node; shared by all pools. */
  room: MemoryRoom;
  /** Of the node; shared by all pools. */
  ticks: Ticks;
  /** Default: nothing is paged out. */
  pager?: Pager;
  /** Default: requests are not recorded. */
  requestLog?: RequestLog;
}
