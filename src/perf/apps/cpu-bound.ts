/**
 * Computes for about a millisecond: a fixed amount of work, so that a request that has to share its core takes longer.
 */
const steps = 500_000;

export default {
  fetch(): Response {
    let state = 1;
    for (let step = 0; step < steps; step++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
    }
    return new Response(String(state));
  },
};
