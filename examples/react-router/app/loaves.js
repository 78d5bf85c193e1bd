let baked = 0;

export const loader = () => Response.json({ baked });

export const action = () => {
  baked += 1;
  return Response.json({ baked }, { status: 201 });
};
