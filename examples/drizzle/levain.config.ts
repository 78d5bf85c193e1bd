/** Its branches have databases, which `src/migrate.ts` brings up to date at each deploy and promote. */
export default {
  name: "books",
  database: true,
  migrate: { module: "src/migrate.ts", files: ["drizzle"] },
};
