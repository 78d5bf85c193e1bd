/** A certificate that is read again when its files change; one that cannot be used leaves the one before in its place. */
import { messageOf } from "../base/errors.ts";
import {
  type Certificate,
  type CertificateFiles,
  type CertificateProblem,
  readCertificate,
  stampOf,
} from "./certificate.ts";
import { tlsLookMs } from "./limits.ts";

export interface WatchedCertificateOptions {
  files: CertificateFiles;
  /** What they are for, as the node's log says it. */
  purpose: string;
  problem: CertificateProblem;
  note(line: string): void;
  /** There is another one, which is to be used from now on. It may throw, and is asked again then when the files change. */
  onRenewed(certificate: Certificate): void | Promise<void>;
  /** Default `tlsLookMs`. */
  lookMs?: number | undefined;
}

export class WatchedCertificate {
  readonly #options: WatchedCertificateOptions;
  readonly #timer: ReturnType<typeof setInterval>;
  #current: Certificate;
  /** Files that could not be used, so that it is said once. */
  #refusedStamp = "";

  /** @throws {PlatformError} `problem` */
  constructor(options: WatchedCertificateOptions) {
    this.#options = options;
    this.#current = readCertificate(options.files, options.problem);
    this.#timer = setInterval(() => void this.#look(), options.lookMs ?? tlsLookMs);
    this.#timer.unref();
  }

  get current(): Certificate {
    return this.#current;
  }

  /** Looks at the files no more. Twice is safe. */
  close(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const { files, purpose, problem, note, onRenewed } = this.#options;
    const stamp = stampOf(files);
    // While one of them is being replaced, the one in use will do.
    if (stamp === "" || stamp === this.#current.stamp || stamp === this.#refusedStamp) return;
    try {
      const renewed = readCertificate(files, problem);
      await onRenewed(renewed);
      this.#current = renewed;
      note(`${purpose}: takes the new certificate ${files.cert}`);
    } catch (error) {
      this.#refusedStamp = stamp;
      note(
        `${purpose}: keeps its certificate, since the new one cannot be used: ${messageOf(error)}`,
      );
    }
  }
}
