/** The tables, as Drizzle knows them. */
import { integer, pgTable, serial, text } from "drizzle-orm/pg-core";

export const books = pgTable("books", {
  id: serial().primaryKey(),
  title: text().notNull(),
  rating: integer().notNull().default(3),
});
