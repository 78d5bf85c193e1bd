/** The least an app can do. */
export default {
  fetch: () => new Response("ok"),
};
