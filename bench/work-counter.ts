/**
 * Counts what code does in its own process without being told: timers, turns of the event loop that it asks for, bytes
 * that it copies and bytes that it makes strings of. Wraps what the runtime offers, so the product is as it is.
 *
 * Call `countWork` before the code that is counted is imported. What native code copies, and what a constructor copies, is
 * not seen.
 */

export interface Work {
  /** `setTimeout` and `setInterval`. Count. */
  timers: number;
  /** `setImmediate`. Count. */
  turns: number;
  /** By `copy` and `set`, from one buffer to another. Bytes. */
  copiedBytes: number;
  /** From buffer to string and back. Bytes. */
  textBytes: number;
}

const work: Work = { timers: 0, turns: 0, copiedBytes: 0, textBytes: 0 };

type Method = (this: Uint8Array, ...args: never[]) => unknown;
type Owner = Record<string, unknown>;

/** Puts `wrapped` in the place of a method; `count` hears of each call. */
function wrap(owner: object, name: string, count: (result: unknown) => void) {
  const methods = owner as Owner;
  const original = methods[name] as Method;
  methods[name] = function (this: Uint8Array, ...args: never[]) {
    const result = original.apply(this, args);
    count(result);
    return result;
  };
}

let isCounting = false;

/** Starts counting in this process, for good. Twice is safe. */
export function countWork(): void {
  if (isCounting) return;
  isCounting = true;
  const { prototype } = Buffer;
  wrap(prototype, "copy", (bytes) => {
    work.copiedBytes += bytes as number;
  });
  for (const name of ["latin1Slice", "utf8Slice", "asciiSlice", "toString"]) {
    if (!(name in prototype)) continue;
    wrap(prototype, name, (text) => {
      work.textBytes += (text as string).length;
    });
  }
  for (const name of ["latin1Write", "utf8Write", "asciiWrite", "write"]) {
    if (!(name in prototype)) continue;
    wrap(prototype, name, (bytes) => {
      work.textBytes += bytes as number;
    });
  }
  const typed = Object.getPrototypeOf(Uint8Array.prototype) as Owner;
  const set = typed["set"] as (this: Uint8Array, from: ArrayLike<number>, at?: number) => void;
  typed["set"] = function (this: Uint8Array, from: ArrayLike<number>, at?: number) {
    work.copiedBytes += from.length;
    set.call(this, from, at);
  };
  for (const name of ["setTimeout", "setInterval"] as const) {
    const original = globalThis[name];
    const counted = (...args: Parameters<typeof setTimeout>) => {
      work.timers += 1;
      return original(...args);
    };
    (globalThis as unknown as Owner)[name] = Object.assign(counted, original);
  }
  const original = globalThis.setImmediate;
  const counted = (...args: Parameters<typeof setImmediate>) => {
    work.turns += 1;
    return original(...args);
  };
  (globalThis as unknown as Owner)["setImmediate"] = Object.assign(counted, original);
}

/** What was done since `countWork`. */
export function workSoFar(): Work {
  return { ...work };
}
