// Strings that the browser keeps for this page. If it refuses (blocked cookies, a frame, private browsing, no room), the
// page keeps them in memory until it is closed, and listeners are called.

const listeners = new Set();
const refusals = new Set(); // 'blocked', 'full'

function refuse(why) {
  if (refusals.has(why)) return;
  refusals.add(why);
  for (const listener of listeners) listener(why);
}

/** Call `listener` with 'blocked' or 'full', once for each, also for earlier refusals. */
export function whenRefused(listener) {
  listeners.add(listener);
  for (const why of refusals) listener(why);
}

/**
 * Returns a store of strings by name. open: returns the browser's store; it may throw, as `window.localStorage` does.
 * @param {() => any} open
 */
export function store(open) {
  const memory = new Map();
  /** @type {Storage | null} */
  let kept = null;
  try { kept = open() ?? null; } catch { /* told below */ }
  if (!kept) refuse('blocked');

  function get(name) {
    if (memory.has(name)) return memory.get(name);
    try { return kept?.getItem(name) ?? null; } catch { return null; }
  }

  function set(name, value) {
    try {
      if (!kept) throw new Error('there is none');
      kept.setItem(name, value);
      memory.delete(name);
    } catch (/** @type {any} */ error) {
      memory.set(name, String(value));
      refuse(error.name === 'QuotaExceededError' && kept?.length ? 'full' : 'blocked');
    }
  }

  return { get, set };
}

/** Lasts until the person clears it, and belongs to all tabs. */
export const local = store(() => globalThis.localStorage);
/** Lasts as long as the tab, and survives a reload. */
export const session = store(() => globalThis.sessionStorage);
