/** Reads what it is sent and says how much it was. */
export default {
  async fetch(request: Request): Promise<Response> {
    const { byteLength } = await request.arrayBuffer();
    return Response.json({ bytes: byteLength });
  },
};
