/** What is deployed: a module whose default export has `fetch`. */
import { createApp } from "./app.ts";
import { MemoryNotes } from "./notes.ts";

export default createApp(new MemoryNotes());
