/** The tables of docs/warm-starts.md that are made from code: settings and metrics. */
import { BROKER_FAMILIES } from "./broker-metrics.ts";
import {
  BROKER_SECRETS,
  BROKER_SETTINGS,
  type BrokerSetting,
  defaultOf,
  flagOf,
  secretCharactersMin,
  variableOf,
} from "./broker-settings.ts";

/** Without a final newline. */
export function brokerSettingsTable(): string {
  const rows = BROKER_SETTINGS.map((setting) => {
    const { key, help } = setting;
    const flag = BROKER_SECRETS.includes(key) ? "" : `\`${flagOf(key)}\``;
    const fallback = defaultOf(setting);
    const shown = fallback === "" ? "none" : `\`${fallback}\``;
    return `| \`${key}\` | ${flag} | \`${variableOf(key)}\` | ${shown} | ${takenBy(setting)} | ${sentence(help)} |`;
  });
  return [
    "| key | flag | variable | default | takes | meaning |",
    "| --- | --- | --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}

/** Without a final newline. */
export function brokerMetricsTable(): string {
  const rows = BROKER_FAMILIES.map(({ name, type, labels, help }) => {
    const named = labels.map((label) => `\`${label}\``).join(", ");
    return `| \`${name}\` | ${type} | ${named} | ${help.replace(/\.$/, "")} |`;
  });
  return ["| name | type | labels | meaning |", "| --- | --- | --- | --- |", ...rows].join("\n");
}

function takenBy(setting: BrokerSetting): string {
  switch (setting.kind) {
    case "number":
      return `${setting.min} to ${setting.max}`;
    case "switch":
      return "`true`, `false`";
    case "choice":
      return setting.choices.map((choice) => `\`${choice}\``).join(", ");
    case "list":
      return `up to ${setting.countMax}, separated by commas`;
    case "text":
      return TAKEN[setting.rule];
  }
}

const TAKEN: Readonly<Record<Extract<BrokerSetting, { kind: "text" }>["rule"], string>> = {
  address: "an IP address",
  origin: "`http://…`",
  hostPort: "`name:port`",
  absolutePath: "an absolute path",
  machine: "a name",
  secret: `${secretCharactersMin} characters or more`,
};

function sentence(text: string): string {
  // A value that is explained stays as it is written.
  if (/^\w+: /.test(text)) return text;
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
