/** Counts by name, and waiting until a name was noted: what a test asks the app afterwards. */
export class Notes {
  readonly #counts = new Map<string, number>();
  readonly #waiting = new Map<string, (() => void)[]>();

  add(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
    for (const resolve of this.#waiting.get(name) ?? []) resolve();
    this.#waiting.delete(name);
  }

  count(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  /** Resolves when the name has been noted, at once when it already was. */
  async noted(name: string): Promise<void> {
    if (this.count(name) > 0) return;
    await new Promise<void>((resolve) => {
      this.#waiting.set(name, [...(this.#waiting.get(name) ?? []), resolve]);
    });
  }

  /** `/marks/count?name=`, `/marks/wait?name=` and `/marks/add?name=`: answers with the count. */
  async answer(url: URL): Promise<Response> {
    const name = url.searchParams.get("name") ?? "";
    if (url.pathname === "/marks/add") this.add(name);
    if (url.pathname === "/marks/wait") await this.noted(name);
    return new Response(String(this.count(name)));
  }
}

/** The notes of this process. */
export const notes = new Notes();
