/** The tables, as Drizzle knows them. */
import { pgTable, serial, text } from "drizzle-orm/pg-core";

export const books = pgTable("books", {
  id: serial().primaryKey(),
  title: text().notNull(),
});
