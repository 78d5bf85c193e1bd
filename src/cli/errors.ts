/** `levain errors`: the catalogue of errors, or one of its codes explained. Needs no node. */
import { CATALOG, type ErrorCode, type ErrorRow } from "../base/catalog.ts";
import { templatesOf } from "../base/errors.ts";
import { usageError } from "./failure.ts";
import { type Column, renderTable } from "./table.ts";
import type { Call, Verb } from "./verb.ts";
import { hangingLines } from "./wrap-words.ts";

interface ErrorInfo {
  code: ErrorCode;
  /** Message with its placeholders named: `Cannot find app "<app>"`. */
  message: string;
  status: number;
  owner: "user" | "platform";
  fix: string;
  docs: string;
}

export const errors: Verb = {
  name: "errors",
  group: "Levain",
  summary: "Explain an error code, or list all",
  description: "Codes are permanent; messages are not. The same text is in docs/errors.md.",
  arguments: [["[code]", "code such as BOOT_CRASHED; default: list all"]],
  examples: [
    ["levain errors BOOT_CRASHED", "what it means and what to do"],
    ["levain errors", "every code there is"],
  ],
  async run(call) {
    const [code] = call.args;
    const all = Object.entries(CATALOG).map(([name, row]) => errorInfo(name as ErrorCode, row));
    if (code === undefined) {
      const columns: Column<ErrorInfo>[] = [
        { title: "CODE", cell: (row) => row.code, paint: call.paint.bold },
        { title: "MESSAGE", cell: (row) => row.message, cutTo: 20 },
      ];
      const size = { columns: call.io.stdout.columns, paintTitle: call.paint.dim };
      return {
        data: { errors: all },
        next: ["levain errors BOOT_CRASHED"],
        text: () => renderTable(all, columns, size),
      };
    }
    const found = all.find((info) => info.code === code.toUpperCase().replaceAll("-", "_"));
    if (found === undefined) {
      throw usageError(`no error has the code "${code}"; \`levain errors\` lists all`);
    }
    return { data: { errors: [found] }, next: [], text: () => explain(found, call) };
  },
};

function errorInfo(code: ErrorCode, row: ErrorRow): ErrorInfo {
  const { message, remedy } = templatesOf(row);
  return {
    code,
    message,
    status: row.status,
    owner: row.owner,
    fix: remedy,
    docs: `docs/errors.md#${code.toLowerCase()}`,
  };
}

function explain(info: ErrorInfo, { paint, io }: Call): string {
  const who =
    info.owner === "user"
      ? "the author of the request, app or command"
      : "the operator of the node";
  return [
    paint.bold(info.code),
    ...hangingLines(`  ${info.message}`, io.stdout.columns),
    ...hangingLines(`  Fix: ${info.fix}`, io.stdout.columns),
    `  Who: ${who}`,
    `  HTTP status: ${info.status}`,
    `  More: ${info.docs}`,
  ].join("\n");
}
