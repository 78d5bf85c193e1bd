/** A certificate for TLS, of the admin API or of databases: read from its files, and checked. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { isIP } from "node:net";
import { messageOf, PlatformError } from "../base/errors.ts";

export interface CertificateFiles {
  /** PEM: the certificate, then those between it and the root. */
  cert: string;
  /** PEM. */
  key: string;
}

export interface Certificate {
  /** PEM. */
  cert: string;
  key: string;
  /** Whether it is for a host, as it stands in a `Host` header without its port. */
  isFor(host: string): boolean;
  /** Changes with the files. */
  stamp: string;
}

/** What is said of files that cannot be used, by what they are for. */
export type CertificateProblem = "ADMIN_TLS_UNUSABLE" | "DATABASE_TLS_UNUSABLE";

/** @throws {PlatformError} `problem` */
export function readCertificate(files: CertificateFiles, problem: CertificateProblem): Certificate {
  const unusable = (path: string, what: string, cause?: unknown) =>
    new PlatformError(problem, [path, what], { cause });
  const stamp = stampOf(files);
  const [cert, key] = [files.cert, files.key].map((path) => {
    try {
      return readFileSync(path, "utf8");
    } catch (error) {
      throw unusable(path, messageOf(error), error);
    }
  }) as [string, string];
  let parsed: X509Certificate;
  try {
    parsed = new X509Certificate(cert);
  } catch (error) {
    throw unusable(files.cert, "it holds no certificate in PEM", error);
  }
  let isPair: boolean;
  try {
    isPair = parsed.checkPrivateKey(createPrivateKey(key));
  } catch (error) {
    throw unusable(files.key, "it holds no private key in PEM without a passphrase", error);
  }
  if (!isPair) throw unusable(files.key, `it is not the key of ${files.cert}`);
  return {
    cert,
    key,
    stamp,
    isFor: (host) =>
      (isIP(host) === 0 ? parsed.checkHost(host) : parsed.checkIP(host)) !== undefined,
  };
}

/** What shows whether the files are others than before; empty when they are not there. */
export function stampOf({ cert, key }: CertificateFiles): string {
  const stamps = [cert, key].map((path) => {
    const facts = statSync(path, { bigint: true, throwIfNoEntry: false });
    return facts === undefined ? "" : `${facts.ino} ${facts.mtimeNs} ${facts.size}`;
  });
  return stamps.includes("") ? "" : stamps.join();
}
