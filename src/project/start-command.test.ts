import { expect, test } from "bun:test";
import { readStartCommand } from "./start-command.ts";

const scripts = {
  start: "npm run serve -- --port $PORT",
  serve: "NODE_ENV=production node dist/x",
};

test.each([
  ["node build/index.js", { module: "build/index.js" }, []],
  ["node server --quiet", { module: "server" }, ["--quiet"]],
  ["bun src/x.ts a b", { module: "src/x.ts" }, ["a", "b"]],
  ["bun run --hot src/x.ts", { module: "src/x.ts" }, []],
  ["./bin/www", { module: "./bin/www" }, []],
  ["node ./bin/www", { module: "./bin/www" }, []],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a shell's
  ["next start -p ${PORT:-4000}", { program: "next" }, ["start", "-p", "4000"]],
  ["bunx --bun next start", { program: "next" }, ["start"]],
  ["npx react-router-serve ./b.js", { program: "react-router-serve" }, ["./b.js"]],
  ["node \"my app/x.js\" 'a b'", { module: "my app/x.js" }, ["a b"]],
  ["npm start", { module: "dist/x" }, ["--port", "3000"]],
  ["cross-env A=1 PORT=80 node x.js", { module: "x.js" }, []],
])("%p starts %p with %p", (command, target, args) => {
  expect(readStartCommand(command, { scripts })).toMatchObject({ target, args });
});

test("what is not taken over is told", () => {
  const command = "prisma migrate deploy && LOG=debug node -r dotenv/config --inspect x.js";

  expect(readStartCommand(command)?.leftOut).toEqual([
    "prisma migrate deploy",
    "LOG=debug",
    "-r dotenv/config",
    "--inspect",
  ]);
});

test.each([
  ["node x.js | pino-pretty -c", "| pino-pretty -c"],
  ["node x.js >> out.log 2>&1", ">> out.log 2>&1"],
  ["node x.js 2>err.log", "2>err.log"],
  ["node x.js &", "&"],
])("%p is started without what a shell does around it", (command, leftOut) => {
  const module = { target: { module: "x.js" }, args: [], leftOut: [leftOut] };

  expect(readStartCommand(command)).toEqual(module);
});

test("what only looks like a shell's is passed on", () => {
  expect(readStartCommand("node x.js --a=b|c 'a > b'")?.args).toEqual(["--a=b|c", "a > b"]);
});

test.each(["", "node", "bun run", "npm run loop"])("%p starts nothing", (command) => {
  expect(readStartCommand(command, { scripts: { loop: "npm run loop" } })).toBeNull();
});
