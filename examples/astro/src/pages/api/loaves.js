let baked = 0;

export const GET = () => Response.json({ baked });

export const POST = () => {
  baked += 1;
  return Response.json({ baked }, { status: 201 });
};
