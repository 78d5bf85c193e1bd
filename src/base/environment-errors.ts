/** Errors of environment values and the key that seals them. No message has a value in it. */
import type { ErrorRow } from "./error-row.ts";

export const environmentErrors = {
  ENV_NAME_INVALID: {
    owner: "user",
    status: 400,
    message: (name: string, rule: string) =>
      `Cannot use "${name}" as the name of an environment value: ${rule}`,
    remedy: "Give it another name, such as DATABASE_URL",
  },
  ENV_VALUE_INVALID: {
    owner: "user",
    status: 400,
    message: (name: string, rule: string) => `Cannot set ${name}: ${rule}`,
    remedy: "Correct the value; a file too large for one belongs into the app or its storage",
  },
  ENV_FILE_INVALID: {
    owner: "user",
    status: 400,
    message: (file: string, what: string) => `Cannot read environment values from ${file}: ${what}`,
    remedy: "Write each value as NAME=value; docs/environment.md says how quotes are read",
  },
  ENV_TOO_MANY: {
    owner: "user",
    status: 400,
    message: (app: string, valuesMax: number) =>
      `Cannot set the values: app "${app}" would have more than ${valuesMax}`,
    remedy: "Take away what is not needed with `levain env unset`; `levain env list` shows all",
  },
  ENV_TOO_LARGE: {
    owner: "user",
    status: 422,
    message: (app: string, branch: string, bytes: number, bytesMax: number) =>
      `Cannot start app "${app}" on ${branch}: its environment has ${bytes} bytes, at most ${bytesMax} are accepted`,
    remedy: "Take away what is not needed with `levain env unset`",
  },
  ENVIRONMENT_INVALID: {
    owner: "user",
    status: 422,
    message: (app: string, branch: string, what: string) =>
      `Cannot start app "${app}" on ${branch}: ${what}`,
    remedy: (app: string, branch: string) => {
      const previews = branch === "main" ? "" : ", or `--previews` for every branch but main";
      return `Set what is named with \`levain env set NAME=value --app ${app} --branch ${branch}\`${previews}, then try again; what is live stays as it is`;
    },
  },
  ENVIRONMENT_CHANGED: {
    owner: "user",
    status: 409,
    message: (app: string, branch: string) =>
      `Cannot go on: the environment of app "${app}" on ${branch} is not the one that was shown any more`,
    remedy: "Run the command again and look at what it shows",
  },
  ENVIRONMENT_UNCONFIRMED: {
    owner: "user",
    status: 400,
    message: (app: string, version: string, branch: string) =>
      `Cannot make app "${app}" ${version} live on ${branch}: it gets another environment there, and nobody has agreed to that`,
    remedy: "Look at what differs, then run the command again with `--yes`",
  },
  ENVIRONMENT_UNREADABLE: {
    owner: "platform",
    status: 503,
    message: (app: string, name: string, why: string) =>
      `Cannot open environment value ${name} of app "${app}": ${why}`,
    remedy:
      "Give the node its master key back (docs/environment.md), or set the value again and deploy; other apps are not affected",
  },
  MASTER_KEY_INVALID: {
    owner: "platform",
    status: 500,
    message: (where: string, what: string) => `Cannot use the master key in ${where}: ${what}`,
    remedy:
      "Restore the file from its copy with mode 600 and the node's user as its owner; never make a new one in its place, which would open nothing",
  },
  MASTER_KEY_GIVEN: {
    owner: "user",
    status: 409,
    message: () => "Cannot rotate the master key: it is given to the node as LEVAIN_MASTER_KEY",
    remedy:
      "Put a new key in front of the old one there (`new,old`) and restart the node; when its log says that all is sealed anew, take the old one away",
  },
  KEY_ROTATION_RUNNING: {
    owner: "user",
    status: 409,
    message: () => "Cannot rotate the master key: a rotation is under way",
    remedy: "Wait for it to end; it goes on by itself, after a restart of the node too",
  },
} as const satisfies Record<string, ErrorRow>;
