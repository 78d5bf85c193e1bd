let baked = 0;

export const dynamic = "force-dynamic";

export function GET() {
  return Response.json({ baked });
}

export function POST() {
  baked += 1;
  return Response.json({ baked }, { status: 201 });
}
