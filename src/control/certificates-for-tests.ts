/** Certificates that sign themselves, made for a test with the machine's openssl. */
import { join } from "node:path";
import type { CertificateFiles } from "./certificate.ts";

export const hasOpenssl = Bun.which("openssl") !== null;

/** @param names such as `DNS:one.test` and `IP:127.0.0.1`; the files are named after `name` and replaced */
export function makeCertificate(
  folder: string,
  name: string,
  names: readonly string[],
): CertificateFiles {
  const files = { cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key.pem`) };
  const { exitCode, stderr } = Bun.spawnSync([
    "openssl",
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
    "-days",
    "2",
    "-subj",
    `/CN=${name}`,
    "-addext",
    `subjectAltName=${names.join()}`,
    "-keyout",
    files.key,
    "-out",
    files.cert,
  ]);
  if (exitCode !== 0) throw new Error(stderr.toString());
  return files;
}
