/** An app that says which Bun it runs on. */
export default { fetch: () => new Response(process.execPath) };
