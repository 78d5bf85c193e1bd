/** Reads the body and says in JSON how long it was. */
export default {
  async fetch(request: Request): Promise<Response> {
    return Response.json({ bytes: (await request.arrayBuffer()).byteLength });
  },
};
