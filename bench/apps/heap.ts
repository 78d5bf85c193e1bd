/**
 * Has 20 MB of its own, like an app with a cache: records, their texts and an index. All of it was written once; `/` looks
 * at one record, `/all` at every one, and `/hold` answers a stream that stays open.
 */
interface Row {
  id: number;
  name: string;
  tags: string[];
  price: number;
  text: string;
}

/** What a record costs with its place in the index, as measured. Bytes. */
const rowBytes = 900;
/** Bytes. */
const heapBytes = Number(process.env["HEAP_BYTES"] ?? 20_000_000);
const rowsMax = Math.floor(heapBytes / rowBytes);
const words = "amber basil cedar delta ember fjord grove heron ivory jade kelp lotus".split(" ");

let state = 20_261_121;
function random(bound: number): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state % bound;
}

const word = () => words[random(words.length)]!;
const rows: Row[] = Array.from({ length: rowsMax }, (_, id) => ({
  id,
  name: `${word()}-${word()}-${id.toString(36)}`,
  tags: [word(), word()],
  price: random(1_000_000) / 100,
  // A text of its own, not a rope of others.
  text: Buffer.from(`${word()} ${word()} ${random(2 ** 31)} ${word()} ${id}`).toString("latin1"),
}));
const byName = new Map(rows.map((row) => [row.name, row]));

export default {
  fetch(request: Request): Response {
    const { pathname } = new URL(request.url);
    if (pathname === "/hold") {
      // Never ends; the client leaves.
      return new Response(new ReadableStream({ start: (stream) => stream.enqueue("held\n") }));
    }
    if (pathname !== "/all") return new Response(rows[random(rows.length)]!.name);
    let sum = 0;
    for (const { name } of rows) sum += byName.get(name)!.price + byName.get(name)!.text.length;
    return new Response(String(Math.round(sum)));
  },
};
