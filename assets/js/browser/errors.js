// An error in a script leaves a part of the page dead. The person is told, once.

// A request that the network broke: whoever asked says so where it matters.
const NETWORK = /^(?:Uncaught )?(?:\(in promise\) )?(?:TypeError: |Error: )?(?:Failed to fetch$|NetworkError when|Load failed$|network error|Connection errored out)/i;
// What browsers report of layouts that take two rounds, and of scripts that are not this page's.
const HARMLESS = /ResizeObserver loop|^Script error\.?$/;
const EXTENSION = /^[a-z-]*extension:/;

/** Whether something broke. event: of the window, `error` or `unhandledrejection`. */
export function broke(event) {
  const error = event.error ?? event.reason;
  if (error?.name === 'AbortError' || EXTENSION.test(event.filename ?? '')) return false;
  const message = String(event.message ?? error?.message ?? error ?? '');
  return !HARMLESS.test(message) && !NETWORK.test(message);
}

/** Call `tell` whenever something broke from now on. */
export function watchErrors(target, tell) {
  for (const kind of ['error', 'unhandledrejection']) {
    target.addEventListener(kind, (event) => { if (broke(event)) tell(); });
  }
}
