/** Counts its requests in memory: what a freeze must not lose. */
let count = 0;

export default {
  fetch(): Response {
    count += 1;
    return new Response(String(count));
  },
};
