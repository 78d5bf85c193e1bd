/** The smallest app: what is measured is everything around it. */
export default {
  fetch: () => new Response("ok"),
};
