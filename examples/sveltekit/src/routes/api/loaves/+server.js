import { json } from "@sveltejs/kit";

let baked = 0;

export const GET = () => json({ baked });

export const POST = () => {
  baked += 1;
  return json({ baked }, { status: 201 });
};
