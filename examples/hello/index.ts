/** The smallest app there is: a default export with `fetch`. */
let visits = 0;

export default {
  fetch(request: Request): Response {
    visits += 1;
    const { pathname } = new URL(request.url);
    return Response.json({ hello: "world", pathname, visits });
  },
};
