/** What is deployed beside the page: a module whose default export has `fetch`. */
import { createApp } from "./app.ts";

export default createApp();
