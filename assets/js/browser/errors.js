// An error in a script may leave a part of the page dead, so the person is told, once.

// Failed requests. The code that made the request reports them.
const NETWORK = /^(?:Uncaught )?(?:\(in promise\) )?(?:TypeError: |Error: )?(?:Failed to fetch$|NetworkError when|Load failed$|network error|Connection errored out)/i;
// Reports of layouts that take two rounds, and of scripts of other sites.
const HARMLESS = /ResizeObserver loop|^Script error\.?$/;
const EXTENSION = /^[a-z-]*extension:/;

/** Whether the event reports a fault of this page. event: `error` or `unhandledrejection` of the window. */
export function broke(event) {
  const error = event.error ?? event.reason;
  if (error?.name === 'AbortError' || EXTENSION.test(event.filename ?? '')) return false;
  const message = String(event.message ?? error?.message ?? error ?? '');
  return !HARMLESS.test(message) && !NETWORK.test(message);
}

/** Call `tell` at each fault from now on. */
export function watchErrors(target, tell) {
  for (const kind of ['error', 'unhandledrejection']) {
    target.addEventListener(kind, (event) => { if (broke(event)) tell(); });
  }
}
