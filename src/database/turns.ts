/** One piece of work after the other for each app: two copies of one database would each wait for the other to be gone. */
import { PlatformError } from "../base/errors.ts";
import { databaseTurnsMax } from "./limits.ts";

export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();
  readonly #waiting = new Map<string, number>();

  /** Does it when all that was asked for before is done. @throws {PlatformError} `DATABASE_BUSY` when too much waits */
  async take<Result>(app: string, work: () => Promise<Result>): Promise<Result> {
    const waiting = this.#waiting.get(app) ?? 0;
    if (waiting >= databaseTurnsMax) {
      throw new PlatformError("DATABASE_BUSY", [app, `${waiting} others wait for it`]);
    }
    this.#waiting.set(app, waiting + 1);
    const before = this.#last.get(app) ?? Promise.resolve();
    const done = before.then(work);
    const settled = done.catch(() => {});
    this.#last.set(app, settled);
    try {
      return await done;
    } finally {
      const left = this.#waiting.get(app)! - 1;
      if (left > 0) this.#waiting.set(app, left);
      else this.#waiting.delete(app);
      if (this.#last.get(app) === settled) this.#last.delete(app);
    }
  }
}
