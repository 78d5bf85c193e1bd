/** Preloaded into an app that knows nothing of tests: it ends when the process that started it does, however that ends. */
void (async () => {
  for await (const _ of Bun.stdin.stream()) {
    // Nothing is said; only the end counts.
  }
  process.exit(0);
})();
