import { expect, test } from "bun:test";
import { type Column, cutText, renderTable } from "./table.ts";

interface Row {
  name: string;
  url: string;
  note: string;
}

const columns: Column<Row>[] = [
  { title: "NAME", cell: (row) => row.name, cutTo: 6 },
  { title: "URL", cell: (row) => row.url },
  { title: "NOTE", cell: (row) => row.note, cutTo: 4 },
];
const row = { name: "shop-of-things", url: "http://shop.localhost:4000", note: "a long remark" };

test("what fits is not cut, and no line ends in spaces", () => {
  const table = renderTable([row, { ...row, name: "b", note: "" }], columns, { columns: 80 });

  expect(table).toBe(
    "NAME            URL                         NOTE\n" +
      "shop-of-things  http://shop.localhost:4000  a long remark\n" +
      "b               http://shop.localhost:4000",
  );
});

test("the column that bears a cut best is cut first, the URL never", () => {
  const lines = (width: number) => renderTable([row], columns, { columns: width }).split("\n")[1];

  expect(lines(55)).toBe("shop-of-things  http://shop.localhost:4000  a long rem…");
  expect(lines(44)).toBe("shop-of-t…  http://shop.localhost:4000  a l…");
  expect(lines(20)).toBe("shop-…  http://shop.localhost:4000  a l…");
});

test("wide characters count as the columns they take", () => {
  expect(cutText("日本語日本語", 7)).toBe("日本語…");
  expect(cutText("日本語", 6)).toBe("日本語");
  expect(cutText("🙂🙂🙂", 4)).toBe("🙂…");
});

test("numbers line up on the right, and colors do not move anything", () => {
  const counts: Column<number>[] = [
    { title: "COUNT", cell: String, align: "right", paint: (text) => `<${text}>` },
    { title: "X", cell: () => "x" },
  ];

  expect(renderTable([7, 1234], counts, { columns: 80 })).toBe("COUNT  X\n    <7>  x\n <1234>  x");
});

test("what somebody else wrote neither moves the cursor nor begins a line", () => {
  const hostile = { ...row, name: "\x1b[2Jshop\nowner  deploy  ok\r", note: "a\u009b31m" };

  const lines = renderTable([hostile], columns, { columns: 200 }).split("\n");

  expect(lines).toHaveLength(2);
  expect(lines[1]).toStartWith("\\x1b[2Jshop owner  deploy  ok");
  expect(lines[1]).toEndWith("a\\x9b31m");
});
