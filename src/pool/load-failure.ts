import type { FailedMessage } from "../wire/control.ts";

/** The app's module ran and cannot take requests. */
export class LoadFailure extends Error {
  override readonly name = "LoadFailure";
  readonly failure: FailedMessage;

  constructor(failure: FailedMessage) {
    super(failure.message);
    this.failure = failure;
  }
}
