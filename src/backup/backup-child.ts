/** Has a backup made by a process of its own. */
import { join } from "node:path";
import { PlatformError } from "../base/errors.ts";
import type { FromBackup } from "./backup-protocol.ts";
import { backupSilenceMs } from "./limits.ts";
import type { BackupDone, BackupJob, BackupProgress } from "./make-backup.ts";

const modulePath = join(import.meta.dir, "backup-process.ts");

/** How the machine reaches others is the operator's to say; nothing else of the environment is for it. */
const PASSED_VARIABLES = [
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "NODE_EXTRA_CA_CERTS",
];

/**
 * @param signal ends the process at once; what it has left is swept by the next backup to the same place
 * @param silenceMs it is killed when it has said nothing for so long. Milliseconds
 * @throws {PlatformError} `BACKUP_FAILED`, `BACKUP_STORAGE_FAILED`
 */
export async function makeInChild(
  job: BackupJob,
  env: Readonly<Record<string, string | undefined>>,
  onProgress: (progress: BackupProgress) => void,
  signal: AbortSignal,
  silenceMs = backupSilenceMs,
): Promise<BackupDone> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<BackupDone>();
  const child = Bun.spawn(
    [process.execPath, "--no-install", "--no-env-file", "--no-orphans", modulePath],
    {
      cwd: "/",
      stdio: ["ignore", 2, 2],
      env: Object.fromEntries(
        PASSED_VARIABLES.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])),
      ),
      ipc(message: FromBackup) {
        silence.refresh();
        if (message.type === "progress") onProgress(message);
        if (message.type === "done") resolve(message.done);
        if (message.type === "failed") reject(PlatformError.of(message.error));
      },
    },
  );
  const kill = () => child.kill("SIGKILL");
  const silence = setTimeout(() => {
    reject(new PlatformError("BACKUP_FAILED", [`its process said nothing for ${silenceMs} ms`]));
  }, silenceMs);
  signal.addEventListener("abort", kill, { once: true });
  void child.exited.then(() => {
    const how = child.signalCode ?? `exit ${child.exitCode}`;
    reject(
      signal.aborted
        ? signal.reason
        : new PlatformError("BACKUP_FAILED", [`its process ended (${how})`]),
    );
  });
  child.send({ type: "make", job });
  try {
    return await promise;
  } finally {
    clearTimeout(silence);
    signal.removeEventListener("abort", kill);
    kill();
    await child.exited;
  }
}
