/** Waits as an app does that asks a database: 50 ms without computing. */
export default {
  async fetch(): Promise<Response> {
    await Bun.sleep(50);
    return new Response("ok");
  },
};
