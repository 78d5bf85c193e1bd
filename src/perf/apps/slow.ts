/** Waits, as for a database: `/?ms=50`, at most a second. */
export default {
  async fetch(request: Request): Promise<Response> {
    const ms = Number(/[?&]ms=(\d+)/.exec(request.url)?.[1] ?? 50);
    await Bun.sleep(Math.min(ms, 1000));
    return new Response("ok");
  },
};
