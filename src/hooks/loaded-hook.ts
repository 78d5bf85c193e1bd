/** A hook that can be called, and the entry of the configuration that it comes from. Plain data goes in. */
import type { RequestHook, ResponseHook } from "../../sdk/src/hooks.ts";

/** What the configuration says about one hook. Plain JSON, so that another process can load it too. */
export interface HookSource {
  /** As it was written: `./hooks/quota.ts`, `levain/hooks/cors`. Names the hook in logs. */
  module: string;
  /** Absolute path of the folder that a relative name counts from. */
  folder: string;
  /** Absent when none were given. */
  options?: unknown;
}

export interface LoadedHook {
  /** The module as the configuration names it. */
  name: string;
  onRequest: RequestHook | null;
  onResponse: ResponseHook | null;
}
