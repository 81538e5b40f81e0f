// The unguessable key of this tab's conversation. It lives as long as the tab, and survives a reload.
import { session } from '../browser/storage.js';
import { neighbours } from './tabs.js';

const KEY = 'qwen-vl-chat-key';
const TAKEN = 'qwen-vl-chat-key-of-another'; // a key that another tab turned out to have

export function key() {
  if (!/^[0-9a-f]{32}$/.test(session.get(KEY) ?? '')) {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    session.set(KEY, hex);
  }
  return session.get(KEY);
}

/** @type {ReturnType<typeof neighbours> | null} */
let others = null;

async function own() {
  others = neighbours();
  const before = session.get(KEY);
  const copied = before && (session.get(TAKEN) === before || await others.have(before));
  if (copied) session.set(KEY, '');
  others.take(key(), () => { session.set(TAKEN, key()); location.reload(); });
  return copied && before ? before : '';
}

/** Whether another tab of this browser has this key. Call it when the page is open. */
export const heldElsewhere = async (other) => Boolean(await others?.have(other));

/** @type {Promise<string> | null} */
let owned = null;

/**
 * Resolves when no other tab has this tab's key. For a duplicate of another tab it resolves to the other's key, whose
 * conversation is copied; otherwise to ''.
 */
export const whenOwned = () => owned ??= own();
