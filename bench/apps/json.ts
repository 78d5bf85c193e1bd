/** Answers with 1 KB of JSON, made for each request as an API does. */
const rows = Array.from({ length: 12 }, (_, id) => ({
  id,
  name: `product number ${id}`,
  priceCents: 1000 + id,
  isInStock: id % 2 === 0,
}));

export default {
  fetch: () => Response.json({ rows, total: rows.length }),
};
