/** For `bun run generate`, which writes into `drizzle/` what has changed in the schema. */
export default { dialect: "postgresql", schema: "./src/schema.ts", out: "./drizzle" };
