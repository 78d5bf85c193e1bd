/** What an app hears when its client has gone: the same error, in the same words, as from `Bun.serve`. */
export function connectionClosed(): DOMException {
  return new DOMException("The connection was closed.", "AbortError");
}
