import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { greeting } from "@bakery/greeting";

// The app's folder is the working directory, as it is without Levain.
const name = readFileSync("name.txt", "utf8").trim();

createServer((request, response) => {
  if (request.url !== "/") return void response.writeHead(404).end("not here\n");
  response.end(greeting(name));
}).listen(process.env["PORT"] ?? 3000);
