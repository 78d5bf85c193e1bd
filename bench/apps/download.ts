/** Answers with 100 KB that are there already. */
const body = "x".repeat(100 * 1000);

export default {
  fetch: () => new Response(body),
};
