// What the browser keeps for this page. Where it refuses (cookies blocked, a frame, private browsing, no
// room), the page keeps it in memory until it is closed, and whoever asks is told what that means.

const listeners = new Set();
const refusals = new Set(); // 'blocked', 'full'

function refuse(why) {
  if (refusals.has(why)) return;
  refusals.add(why);
  for (const listener of listeners) listener(why);
}

/** Call `listener` with 'blocked' or 'full', once for each, also for what has been refused before. */
export function whenRefused(listener) {
  listeners.add(listener);
  for (const why of refusals) listener(why);
}

/**
 * Strings by name. open: gives the browser's own store; it may throw, as `window.localStorage` does.
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
/** Lasts as long as the tab, also over a reload. */
export const session = store(() => globalThis.sessionStorage);
